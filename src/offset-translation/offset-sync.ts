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

/** A record and where it went. */
export interface OffsetPair {
  readonly upstream: number
  readonly downstream: number
}

/** MirrorMaker's offset.lag.max. */
const OFFSET_LAG_MAX = 100

/**
 * Whether the newest pair is to be written, by MirrorMaker's rule: at once for the first since start, after a gap, when the
 * target went back, and when the last sync lags by `OFFSET_LAG_MAX` records; what lags by less is written `later`.
 */
export function offsetSyncDue(last: OffsetPair | undefined, newest: OffsetPair): 'now' | 'later' | 'not' {
  if (last === undefined) return 'now'
  const advanced = newest.downstream - last.downstream
  const gap = newest.upstream - last.upstream !== advanced
  if (gap || advanced < 0 || advanced - 1 >= OFFSET_LAG_MAX) return 'now'
  return advanced > 0 ? 'later' : 'not'
}
