// How soon is a cluster of many small topics mirrored, from the start of the mirror's process, and what does it cost then, when a few
// records a second come to one of them? Most of that time the target makes the topics: what it needs for as many of them without a
// mirror is measured right before each run, on the same broker, and stands beside; no mirror can be sooner. A broker that has just
// started compiles, and a new partition costs a disk several flushes, both more than the mirrors differ: the target has made as many
// topics before, and the brokers' logs lie in memory.
import { setTimeout as delay } from 'node:timers/promises'
import { cpuSeconds, memory } from './rig/process-stats.ts'
import { inTurns, type Question } from './rig/question.ts'
import { report } from './rig/report.ts'
import { Rig } from './rig/rig.ts'
import { settled } from './rig/settled.ts'

const partitions = 5
const recordsPerTopic = 50
const pollMs = 100
const trickleTopic = 'many-trickle'
const trickle = 10
/** How often the target makes all topics before anything is measured. */
const warmRounds = 3
/** For the target to take away the topics of the round before. */
const restMs = 10_000
const settleMs = 20_000
const measureMs = 30_000

export const manyTopics: Question = {
  name: 'many-topics',
  asks: '200 topics of 5 partitions, 50 records each: all mirrored; memory and CPU when little comes',
  run: async (options) => {
    const rig = await Rig.start({ inMemory: true })
    try {
      const names = Array.from({ length: Math.round(200 * options.scale) }, (_, index) => `many-${index}`)
      const fill = async (bootstrap: string, prefix: string, records: number) =>
        Number(await rig.program('Fill', [bootstrap, prefix, names.length, partitions, records]))
      const made = await fill(rig.source.bootstrap, 'many-', recordsPerTopic)
      console.log(`the source took ${made.toFixed(1)} s to make its topics, before anything was measured`)
      await rig.createTopic(trickleTopic, 1)
      for (const name of names) rig.warm(name)
      let rounds = 0
      const withoutMirror = async () => {
        const prefix = `alone${++rounds}-`
        const seconds = await fill(rig.target.bootstrap, prefix, 0)
        await rig.deleteTopics(`${prefix}.*`, rig.target.bootstrap)
        await delay(restMs)
        return seconds
      }
      while (rounds < warmRounds) await withoutMirror()
      const rows = await inTurns(options, async (contestant) => {
        const aloneSeconds = await withoutMirror()
        const startedAt = performance.now()
        return rig.mirror(contestant, { topics: 'many-.*' }, async (mirror, alias) => {
          const copies = names.map((name) => ({ topic: `${alias}.${name}`, partitions }))
          const first = await settled(rig, copies, 1, { pollMs })
          const all = await settled(rig, copies, names.length * recordsPerTopic, { pollMs })
          const cpu = cpuSeconds(mirror.pid).total
          const seconds = (settleMs + measureMs) / 1_000 + 20
          const writer = rig.observe('Writer', [rig.source.bootstrap, trickleTopic, 1, trickle, seconds * trickle, 100])
          try {
            await delay(settleMs)
            const before = cpuSeconds(mirror.pid).total
            await delay(measureMs)
            const used = cpuSeconds(mirror.pid).total - before
            return {
              'target alone s': aloneSeconds,
              'first record s': (first - startedAt) / 1_000,
              'all s': (all - startedAt) / 1_000,
              'CPU s until then': cpu,
              'peak MB': memory(mirror.pid).peakRssMb,
              'MB at rest': memory(mirror.pid).rssMb,
              'CPU % at rest': (used / (measureMs / 1_000)) * 100,
            }
          } finally {
            await writer.kill()
          }
        })
      })
      report(`many-topics: ${names.length} topics of ${partitions} partitions`, rows)
    } finally {
      await rig.stop()
    }
  },
}
