// What is counted and timed of a partition beside what its mirror counts, and the figures of both.
import { RecentTimes } from '../../offset-translation/recent-times.ts'
import type { RecordBatch } from '../../records/record-batch.ts'
import type { PartitionStatus } from '../status.ts'
import type { PartitionMirror } from './partition-mirror.ts'

type Figures = Omit<PartitionStatus, 'partition' | 'state' | 'reason' | 'gaps'>

/** All moments are of the wall clock, as the timestamps of records are. */
export class PartitionFigures {
  #fetchedBytes = 0
  readonly #recordAge = new RecentTimes()
  readonly #replicationLatency = new RecentTimes()
  #behindSince: number | undefined
  /** Where the source's readers of committed data are held back, and since when. */
  #held: { readonly at: number; readonly since: number } | undefined

  fetched(batches: readonly RecordBatch[], nowMs: number): void {
    for (const batch of batches) {
      this.#fetchedBytes += batch.sizeInBytes
      if (!batch.isControl) this.#recordAge.observe(nowMs - batch.maxTimestamp, nowMs)
    }
  }

  acknowledged(latencyMs: number, nowMs: number): void {
    this.#replicationLatency.observe(latencyMs, nowMs)
  }

  /** Whatever was just told to the mirror may have changed how far it is behind. */
  noteLag({ sourceEnd, acknowledgedUpstream, heldBack }: PartitionMirror, nowMs: number): void {
    const isBehind = sourceEnd !== undefined && acknowledgedUpstream < sourceEnd
    this.#behindSince = isBehind ? (this.#behindSince ?? nowMs) : undefined
    if (sourceEnd === undefined || heldBack === 0) this.#held = undefined
    else if (this.#held?.at !== sourceEnd) this.#held = { at: sourceEnd, since: nowMs }
  }

  /** For how long a transaction that is open at the source has kept what stands behind its first record from being read. */
  heldMs(nowMs: number): number {
    return this.#held ? Math.max(0, nowMs - this.#held.since) : 0
  }

  /** `unheardMs`: what came to the source since nobody here can know. */
  of(mirror: PartitionMirror | undefined, nowMs: number, unheardMs: number): Figures {
    const sourceEnd = mirror?.sourceEnd
    const upstream = mirror?.acknowledgedUpstream
    const lagRecords = sourceEnd === undefined || upstream === undefined ? 0 : Math.max(0, sourceEnd - upstream)
    return {
      upstream,
      downstream: mirror?.map.nextDownstream,
      sourceEnd,
      lagRecords,
      rpoMs: Math.max(lagRecords === 0 ? 0 : this.#age(mirror, nowMs), this.heldMs(nowMs), unheardMs),
      records: mirror?.counters.records ?? 0,
      bytes: mirror?.counters.bytes ?? 0,
      fetchedBytes: this.#fetchedBytes,
      recordAge: this.#recordAge.seen(nowMs),
      replicationLatency: this.#replicationLatency.seen(nowMs),
      rewritten: { ...mirror?.counters.rewritten },
      runs: mirror?.map.size ?? 0,
    }
  }

  /** Of the oldest record that is not acknowledged: by its timestamp when it is here, else since we fell behind. */
  #age(mirror: PartitionMirror | undefined, nowMs: number): number {
    const timestamp = mirror?.oldestUnacknowledged?.maxTimestamp
    const since = timestamp !== undefined && timestamp > 0 ? timestamp : (this.#behindSince ?? nowMs)
    return Math.max(0, nowMs - since)
  }
}
