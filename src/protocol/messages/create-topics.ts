// CreateTopics, key 19, versions 2–7. Partitions and replication factor of -1 mean the broker's default, or the assignment given.
// v2: throttle time. v3: throttled after the response. v4: defaults of the broker (KIP-464). v5: flexible; the configs come back
// (KIP-525). v6: THROTTLING_QUOTA_EXCEEDED (KIP-599). v7: topic ids come back (KIP-516).

import { api, array, bool, int8, int16, int32, string, uuid } from '../schema.ts'

export const createTopics = api({
  key: 19,
  name: 'CreateTopics',
  versions: [2, 7],
  flexible: 5,
  request: {
    topics: array({
      name: string,
      numPartitions: int32,
      replicationFactor: int16,
      assignments: array({
        partitionIndex: int32,
        brokerIds: array(int32),
      }),
      configs: array({
        name: string,
        value: string.nullable(),
      }),
    }),
    timeoutMs: int32.default(60000),
    validateOnly: bool.default(false),
  },
  response: {
    throttleTimeMs: int32.ignorable(),
    topics: array({
      name: string,
      topicId: uuid.since(7).ignorable(),
      errorCode: int16,
      errorMessage: string.nullable().ignorable(),
      topicConfigErrorCode: int16.tag(0, 5).ignorable(),
      numPartitions: int32.since(5).default(-1).ignorable(),
      replicationFactor: int16.since(5).default(-1).ignorable(),
      configs: array({
        name: string,
        value: string.nullable(),
        readOnly: bool,
        configSource: int8.default(-1).ignorable(),
        isSensitive: bool,
      })
        .since(5)
        .nullable()
        .ignorable(),
    }),
  },
})
