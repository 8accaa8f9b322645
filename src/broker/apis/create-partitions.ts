// CreatePartitions (key 37), versions 0–3. The rules are in coordinator/controller/topic-creation.ts.
//
// - The count can only grow: INVALID_PARTITIONS otherwise. Replicas of the new partitions by hand or by the controller; validateOnly.
// - Needs ALTER on the topic: TOPIC_AUTHORIZATION_FAILED.
// - New partitions count against the client's controller_mutation_rate; from v3 on THROTTLING_QUOTA_EXCEEDED beyond it (KIP-599).

import { ErrorCode } from '../../protocol/errors.ts'
import { createPartitions } from '../../protocol/messages/create-partitions.ts'
import { forwarded, serve } from '../dispatcher.ts'
import { mutationRequester } from '../quota/mutation-requester.ts'

const STRICT_SINCE = 3

export const serveCreatePartitions = forwarded(
  serve(createPartitions, [0, 3], async (broker, request, call) => {
    const names = request.topics.map(({ name }) => name)
    // A name that stands twice is a wrong request whoever sends it.
    const isRefused = (name: string) =>
      names.indexOf(name) === names.lastIndexOf(name) && !call.may('ALTER', 'TOPIC', name)
    const permitted = request.topics.filter(({ name }) => !isRefused(name))
    const topics = permitted.map(({ name, count, assignments }) => ({
      name,
      count,
      assignments: assignments?.map(({ brokerIds }) => brokerIds) ?? null,
    }))
    const { validateOnly } = request
    const requester = mutationRequester(broker.config, call, STRICT_SINCE)
    const reply = await broker.controller.ask({ type: 'create-partitions', requester, topics, validateOnly })
    call.pause(reply.pauseMs)
    const refused = names.filter(isRefused).map((name) => ({
      name,
      errorCode: ErrorCode.TOPIC_AUTHORIZATION_FAILED,
      errorMessage: null,
    }))
    const once = new Map(reply.topics.map((topic) => [topic.name, topic]))
    return { throttleTimeMs: 0, results: [...once.values(), ...refused] }
  }),
)
