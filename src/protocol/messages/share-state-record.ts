// How far share groups are, in __share_group_state (KIP-932): key 0 a snapshot of one group's partition, key 1 what changed since. Values
// version 0, each behind an int16: a key's says which record it is, a value's its version. A null value deletes.

import { array, int8, int16, int32, int64, message, string, timestamp, uuid } from '../schema.ts'

/** Of both kinds. */
export const shareStateKey = message({
  name: 'ShareSnapshotKey',
  versions: [0, 0],
  flexible: Infinity,
  fields: { groupId: string, topicId: uuid, partition: int32 },
})

const stateBatches = array({
  firstOffset: int64,
  lastOffset: int64,
  deliveryState: int8,
  deliveryCount: int16,
})

export const shareSnapshotValue = message({
  name: 'ShareSnapshotValue',
  versions: [0, 0],
  flexible: 0,
  fields: {
    snapshotEpoch: int32,
    stateEpoch: int32,
    leaderEpoch: int32,
    startOffset: int64,
    /** How many records beyond the start are done; −1: not said. */
    deliveryCompleteCount: int32.default(-1).tag(0),
    createTimestamp: timestamp,
    writeTimestamp: timestamp,
    stateBatches,
  },
})

export const shareUpdateValue = message({
  name: 'ShareUpdateValue',
  versions: [0, 0],
  flexible: 0,
  fields: {
    snapshotEpoch: int32,
    leaderEpoch: int32,
    /** −1: as before. */
    startOffset: int64,
    deliveryCompleteCount: int32.default(-1).tag(0),
    stateBatches,
  },
})
