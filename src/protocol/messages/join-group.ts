// JoinGroup, key 11, versions 0–9. A member enters the classic rebalance; the leader gets all members' metadata.
// v1: rebalance timeout. v2: throttle time. v3: throttled after the response. v4: the member id is given first, then used
// (KIP-394). v5: static members (KIP-345). v6: flexible. v7: protocol type in the response (KIP-559). v8: reason (KIP-800).
// v9: a leader can be told to skip the assignment (KIP-814).

import { api, array, bool, bytes, int16, int32, string } from '../schema.ts'

export const joinGroup = api({
  key: 11,
  name: 'JoinGroup',
  versions: [0, 9],
  flexible: 6,
  request: {
    groupId: string,
    sessionTimeoutMs: int32,
    rebalanceTimeoutMs: int32.since(1).default(-1).ignorable(),
    memberId: string,
    groupInstanceId: string.since(5).nullable().default(null),
    protocolType: string,
    protocols: array({
      name: string,
      metadata: bytes,
    }),
    reason: string.since(8).nullable().default(null).ignorable(),
  },
  response: {
    throttleTimeMs: int32.since(2).ignorable(),
    errorCode: int16,
    generationId: int32.default(-1),
    protocolType: string.since(7).nullable().default(null).ignorable(),
    protocolName: string.nullable(7),
    leader: string,
    skipAssignment: bool.since(9).default(false),
    memberId: string,
    members: array({
      memberId: string,
      groupInstanceId: string.since(5).nullable().default(null).ignorable(),
      metadata: bytes,
    }),
  },
})
