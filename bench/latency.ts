// How long after its append at the source can a record be read at the target? See java/Latency.java for how it is timed.
import { inTurns, type Question } from './rig/question.ts'
import { type Figures, report } from './rig/report.ts'
import { Rig } from './rig/rig.ts'
import { settled } from './rig/settled.ts'

const partitions = 8
const recordBytes = 1024
const warmRecords = 40_000
const warmupSeconds = 10
const seconds = 30
const brokerWarmSeconds = 20

function question(rate: number): Question {
  const name = `latency-${rate}`
  const asks = `source append to readable at the target, ${rate} records of 1 KiB a second`
  return {
    name,
    asks,
    run: async (options) => {
      const rig = await Rig.start()
      let run = 0
      try {
        for (const broker of [rig.source, rig.target]) await warm(rig, broker)
        const rows = await inTurns(options, async (contestant) => {
          const topic = `records-${++run}`
          // What the mirror copies before the clock starts warms it, and shows that it runs.
          await rig.load({ topic, partitions, records: warmRecords, batchBytes: 16_384, recordBytes })
          return rig.mirror(contestant, { topics: topic }, async (_, alias) => {
            const copy = `${alias}.${topic}`
            await settled(rig, [{ topic: copy, partitions }], warmRecords)
            const args = [rig.source.bootstrap, topic, rig.target.bootstrap, copy, partitions, rate, warmupSeconds]
            const output = await rig.program('Latency', [...args, Math.round(seconds * options.scale), recordBytes])
            return JSON.parse(output.slice(output.indexOf('{'))) as Figures
          })
        })
        report(`${name}: ${asks}, ms`, rows)
      } finally {
        await rig.stop()
      }
    },
  }
}

/** A JVM that has just started compiles for a while, beside what is measured: each broker first serves writers and readers alone. */
async function warm(rig: Rig, { bootstrap }: { readonly bootstrap: string }): Promise<void> {
  await rig.createTopic('warm', partitions, bootstrap)
  await rig.program('Latency', [
    bootstrap,
    'warm',
    bootstrap,
    'warm',
    partitions,
    5_000,
    0,
    brokerWarmSeconds,
    recordBytes,
  ])
}

export const latency1000 = question(1000)
export const latency5000 = question(5000)
