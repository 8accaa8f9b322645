// RemoveRaftVoter, key 81, version 0. A voter of the metadata log is one no more (KIP-853).

import { api, int16, int32, string, uuid } from '../schema.ts'

export const removeRaftVoter = api({
  key: 81,
  name: 'RemoveRaftVoter',
  versions: [0, 0],
  flexible: 0,
  request: {
    clusterId: string.nullable(),
    voterId: int32,
    voterDirectoryId: uuid,
  },
  response: {
    throttleTimeMs: int32,
    errorCode: int16,
    errorMessage: string.nullable(),
  },
})
