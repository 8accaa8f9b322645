// ListGroups, key 16, versions 0–5. The groups that this broker coordinates.
// v1: throttle time. v2: throttled after the response. v3: flexible. v4: filter by state (KIP-518). v5: filter by type (KIP-848).

import { api, array, int16, int32, string } from '../schema.ts'

export const listGroups = api({
  key: 16,
  name: 'ListGroups',
  versions: [0, 5],
  flexible: 3,
  request: {
    statesFilter: array(string).since(4),
    typesFilter: array(string).since(5),
  },
  response: {
    throttleTimeMs: int32.since(1).ignorable(),
    errorCode: int16,
    groups: array({
      groupId: string,
      protocolType: string,
      groupState: string.since(4).ignorable(),
      groupType: string.since(5).ignorable(),
    }),
  },
})
