// SyncGroup, key 14, versions 0–5. The leader hands in the assignments of a generation; every member gets its own.
// v1: throttle time. v2: throttled after the response. v3: static members (KIP-345). v4: flexible. v5: protocol type and name,
// checked by the broker (KIP-559).

import { api, array, bytes, int16, int32, string } from '../schema.ts'

export const syncGroup = api({
  key: 14,
  name: 'SyncGroup',
  versions: [0, 5],
  flexible: 4,
  request: {
    groupId: string,
    generationId: int32,
    memberId: string,
    groupInstanceId: string.since(3).nullable().default(null),
    protocolType: string.since(5).nullable().default(null).ignorable(),
    protocolName: string.since(5).nullable().default(null).ignorable(),
    assignments: array({
      memberId: string,
      assignment: bytes,
    }),
  },
  response: {
    throttleTimeMs: int32.since(1).ignorable(),
    errorCode: int16,
    protocolType: string.since(5).nullable().default(null).ignorable(),
    protocolName: string.since(5).nullable().default(null).ignorable(),
    assignment: bytes,
  },
})
