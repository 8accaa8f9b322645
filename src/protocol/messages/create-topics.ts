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
