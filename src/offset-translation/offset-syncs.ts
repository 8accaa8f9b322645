// Feeds MirrorMaker's offset-syncs topic beside our own maps, for the tools that read it. Data plane side: `mirrored` is told
// of every acknowledged run and only compares numbers. Control plane side: `flush` writes what became due.
import type { Clock } from '../platform/platform.ts'
import type { InternalTopic } from './internal-topic.ts'
import { encodeOffsetSync, OffsetSyncRule } from './offset-sync.ts'

/** MirrorMaker's offset.lag.max. */
const LAG_MAX = 100
/** How often partitions that gathered fewer records than that are brought up to date. */
const QUIET_EVERY_MS = 10_000

/**
 * 1. A partition has at most one sync waiting, the newest: readers keep the last per key.
 */
export class OffsetSyncs {
  readonly #clock: Clock
  readonly #topic: Pick<InternalTopic, 'write'>
  readonly #partitions = new Map<string, PartitionSyncs>()
  #quietFlushAt: number

  constructor(clock: Clock, topic: Pick<InternalTopic, 'write'>) {
    this.#clock = clock
    this.#topic = topic
    this.#quietFlushAt = clock.monotonic() + QUIET_EVERY_MS
  }

  /** `topic` as it is called on the source. A partition that comes back begins anew, with a sync at its first record. */
  partition(topic: string, partition: number): PartitionSyncs {
    const syncs = new PartitionSyncs(topic, partition)
    this.#partitions.set(`${topic}-${partition}`, syncs)
    return syncs
  }

  /** Writes what is due; what could not be written stays due. */
  async flush(signal?: AbortSignal): Promise<string> {
    const quiet = this.#clock.monotonic() >= this.#quietFlushAt
    if (quiet) this.#quietFlushAt = this.#clock.monotonic() + QUIET_EVERY_MS
    const due = [...this.#partitions.values()].flatMap((partition) => {
      const pair = partition.take(quiet)
      return pair === undefined ? [] : [{ partition, pair }]
    })
    const records = due.map(({ partition, pair }) =>
      encodeOffsetSync({
        topic: partition.topic,
        partition: partition.partition,
        upstreamOffset: pair.upstream,
        downstreamOffset: pair.downstream,
      }),
    )
    try {
      await this.#topic.write(records, signal)
    } catch (error) {
      for (const { partition, pair } of due) partition.giveBack(pair)
      throw error
    }
    return `${records.length} offset syncs`
  }
}

interface Pair {
  readonly upstream: number
  readonly downstream: number
}

export class PartitionSyncs {
  readonly topic: string
  readonly partition: number
  readonly #rule = new OffsetSyncRule(LAG_MAX)
  #due: Pair | undefined

  constructor(topic: string, partition: number) {
    this.topic = topic
    this.partition = partition
  }

  /** `count` records from `upstream` on were acknowledged at `downstream` on. */
  mirrored(upstream: number, downstream: number, count: number): void {
    this.#due = this.#rule.update(upstream, downstream, count) ?? this.#due
  }

  take(quiet: boolean): Pair | undefined {
    const due = (quiet ? this.#rule.takeLatest() : undefined) ?? this.#due
    this.#due = undefined
    return due
  }

  giveBack(pair: Pair): void {
    this.#due ??= pair
  }
}
