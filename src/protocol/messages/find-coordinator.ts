// FindCoordinator, key 10, versions 0–6. Which broker coordinates a group (key type 0), a transactional id (1) or a share
// partition (2).
// v1: key type, error message, throttle time. v2: throttled after the response. v3: flexible. v4: several keys at once (KIP-699).
// v5: TRANSACTION_ABORTABLE (KIP-890). v6: share groups (KIP-932).

import { api, array, int8, int16, int32, string } from '../schema.ts'

export const findCoordinator = api({
  key: 10,
  name: 'FindCoordinator',
  versions: [0, 6],
  flexible: 3,
  request: {
    key: string.until(3),
    keyType: int8.since(1).default(0),
    coordinatorKeys: array(string).since(4),
  },
  response: {
    throttleTimeMs: int32.since(1).ignorable(),
    errorCode: int16.until(3),
    errorMessage: string.since(1).until(3).nullable().ignorable(),
    nodeId: int32.until(3),
    host: string.until(3),
    port: int32.until(3),
    coordinators: array({
      key: string,
      nodeId: int32,
      host: string,
      port: int32,
      errorCode: int16,
      errorMessage: string.nullable().ignorable(),
    }).since(4),
  },
})
