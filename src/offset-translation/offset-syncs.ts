// Feeds MirrorMaker's offset-syncs topic beside our own maps, for the tools that read it. It reads the newest pair off each map
// now and then, so the data plane knows nothing of it.
import type { TopicPartition } from '../client/topic-partition.ts'
import type { Clock } from '../platform/platform.ts'
import type { InternalTopic } from './internal-topic.ts'
import type { OffsetMap } from './offset-map.ts'
import { encodeOffsetSync, type OffsetPair, offsetSyncDue } from './offset-sync.ts'

/** How often partitions that gathered few records are brought up to date; MirrorMaker does it with each offset flush. */
const LATER_EVERY_MS = 10_000

/** A pair that is on the target, and the map that it was read off. */
interface Written extends OffsetPair {
  readonly map: OffsetMap
}

export interface SyncedPartition {
  /** Named as on the source. */
  readonly source: TopicPartition
  readonly map: OffsetMap | undefined
}

/**
 * 1. `#written` holds pairs that are on the target, of partitions that are still mirrored here; one that comes back begins
 *    anew, with a sync at once.
 */
export class OffsetSyncs {
  readonly #clock: Clock
  readonly #topic: Pick<InternalTopic, 'write'>
  readonly #partitions: () => Iterable<SyncedPartition>
  readonly #written = new Map<TopicPartition, Written>()
  #laterAt: number

  constructor(clock: Clock, topic: Pick<InternalTopic, 'write'>, partitions: () => Iterable<SyncedPartition>) {
    this.#clock = clock
    this.#topic = topic
    this.#partitions = partitions
    this.#laterAt = clock.monotonic() + LATER_EVERY_MS
  }

  /** Writes what is due; what could not be written stays due. */
  async emit(signal?: AbortSignal): Promise<string> {
    const includesLater = this.#clock.monotonic() >= this.#laterAt
    if (includesLater) this.#laterAt = this.#clock.monotonic() + LATER_EVERY_MS
    const due = new Map<TopicPartition, Written>()
    let known = 0
    for (const { source, map } of this.#partitions()) {
      const last = this.#written.get(source)
      if (last !== undefined) known++
      // Most partitions stand where they stood: that costs a comparison.
      if (map === undefined || (last?.map === map && last.downstream === map.nextDownstream - 1)) continue
      const newest = newestPair(map)
      if (newest === undefined) continue
      const when = offsetSyncDue(last, newest)
      if (when === 'now' || (when === 'later' && includesLater)) due.set(source, { ...newest, map })
    }
    if (known < this.#written.size) this.#forgetLost()
    await this.#topic.write(
      [...due].map(([{ topic, partition }, { upstream, downstream }]) =>
        encodeOffsetSync({ topic, partition, upstreamOffset: upstream, downstreamOffset: downstream }),
      ),
      signal,
    )
    for (const [source, pair] of due) this.#written.set(source, pair)
    return `${due.size} offset syncs`
  }

  #forgetLost(): void {
    const here = new Set(Array.from(this.#partitions(), ({ source }) => source))
    for (const source of this.#written.keys()) if (!here.has(source)) this.#written.delete(source)
  }
}

/** The last record that is known to be on the target; undefined when there is none yet. */
function newestPair(map: OffsetMap): OffsetPair | undefined {
  const downstream = map.nextDownstream - 1
  const upstream = map.reverse(downstream)
  return upstream === undefined ? undefined : { upstream, downstream }
}
