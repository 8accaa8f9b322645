// One catch-up: a mirror is started on a source that is full already and watched until the target holds as much.
import type { Contestant } from './contestant.ts'
import { cpuSeconds, memory } from './process-stats.ts'
import type { Figures } from './report.ts'
import type { Rig } from './rig.ts'
import { settled } from './settled.ts'

/** From here on a mirror is warm. */
const warmShare = 0.3

export interface CatchUp {
  readonly topic: string
  readonly partitions: number
  readonly records: number
  /** Bytes of all keys and values, before compression: what a GB is counted in. */
  readonly recordBytesTotal: number
}

export function catchUp(rig: Rig, contestant: Contestant, load: CatchUp): Promise<Figures> {
  const { topic, partitions, records, recordBytesTotal } = load
  const wireBytes = rig.warm(topic)
  const startedAt = performance.now()
  return rig.mirror(contestant, { topics: topic }, async (mirror, alias) => {
    const copies = [{ topic: `${alias}.${topic}`, partitions }]
    const reached = async (count: number) => {
      const at = await settled(rig, copies, count, { alive: () => mirror.running })
      return { at, cpu: cpuSeconds(mirror.pid).total, count: await rig.targetEnds.count(copies) }
    }
    const first = await reached(1)
    const warm = await reached(records * warmShare)
    const done = await reached(records)
    const gigabytes = recordBytesTotal / 1e9
    // At the first look the target may hold a good part already.
    const share = 1 - first.count / records
    const seconds = (done.at - first.at) / 1000
    return {
      'CPU s/GB': done.cpu / gigabytes,
      'CPU s/GB after start': (done.cpu - warm.cpu) / (gigabytes * (1 - warm.count / records)),
      'MB/s': (recordBytesTotal * share) / 1e6 / seconds,
      'MB/s on the wire': (wireBytes * share) / 1e6 / seconds,
      'k records/s': (records * share) / 1e3 / seconds,
      'peak MB': memory(mirror.pid).peakRssMb,
      'first record s': (first.at - startedAt) / 1000,
      'all s': (done.at - startedAt) / 1000,
    }
  })
}
