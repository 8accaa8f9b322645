import { api, array, int16, int32, int64, records, string, struct, timestamp, uuid } from '../schema.ts'

export const produce = api({
  key: 0,
  name: 'Produce',
  versions: [3, 13],
  flexible: 9,
  request: {
    transactionalId: string.nullable().default(null),
    acks: int16,
    timeoutMs: int32,
    topicData: array({
      name: string.until(12).ignorable(),
      topicId: uuid.since(13).ignorable(),
      partitionData: array({
        index: int32,
        records: records,
      }),
    }),
  },
  response: {
    responses: array({
      name: string.until(12).ignorable(),
      topicId: uuid.since(13).ignorable(),
      partitionResponses: array({
        index: int32,
        errorCode: int16,
        baseOffset: int64,
        logAppendTimeMs: timestamp.default(-1).ignorable(),
        logStartOffset: int64.since(5).default(-1).ignorable(),
        recordErrors: array({
          batchIndex: int32,
          batchIndexErrorMessage: string.nullable().default(null),
        })
          .since(8)
          .ignorable(),
        errorMessage: string.since(8).nullable().default(null).ignorable(),
        currentLeader: struct({
          leaderId: int32.default(-1),
          leaderEpoch: int32.default(-1),
        }).tag(0, 10),
      }),
    }),
    throttleTimeMs: int32.default(0).ignorable(),
    nodeEndpoints: array({
      nodeId: int32,
      host: string,
      port: int32,
      rack: string.nullable().default(null),
    }).tag(0, 10),
  },
})
