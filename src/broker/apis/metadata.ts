// Metadata (key 3), versions 0–13.
//
// - Topics asked for by name are created when both the client (v4+) and auto.create.topics.enable allow it. Kafka answers the first
//   request with an error and lets the client come again; here the topic is there at once.
// - v0: an empty list means all topics; v1+: null means all, an empty list none.
// - v10+: topics by id; an unknown id is answered with UNKNOWN_TOPIC_ID.
// - Errors by topic: INVALID_TOPIC_EXCEPTION, UNKNOWN_TOPIC_OR_PARTITION, and what the creation met.
// - v8+: authorized operations when asked for (KIP-430).
// - Left out: v13's REBOOTSTRAP_REQUIRED, which Kafka itself does not send.

import { ErrorCode } from '../../protocol/errors.ts'
import { metadata } from '../../protocol/messages/metadata.ts'
import type { Request } from '../../protocol/schema.ts'
import { ZERO_UUID } from '../../protocol/schema.ts'
import { authorizedOperations, NOT_REQUESTED } from '../authorized-operations.ts'
import type { Broker } from '../broker.ts'
import { CONSUMER_OFFSETS, TRANSACTION_STATE, whyInvalidName } from '../coordinator/controller/topic-name.ts'
import { serve } from '../dispatcher.ts'
import { type TopicListing, topicListing } from '../topic-listing.ts'

type Listing = Omit<TopicListing, 'name'> & { name: string | null }

export const serveMetadata = serve(metadata, [0, 13], async (broker, request, { version }) => {
  const { host, port } = broker.address
  return {
    throttleTimeMs: 0,
    brokers: [{ nodeId: broker.nodeId, host, port }],
    clusterId: broker.clusterId,
    controllerId: broker.nodeId,
    topics: await listTopics(broker, request, version),
    clusterAuthorizedOperations: authorizedOperations('cluster', request.includeClusterAuthorizedOperations),
    errorCode: ErrorCode.NONE,
  }
})

async function listTopics(broker: Broker, request: Request<typeof metadata>, version: number): Promise<Listing[]> {
  const withOperations = request.includeTopicAuthorizedOperations
  const all = request.topics === null || (version === 0 && request.topics.length === 0)
  if (all) return [...broker.image.topics.values()].map((topic) => topicListing(topic, withOperations))
  const names = request.topics!.flatMap(({ name }) => (name === null ? [] : [name]))
  const errors = await createMissing(broker, request.allowAutoTopicCreation, names)
  const seen = new Set<string>()
  return request.topics!.flatMap(({ name, topicId }) => {
    if (seen.has(name ?? topicId)) return []
    seen.add(name ?? topicId)
    const topic = name === null ? broker.image.topicById(topicId) : broker.image.topics.get(name)
    if (topic) return [topicListing(topic, withOperations)]
    if (name === null) return [unknown(null, topicId, ErrorCode.UNKNOWN_TOPIC_ID)]
    return [unknown(name, ZERO_UUID, errors.get(name) ?? ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)]
  })
}

/** Error codes of the topics that could not be created. */
async function createMissing(broker: Broker, allowed: boolean, names: readonly string[]): Promise<Map<string, number>> {
  const errors = new Map<string, number>()
  const creatable = names.filter((name) => {
    if (whyInvalidName(name) === undefined) return name !== TRANSACTION_STATE
    errors.set(name, ErrorCode.INVALID_TOPIC_EXCEPTION)
    return false
  })
  if (!allowed || !broker.config.boolean('auto.create.topics.enable')) return errors
  const created = await broker.topicCreator.createMissing(creatable)
  for (const { name, errorCode } of created) {
    // Another request may have been quicker: then the topic is there.
    if (errorCode !== ErrorCode.NONE && errorCode !== ErrorCode.TOPIC_ALREADY_EXISTS) errors.set(name, errorCode)
  }
  return errors
}

function unknown(name: string | null, topicId: string, errorCode: number): Listing {
  // Kafka says of its own topics that they are internal even before they exist.
  const isInternal = name === CONSUMER_OFFSETS || name === TRANSACTION_STATE
  return { errorCode, name, topicId, isInternal, partitions: [], topicAuthorizedOperations: NOT_REQUESTED }
}
