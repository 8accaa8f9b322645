// CreatePartitions (key 37), versions 0–3. The rules are in coordinator/controller/topic-creation.ts.
//
// - The count can only grow: INVALID_PARTITIONS otherwise. Replicas of the new partitions by hand or by the controller; validateOnly.
// - Left out: quotas (v3).

import { createPartitions } from '../../protocol/messages/create-partitions.ts'
import { serve } from '../dispatcher.ts'

export const serveCreatePartitions = serve(createPartitions, [0, 3], async (broker, request) => {
  const topics = request.topics.map(({ name, count, assignments }) => ({
    name,
    count,
    assignments: assignments?.map(({ brokerIds }) => brokerIds) ?? null,
  }))
  const reply = await broker.controller.ask({ type: 'create-partitions', topics, validateOnly: request.validateOnly })
  return { throttleTimeMs: 0, results: [...new Map(reply.topics.map((topic) => [topic.name, topic])).values()] }
})
