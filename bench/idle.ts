// What does a mirror cost that has nothing to do? Measured for half a minute, half a minute after it had caught up.
import { setTimeout as delay } from 'node:timers/promises'
import { cpuSeconds, memory } from './rig/process-stats.ts'
import { inTurns, type Question } from './rig/question.ts'
import { report } from './rig/report.ts'
import { Rig } from './rig/rig.ts'
import { settled } from './rig/settled.ts'

const topic = 'records'
const partitions = 8
const records = 8000
const settleMs = 30_000
const measureMs = 30_000

export const idle: Question = {
  name: 'idle',
  asks: 'memory and CPU of a mirror of 8 quiet partitions',
  run: async (options) => {
    const rig = await Rig.start()
    try {
      await rig.load({ topic, partitions, records, batchBytes: 16_384, recordBytes: 1024 })
      const rows = await inTurns(options, (contestant) =>
        rig.mirror(contestant, { topics: topic }, async (mirror, alias) => {
          await settled(rig, [{ topic: `${alias}.${topic}`, partitions }], records)
          await delay(settleMs)
          const before = cpuSeconds(mirror.pid).total
          await delay(measureMs)
          const used = cpuSeconds(mirror.pid).total - before
          return { 'idle MB': memory(mirror.pid).rssMb, 'idle CPU %': (used / (measureMs / 1000)) * 100 }
        }),
      )
      report('idle', rows)
    } finally {
      await rig.stop()
    }
  },
}
