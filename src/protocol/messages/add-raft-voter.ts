// AddRaftVoter, key 80, versions 0–1. A replica of the metadata log becomes a voter of it (KIP-853).
// v1: whether the answer waits until that is committed (KIP-1186).

import { api, array, bool, int16, int32, string, uint16, uuid } from '../schema.ts'

export const addRaftVoter = api({
  key: 80,
  name: 'AddRaftVoter',
  versions: [0, 1],
  flexible: 0,
  request: {
    clusterId: string.nullable(),
    timeoutMs: int32,
    voterId: int32,
    voterDirectoryId: uuid,
    listeners: array({
      name: string,
      host: string,
      port: uint16,
    }),
    ackWhenCommitted: bool.since(1).default(true),
  },
  response: {
    throttleTimeMs: int32,
    errorCode: int16,
    errorMessage: string.nullable(),
  },
})
