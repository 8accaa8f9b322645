// The metrics of MirrorMaker 2 by the names that the usual rules of the JMX exporter give them, so that dashboards and alerts go on
// working: `compat.mm2Metrics`. What each means is MirrorMaker's, but for two things: bytes are those of whole batches as they are
// compressed, and the latency of checkpoints is that of their own group.
import type { MirrorStatus, PartitionStatus } from '../mirror/status.ts'
import type { TimesSeen } from '../offset-translation/recent-times.ts'
import type { FlowView } from './flow-view.ts'

const SOURCE = 'kafka_connect_mirror_mirrorsourceconnector'
const CHECKPOINT = 'kafka_connect_mirror_mirrorcheckpointconnector'
const RATE_MS = 30_000
const SAMPLE_MS = 5_000

type Labels = Readonly<Record<string, string>>
type Series = readonly [name: string, labels: Labels, value: number]

interface Sample {
  readonly atMs: number
  readonly records: number
  readonly bytes: number
}

/** Renders one scrape after the other; rates are those between scrapes, over half a minute at most. */
export class Mm2Metrics {
  #samples = new Map<string, Sample[]>()

  series(taken: readonly { flow: FlowView; status: MirrorStatus }[], nowMs: number): Series[] {
    const series: Series[] = []
    const samples = new Map<string, Sample[]>()
    for (const { flow, status } of taken) {
      const pair = { source: status.source, target: status.target }
      for (const { remoteTopic, partitions } of status.topics)
        for (const partition of partitions) {
          const labels = { ...pair, topic: remoteTopic, partition: String(partition.partition) }
          const key = JSON.stringify([flow.name, remoteTopic, partition.partition])
          const kept = sampled(this.#samples.get(key) ?? [], partition, nowMs)
          samples.set(key, kept)
          series.push(...ofPartition(labels, partition, kept))
        }
      for (const { group, partitions, checkpointTimes } of flow.groups())
        for (const { remoteTopic, partition } of partitions) {
          const labels = { ...pair, group, topic: remoteTopic, partition: String(partition) }
          series.push(...ofTimes(`${CHECKPOINT}_checkpoint_latency_ms`, labels, checkpointTimes))
        }
    }
    this.#samples = samples
    return series
  }
}

function sampled(before: readonly Sample[], { records, bytes }: PartitionStatus, atMs: number): Sample[] {
  const last = before.at(-1)
  const kept = last && atMs - last.atMs < SAMPLE_MS ? [...before] : [...before, { atMs, records, bytes }]
  while (kept.length > 2 && kept[1]!.atMs <= atMs - RATE_MS) kept.shift()
  return kept
}

function* ofPartition(labels: Labels, partition: PartitionStatus, samples: readonly Sample[]): Generator<Series> {
  const [first, last] = [samples[0]!, samples.at(-1)!]
  const seconds = (last.atMs - first.atMs) / 1_000
  // A partition that came back from another instance counts anew.
  const rate = (from: number, to: number) => (seconds > 0 ? Math.max(0, to - from) / seconds : 0)
  yield [`${SOURCE}_record_count`, labels, partition.records]
  yield [`${SOURCE}_record_rate`, labels, rate(first.records, last.records)]
  yield [`${SOURCE}_byte_count`, labels, partition.bytes]
  yield [`${SOURCE}_byte_rate`, labels, rate(first.bytes, last.bytes)]
  yield* ofTimes(`${SOURCE}_record_age_ms`, labels, partition.recordAge)
  yield* ofTimes(`${SOURCE}_replication_latency_ms`, labels, partition.replicationLatency)
}

/** Nothing for what was not seen lately: a latency of 0 would be a lie. */
function* ofTimes(name: string, labels: Labels, times: TimesSeen | undefined): Generator<Series> {
  if (!times) return
  yield [name, labels, times.last]
  yield [`${name}_avg`, labels, times.avg]
  yield [`${name}_min`, labels, times.min]
  yield [`${name}_max`, labels, times.max]
}
