// DeleteGroups, key 42, versions 0–3. Deletes empty groups with their offsets (KIP-229).
// v1: throttled after the response. v2: flexible. v3: error message (KIP-1331).

import { api, array, int16, int32, string } from '../schema.ts'

export const deleteGroups = api({
  key: 42,
  name: 'DeleteGroups',
  versions: [0, 3],
  flexible: 2,
  request: {
    groupsNames: array(string),
  },
  response: {
    throttleTimeMs: int32,
    results: array({
      groupId: string,
      errorCode: int16,
      errorMessage: string.since(3).nullable().default(null).ignorable(),
    }),
  },
})
