// AllocateProducerIds, key 67, version 0. A broker takes a block of producer ids from the controller (KIP-730).

import { api, int16, int32, int64 } from '../schema.ts'

export const allocateProducerIds = api({
  key: 67,
  name: 'AllocateProducerIds',
  versions: [0, 0],
  flexible: 0,
  request: { brokerId: int32, brokerEpoch: int64.default(-1) },
  response: { throttleTimeMs: int32, errorCode: int16, producerIdStart: int64, producerIdLen: int32 },
})
