// Checkpoint: MirrorMaker's record of a group's translated position, in `<source>.checkpoints.internal` on the target,
// partition 0. Key: group, topic as it is called on the target, partition; value: version 0, both offsets, metadata.
import { int16, int32, int64, string } from '../protocol/schema.ts'
import { internalRecord, type KeyValue, type MaybeKeyValue } from './internal-record.ts'

export interface Checkpoint {
  readonly group: string
  /** The remote topic: its name on the target. */
  readonly topic: string
  readonly partition: number
  readonly upstreamOffset: number
  readonly downstreamOffset: number
  /** What the group's own commit carried. */
  readonly metadata: string
}

const layout = internalRecord(
  'Checkpoint',
  { group: string, topic: string, partition: int32 },
  { version: int16, upstreamOffset: int64, offset: int64, metadata: string },
)

export function encodeCheckpoint(checkpoint: Checkpoint): KeyValue {
  const { group, topic, partition, upstreamOffset, downstreamOffset, metadata } = checkpoint
  return layout.encode({ group, topic, partition }, { version: 0, upstreamOffset, offset: downstreamOffset, metadata })
}

export function decodeCheckpoint(record: MaybeKeyValue): Checkpoint | undefined {
  const decoded = layout.decode(record)
  if (decoded === undefined) return undefined
  const { upstreamOffset, offset: downstreamOffset, metadata } = decoded.value
  return { ...decoded.key, upstreamOffset, downstreamOffset, metadata }
}
