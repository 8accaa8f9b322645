// LeaveGroup, key 13, versions 0–5. Members leave a classic group.
// v1: throttle time. v2: throttled after the response. v3: several members at once, static ones by instance id (KIP-345).
// v4: flexible. v5: reason (KIP-800).

import { api, array, int16, int32, string } from '../schema.ts'

export const leaveGroup = api({
  key: 13,
  name: 'LeaveGroup',
  versions: [0, 5],
  flexible: 4,
  request: {
    groupId: string,
    memberId: string.until(2),
    members: array({
      memberId: string,
      groupInstanceId: string.nullable().default(null),
      reason: string.since(5).nullable().default(null).ignorable(),
    }).since(3),
  },
  response: {
    throttleTimeMs: int32.since(1).ignorable(),
    errorCode: int16,
    members: array({
      memberId: string,
      groupInstanceId: string.nullable(),
      errorCode: int16,
    }).since(3),
  },
})
