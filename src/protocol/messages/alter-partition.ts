// AlterPartition, key 56, versions 2–3. A leader tells the controller which replicas are in sync (KIP-497, KIP-841).
// v3: each replica with the epoch of its broker (KIP-903).

import { api, array, int8, int16, int32, int64, uuid } from '../schema.ts'

export const alterPartition = api({
  key: 56,
  name: 'AlterPartition',
  versions: [2, 3],
  flexible: 0,
  request: {
    brokerId: int32,
    brokerEpoch: int64.default(-1),
    topics: array({
      topicId: uuid,
      partitions: array({
        partitionIndex: int32,
        leaderEpoch: int32,
        newIsr: array(int32).until(2).ignorable(),
        newIsrWithEpochs: array({ brokerId: int32, brokerEpoch: int64.default(-1) })
          .since(3)
          .ignorable(),
        leaderRecoveryState: int8,
        partitionEpoch: int32,
      }),
    }),
  },
  response: {
    throttleTimeMs: int32,
    errorCode: int16,
    topics: array({
      topicId: uuid,
      partitions: array({
        partitionIndex: int32,
        errorCode: int16,
        leaderId: int32,
        leaderEpoch: int32,
        isr: array(int32),
        leaderRecoveryState: int8,
        partitionEpoch: int32,
      }),
    }),
  },
})
