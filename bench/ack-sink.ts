// How fast is the mirror itself? One thread, 16 KiB batches, from a real broker into a target that only acknowledges: at hand,
// and at the end of an emulated link with a round trip of 50 ms.
import { setTimeout as delay } from 'node:timers/promises'
import { AckSink } from './rig/ack-sink.ts'
import { cpuSeconds, memory } from './rig/process-stats.ts'
import { type BenchOptions, inTurns, type Question } from './rig/question.ts'
import { report } from './rig/report.ts'
import { Rig } from './rig/rig.ts'

const partitions = 8
const recordBytes = 1024
const records = 1_953_125
/** From here on the mirror is warm: Node compiles what is hot. */
const warmShare = 0.2
const pollMs = 5
const stuckAfterMs = 120_000

function question(name: string, asks: string, roundTripMs: number): Question {
  return { name, asks, run: (options) => run(name, asks, roundTripMs, options) }
}

async function run(name: string, asks: string, roundTripMs: number, options: BenchOptions): Promise<void> {
  const sink = await AckSink.listen(roundTripMs)
  const rig = await Rig.start({ sink })
  try {
    const count = Math.round(records * options.scale)
    await rig.load({ topic: 'records', partitions, records: count, batchBytes: 16_384, recordBytes })
    // Only our mirror: MM2 would be slower than its own brokers.
    const contestants = options.contestants.filter((contestant) => contestant.name === 'heliostat')
    const rows = await inTurns({ ...options, contestants }, (contestant) => {
      rig.warm('records')
      const before = { records: sink.records, bytes: sink.bytes }
      return rig.mirror(contestant, { topics: 'records' }, async (mirror) => {
        const reached = async (wanted: number) => {
          const deadline = performance.now() + stuckAfterMs
          while (sink.records - before.records < wanted) {
            if (!mirror.running || performance.now() > deadline)
              throw new Error(`${sink.records - before.records} of ${wanted} records`)
            await delay(pollMs)
          }
          return { at: performance.now(), bytes: sink.bytes, records: sink.records, cpu: cpuSeconds(mirror.pid).total }
        }
        const warm = await reached(count * warmShare)
        const done = await reached(count)
        const seconds = (done.at - warm.at) / 1000
        return {
          'MB/s': (done.bytes - warm.bytes) / 1e6 / seconds,
          'k records/s': (done.records - warm.records) / 1e3 / seconds,
          'CPU s/GB': (done.cpu - warm.cpu) / ((done.bytes - warm.bytes) / 1e9),
          'peak MB': memory(mirror.pid).peakRssMb,
        }
      })
    })
    report(`${name}: ${asks}`, rows)
  } finally {
    await rig.stop()
    sink.close()
  }
}

export const ackSinkLocal = question('ack-sink', 'into a sink that only acknowledges, 16 KiB batches', 0)
export const ackSinkWan = question('ack-sink-50ms', 'the same over a link of 50 ms round trip', 50)
