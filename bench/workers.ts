// What do threads bring? The same backlog is copied by the main thread, the default, and by two workers.
import { catchUp } from './rig/catch-up.ts'
import { heliostat } from './rig/heliostat.ts'
import { inTurns, type Question } from './rig/question.ts'
import { report } from './rig/report.ts'
import { Rig } from './rig/rig.ts'

const partitions = 8
const recordBytes = 1024

export const workers: Question = {
  name: 'workers',
  asks: 'a backlog of 1 KiB records in 16 KiB batches, through one thread and through two workers',
  run: async (options) => {
    const rig = await Rig.start()
    try {
      const records = Math.round(1_953_124 * options.scale)
      await rig.load({ topic: 'records', partitions, records, batchBytes: 16_384, recordBytes })
      const load = { topic: 'records', partitions, records, recordBytesTotal: records * recordBytes }
      const contestants = [heliostat(), heliostat({ workers: 2 })]
      const rows = await inTurns({ ...options, contestants }, (contestant) => catchUp(rig, contestant, load))
      report(`workers: ${records} records of ${recordBytes} B`, rows)
    } finally {
      await rig.stop()
    }
  },
}
