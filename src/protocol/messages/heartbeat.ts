// Heartbeat, key 12, versions 0–4. A member of a classic group is alive.
// v1: throttle time. v2: throttled after the response. v3: static members (KIP-345). v4: flexible.

import { api, int16, int32, string } from '../schema.ts'

export const heartbeat = api({
  key: 12,
  name: 'Heartbeat',
  versions: [0, 4],
  flexible: 4,
  request: {
    groupId: string,
    generationId: int32,
    memberId: string,
    groupInstanceId: string.since(3).nullable().default(null),
  },
  response: {
    throttleTimeMs: int32.since(1).ignorable(),
    errorCode: int16,
  },
})
