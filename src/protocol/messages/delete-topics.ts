// DeleteTopics, key 20, versions 1–6.
// v1: throttle time. v2: throttled after the response. v3: TOPIC_DELETION_DISABLED. v4: flexible. v5: error message,
// THROTTLING_QUOTA_EXCEEDED (KIP-599). v6: by name or by id (KIP-516).

import { api, array, int16, int32, string, uuid } from '../schema.ts'

export const deleteTopics = api({
  key: 20,
  name: 'DeleteTopics',
  versions: [1, 6],
  flexible: 4,
  request: {
    topics: array({
      name: string.nullable().default(null),
      topicId: uuid,
    }).since(6),
    topicNames: array(string).until(5).ignorable(),
    timeoutMs: int32,
  },
  response: {
    throttleTimeMs: int32.ignorable(),
    responses: array({
      name: string.nullable(6),
      topicId: uuid.since(6).ignorable(),
      errorCode: int16,
      errorMessage: string.since(5).nullable().default(null).ignorable(),
    }),
  },
})
