// DeleteTopics (key 20), versions 1–6.
//
// - The topic and its log are gone when the answer leaves; Kafka removes the files a minute later. Committed offsets go too.
// - v6: by name or by id; both, neither, or one topic in both ways: INVALID_REQUEST. Unknown: UNKNOWN_TOPIC_OR_PARTITION or UNKNOWN_TOPIC_ID.
// - Needs DELETE on the cluster or the topic: TOPIC_AUTHORIZATION_FAILED. By name without DESCRIBE that is the answer whether or not
//   there is such a topic; by id without DESCRIBE it leaves the name out.
// - Partitions count against the client's controller_mutation_rate; from v5 on THROTTLING_QUOTA_EXCEEDED beyond it (KIP-599).
// - delete.topic.enable=false: TOPIC_DELETION_DISABLED (INVALID_REQUEST before v3).

import { ErrorCode } from '../../protocol/errors.ts'
import { deleteTopics } from '../../protocol/messages/delete-topics.ts'
import type { Request } from '../../protocol/schema.ts'
import { ZERO_UUID } from '../../protocol/schema.ts'
import type { Broker } from '../broker.ts'
import { type Call, forwarded, serve } from '../dispatcher.ts'
import { mutationRequester } from '../quota/mutation-requester.ts'
import { CLUSTER_NAME } from '../security/authorizer.ts'

const STRICT_SINCE = 5
const FIRST_VERSION_WITH_IDS = 6
const FIRST_VERSION_THAT_SAYS_DISABLED = 3

interface Named {
  readonly name: string | null
  readonly topicId: string
}

export const serveDeleteTopics = forwarded(
  serve(deleteTopics, [1, 6], async (broker, request, call) => {
    const { version } = call
    const asked = namedTopics(request, version)
    if (!broker.config.boolean('delete.topic.enable')) {
      const says = version >= FIRST_VERSION_THAT_SAYS_DISABLED
      const errorCode = says ? ErrorCode.TOPIC_DELETION_DISABLED : ErrorCode.INVALID_REQUEST
      return { throttleTimeMs: 0, responses: asked.map((topic) => ({ ...topic, errorCode, errorMessage: null })) }
    }
    const refused = asked.flatMap((topic) => {
      const errorMessage = complaint(topic, asked)
      return errorMessage === undefined ? [] : [{ ...topic, errorCode: ErrorCode.INVALID_REQUEST, errorMessage }]
    })
    const wellNamed = asked.filter((topic) => complaint(topic, asked) === undefined)
    const unauthorized = wellNamed.flatMap((topic) => refusal(broker, call, topic) ?? [])
    const permitted = wellNamed.filter((topic) => !refusal(broker, call, topic))
    const ambiguous = permitted.flatMap((topic) => namedByIdToo(broker, topic, permitted) ?? [])
    const topics = permitted.filter(({ name, topicId }) => {
      return !ambiguous.some((other) => (name === null ? other.topicId === topicId : other.name === name))
    })
    const requester = mutationRequester(broker.config, call, STRICT_SINCE)
    const reply = await broker.controller.ask({ type: 'delete-topics', requester, topics })
    call.pause(reply.pauseMs)
    const once = new Map(refused.map((topic) => [`${topic.name}:${topic.topicId}`, topic]))
    return { throttleTimeMs: 0, responses: [...reply.topics, ...once.values(), ...unauthorized, ...ambiguous] }
  }),
)

function namedTopics(request: Request<typeof deleteTopics>, version: number): Named[] {
  if (version >= FIRST_VERSION_WITH_IDS) return request.topics.map(({ name, topicId }) => ({ name, topicId }))
  return request.topicNames.map((name) => ({ name, topicId: ZERO_UUID }))
}

/** The answer to a caller who may not; undefined when it may, or when all it learns is that there is no such topic. */
function refusal(broker: Broker, call: Call, { name, topicId }: Named) {
  const topic = name === null ? broker.image.topicById(topicId) : broker.image.topics.get(name)
  const known = name ?? topic?.name
  if (known === undefined || call.may('DELETE', 'CLUSTER', CLUSTER_NAME)) return undefined
  const describable = call.may('DESCRIBE', 'TOPIC', known)
  if (name !== null && describable && !topic) return undefined
  if (call.may('DELETE', 'TOPIC', known) && (name === null || describable)) return undefined
  const errorMessage = 'Topic authorization failed.'
  const shown = name ?? (describable ? known : null)
  return { name: shown, topicId, errorCode: ErrorCode.TOPIC_AUTHORIZATION_FAILED, errorMessage }
}

/** The answer for a name whose topic the request names by its id as well: as by Kafka it is not deleted, and the id has no answer. */
function namedByIdToo(broker: Broker, { name }: Named, all: readonly Named[]) {
  const topicId = name === null ? undefined : broker.image.topics.get(name)?.topicId
  if (topicId === undefined || !all.some((other) => other.name === null && other.topicId === topicId)) return undefined
  const errorMessage = 'The provided topic name maps to an ID that was already supplied.'
  return { name, topicId, errorCode: ErrorCode.INVALID_REQUEST, errorMessage }
}

/** Why the request names the topic wrongly; undefined when it does not. */
function complaint(topic: Named, asked: readonly Named[]): string | undefined {
  const { name, topicId } = topic
  if (name !== null && topicId !== ZERO_UUID) return 'You may not specify both topic name and topic id.'
  if (name === null && topicId === ZERO_UUID) return 'Neither topic name nor id were specified.'
  const repeated = asked.some((other) => other !== topic && other.name === name && other.topicId === topicId)
  if (!repeated) return undefined
  return name === null ? 'Duplicate topic id.' : 'Duplicate topic name.'
}
