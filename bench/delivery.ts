// What do transactions cost? The same backlog is copied by sequences, the default, and in transactions that are committed every second;
// to Apache Kafka and to our broker. Beside them MirrorMaker 2, which may copy twice unless it commits in transactions, too. A record counts
// when readers of committed data see it.
import { catchUp } from './rig/catch-up.ts'
import { heliostat } from './rig/heliostat.ts'
import { mm2 } from './rig/mm2.ts'
import { type BenchOptions, inTurns, type Question } from './rig/question.ts'
import { report } from './rig/report.ts'
import { Rig } from './rig/rig.ts'

const partitions = 8
const recordBytes = 1024

export const delivery: Question = {
  name: 'delivery',
  asks: 'a backlog of 1 KiB records in 16 KiB batches, by sequences and in transactions of a second, to either broker; and by MM2',
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
    const isMm2Wanted = options.contestants.some(({ name }) => name.startsWith('MM2'))
    const contestants = [
      ...(isMm2Wanted ? [mm2('default'), mm2('exactly once')] : []),
      ...[heliostat(), heliostat({ delivery: 'transactional' })],
    ]
    const rows = await inTurns({ ...options, contestants }, (contestant) => catchUp(rig, contestant, load))
    report(`delivery: ${records} records of ${recordBytes} B to ${target.name}`, rows)
  } finally {
    await rig.stop()
  }
}
