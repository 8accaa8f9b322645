// A classic group in __consumer_offsets: key version 2, value versions 0–4, both behind an int16 of version. A null value
// deletes the group.
// Value v1: rebalance timeout. v2: when the state was entered. v3: static members (KIP-345). v4: flexible (KIP-915).

import { array, bytes, int32, message, string, timestamp } from '../schema.ts'

export const groupMetadataKey = message({
  name: 'GroupMetadataKey',
  versions: [2, 2],
  flexible: Infinity,
  fields: {
    group: string,
  },
})

export const groupMetadataValue = message({
  name: 'GroupMetadataValue',
  versions: [0, 4],
  flexible: 4,
  fields: {
    protocolType: string,
    generation: int32,
    protocol: string.nullable(),
    leader: string.nullable(),
    currentStateTimestamp: timestamp.since(2).default(-1).ignorable(),
    members: array({
      memberId: string,
      groupInstanceId: string.since(3).nullable().default(null).ignorable(),
      clientId: string,
      clientHost: string,
      rebalanceTimeout: int32.since(1).default(-1).ignorable(),
      sessionTimeout: int32,
      subscription: bytes,
      assignment: bytes,
    }),
  },
})
