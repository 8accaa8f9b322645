// A committed offset in __consumer_offsets: key versions 0–1, value versions 0–4, both behind an int16 of version. A null
// value deletes the offset.
// Value v1: expiry (for v5 or older of OffsetCommit). v2: none again. v3: leader epoch (KIP-320). v4: flexible (KIP-915), with
// the topic id as a tagged field.

import { int32, int64, message, string, timestamp, uuid } from '../schema.ts'

/** Key versions 0 and 1 are the same; 2 is a group's (group-metadata-record.ts). Kafka writes 1. */
export const offsetCommitKey = message({
  name: 'OffsetCommitKey',
  versions: [0, 1],
  flexible: Infinity,
  fields: {
    group: string,
    topic: string,
    partition: int32,
  },
})

export const offsetCommitValue = message({
  name: 'OffsetCommitValue',
  versions: [0, 4],
  flexible: 4,
  fields: {
    offset: int64,
    leaderEpoch: int32.since(3).default(-1).ignorable(),
    metadata: string,
    commitTimestamp: timestamp,
    expireTimestamp: timestamp.since(1).until(1).default(-1).ignorable(),
    topicId: uuid.tag(0, 4).ignorable(),
  },
})
