// What do transactions cost? The same backlog is copied by sequences, the default, and in transactions that are committed every second;
// to Apache Kafka and to our broker. A record counts when readers of committed data see it.
import { catchUp } from './rig/catch-up.ts'
import { heliostat } from './rig/heliostat.ts'
import { type BenchOptions, inTurns, type Question } from './rig/question.ts'
import { report } from './rig/report.ts'
import { Rig } from './rig/rig.ts'

const partitions = 8
const recordBytes = 1024

export const delivery: Question = {
  name: 'delivery',
  asks: 'a backlog of 1 KiB records in 16 KiB batches, by sequences and in transactions of a second, to either broker',
  run: async (options) => {
    for (const broker of options.brokers) await measure(options, broker)
  },
}

async function measure(options: BenchOptions, target: BenchOptions['brokers'][number]): Promise<void> {
  const rig = await Rig.start({ target })
  try {
    const records = Math.round(1_953_124 * options.scale)
    await rig.load({ topic: 'records', partitions, records, batchBytes: 16_384, recordBytes })
    const load = { topic: 'records', partitions, records, recordBytesTotal: records * recordBytes }
    const contestants = [heliostat(), heliostat({ delivery: 'transactional' })]
    const rows = await inTurns({ ...options, contestants }, (contestant) => catchUp(rig, contestant, load))
    report(`delivery: ${records} records of ${recordBytes} B to ${target.name}`, rows)
  } finally {
    await rig.stop()
  }
}
