// What does a mirror lose, double or reorder when it is killed? Three kill -9 while records arrive at a steady rate, each
// followed by a restart at once; then the copy is compared with the source, record by record.
import { setTimeout as delay } from 'node:timers/promises'
import { inTurns, type Question } from './rig/question.ts'
import { type Figures, report } from './rig/report.ts'
import { Rig } from './rig/rig.ts'
import { settled } from './rig/settled.ts'

const partitions = 8
const recordBytes = 200
const rate = 5000
const kills = 3
const quietMs = 30_000

export const crash: Question = {
  name: 'crash',
  asks: '3 × kill -9 under 5,000 records a second: missing, duplicated, reordered',
  run: async (options) => {
    const rig = await Rig.start()
    const records = Math.round(650_000 * options.scale)
    let run = 0
    try {
      const rows = await inTurns(options, async (contestant) => {
        const topic = `crash-${++run}`
        await rig.createTopic(topic, partitions)
        const job = rig.job({ topics: topic })
        const copy = { topic: `${job.alias}.${topic}`, partitions }
        let mirror = contestant.start(job)
        try {
          const writer = rig.observe('Writer', [rig.source.bootstrap, topic, partitions, rate, records, recordBytes])
          await writer.until(({ stdout }) => stdout.includes('writing'), 'the first record')
          for (let kill = 0; kill < kills; kill++) {
            await delay((records / rate / (kills + 1)) * 1000)
            await mirror.kill('SIGKILL')
            mirror = contestant.start(job)
          }
          const written = await writer.exited
          if (written.code !== 0) throw new Error(writer.stderr)
          await settled(rig, [copy], records)
          await quiet(rig, copy)
          const compare = [rig.source.bootstrap, topic, rig.target.bootstrap, copy.topic, partitions, records]
          return JSON.parse(await rig.program('Compare', compare)) as Figures
        } finally {
          await mirror.kill()
          await rig.forget(job)
        }
      })
      report(`crash: ${records} records at ${rate}/s, ${kills} × kill -9`, rows)
    } finally {
      await rig.stop()
    }
  },
}

/** A mirror that repeats itself goes on after the target holds enough: waits until it adds nothing for a while. */
async function quiet(rig: Rig, copy: { topic: string; partitions: number }): Promise<void> {
  let count = -1
  for (;;) {
    const now = await rig.targetEnds.count([copy])
    if (now === count) return
    count = now
    await delay(quietMs)
  }
}
