// OffsetSync: MirrorMaker's record of one pair of offsets, in `mm2-offset-syncs.<source>.internal` on the target, partition 0.
// Key: topic as it is called on the source, partition; value: both offsets, with no version. MirrorMaker translates by the
// nearest sync at or below a position, so what it reads here is right but coarse; our own map is the exact one.
import { int32, int64, string } from '../protocol/schema.ts'
import { internalRecord, type KeyValue, type MaybeKeyValue } from './internal-record.ts'

export interface OffsetSync {
  /** Its name on the source. */
  readonly topic: string
  readonly partition: number
  readonly upstreamOffset: number
  readonly downstreamOffset: number
}

const layout = internalRecord(
  'OffsetSync',
  { topic: string, partition: int32 },
  { upstreamOffset: int64, offset: int64 },
)

export function encodeOffsetSync(sync: OffsetSync): KeyValue {
  const { topic, partition, upstreamOffset, downstreamOffset } = sync
  return layout.encode({ topic, partition }, { upstreamOffset, offset: downstreamOffset })
}

export function decodeOffsetSync(record: MaybeKeyValue): OffsetSync | undefined {
  const decoded = layout.decode(record)
  if (decoded === undefined) return undefined
  return { ...decoded.key, upstreamOffset: decoded.value.upstreamOffset, downstreamOffset: decoded.value.offset }
}

/**
 * When a partition's next sync is due, by MirrorMaker's rule: the first since start, when the records since the last sync
 * reach `lagMax`, at every gap, and when the target went back. Offsets are those of a record and where it went.
 */
export class OffsetSyncRule {
  readonly #lagMax: number
  #previousUpstream = -1
  #previousDownstream = -1
  #lastSyncDownstream = -1

  constructor(lagMax: number) {
    this.#lagMax = lagMax
  }

  /** Told of a run of mirrored records; returns the pair to write, if one is due. */
  update(upstream: number, downstream: number, count: number): { upstream: number; downstream: number } | undefined {
    const first = this.#previousDownstream < 0
    const gap = upstream - this.#previousUpstream !== 1
    const wentBack = downstream < this.#previousDownstream
    this.#previousUpstream = upstream + count - 1
    this.#previousDownstream = downstream + count - 1
    if (first || gap || wentBack) {
      // At a gap the pair at its far side is the exact one: everything after it is translated from there.
      this.#lastSyncDownstream = downstream
      return { upstream, downstream }
    }
    const due = this.#lastSyncDownstream + 1 + this.#lagMax
    if (this.#previousDownstream < due) return undefined
    this.#lastSyncDownstream = this.#previousDownstream
    return { upstream: this.#previousUpstream, downstream: this.#previousDownstream }
  }

  /** The newest pair, for the moment when a quiet partition's reader should be brought up to date. */
  takeLatest(): { upstream: number; downstream: number } | undefined {
    if (this.#previousDownstream <= this.#lastSyncDownstream) return undefined
    this.#lastSyncDownstream = this.#previousDownstream
    return { upstream: this.#previousUpstream, downstream: this.#previousDownstream }
  }
}
