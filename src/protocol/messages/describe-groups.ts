// DescribeGroups, key 15, versions 0–6. State and members of classic groups; a group of the new protocol shows as Dead.
// v1: throttle time. v2: throttled after the response. v3: authorized operations (KIP-430). v4: static members (KIP-345).
// v5: flexible. v6: error message, and GROUP_ID_NOT_FOUND instead of Dead (KIP-1043).

import { api, array, bool, bytes, int16, int32, string } from '../schema.ts'

export const describeGroups = api({
  key: 15,
  name: 'DescribeGroups',
  versions: [0, 6],
  flexible: 5,
  request: {
    groups: array(string),
    includeAuthorizedOperations: bool.since(3),
  },
  response: {
    throttleTimeMs: int32.since(1).ignorable(),
    groups: array({
      errorCode: int16,
      // Not ignorable in Kafka; here it is, so that a handler need not ask for the version before it explains itself.
      errorMessage: string.since(6).nullable().default(null).ignorable(),
      groupId: string,
      groupState: string,
      protocolType: string,
      protocolData: string,
      members: array({
        memberId: string,
        groupInstanceId: string.since(4).nullable().default(null).ignorable(),
        clientId: string,
        clientHost: string,
        memberMetadata: bytes,
        memberAssignment: bytes,
      }),
      authorizedOperations: int32.since(3).default(-2147483648),
    }),
  },
})
