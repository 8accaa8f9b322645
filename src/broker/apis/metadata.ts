// Metadata (key 3), versions 0–13.
//
// - Topics asked for by name are created when both the client (v4+) and auto.create.topics.enable allow it. Kafka answers the first
//   request with an error and lets the client come again; here the topic is there at once.
// - v0: an empty list means all topics; v1+: null means all, an empty list none.
// - v12+: topics by id; an unknown id is answered with UNKNOWN_TOPIC_ID. v10–11 have the field, and who uses it gets
//   INVALID_REQUEST. One id in the request, and its names are not looked at.
// - Errors by topic: INVALID_TOPIC_EXCEPTION, UNKNOWN_TOPIC_OR_PARTITION, and what the creation met.
// - Needs DESCRIBE on the topic: TOPIC_AUTHORIZATION_FAILED, whether or not there is such a topic; when all are asked for the others are
//   left out. To create needs CREATE on the cluster or the topic. v8–10: authorized operations of the cluster are 0 without DESCRIBE.
// - The brokers that serve, with the addresses of the listener that the request came through; one that is not advertised knows none. A
//   leader that is not among them: LEADER_NOT_AVAILABLE, or from v6 on LISTENER_NOT_FOUND. The controller is the active one while it serves.
// - v8+: authorized operations when asked for (KIP-430).
// - Left out: v13's REBOOTSTRAP_REQUIRED, which Kafka itself does not send.

import { ErrorCode } from '../../protocol/errors.ts'
import { metadata } from '../../protocol/messages/metadata.ts'
import type { Request } from '../../protocol/schema.ts'
import { ZERO_UUID } from '../../protocol/schema.ts'
import { authorizedClusterOperations, authorizedOperations, NOT_REQUESTED } from '../authorized-operations.ts'
import type { Broker } from '../broker.ts'
import type { TopicImage } from '../coordinator/controller/metadata-image.ts'
import { CONSUMER_OFFSETS, TRANSACTION_STATE, whyInvalidName } from '../coordinator/controller/topic-name.ts'
import { type Call, serve } from '../dispatcher.ts'
import { reachableBrokers } from '../reachable-brokers.ts'
import { CLUSTER_NAME } from '../security/authorizer.ts'
import { type TopicListing, topicListing } from '../topic-listing.ts'

type Listing = Omit<TopicListing, 'name'> & { name: string | null }

/** Before it, requests have ids and answers can do without names, but the two do not meet. */
const FIRST_VERSION_BY_ID = 12
const FIRST_VERSION_WITH_LISTENERS = 6

export const serveMetadata = serve(metadata, [0, 13], async (broker, request, call) => {
  if (call.version < FIRST_VERSION_BY_ID && request.topics?.some(isById)) {
    const topics = request.topics.map(({ name, topicId }) =>
      unknown(name ?? '', topicId, ErrorCode.INVALID_REQUEST, NOT_REQUESTED),
    )
    return { throttleTimeMs: 0, brokers: [], topics }
  }
  return {
    throttleTimeMs: 0,
    brokers: reachableBrokers(broker.image, call.listener),
    clusterId: broker.clusterId,
    controllerId: broker.controllerId,
    topics: await listTopics(broker, request, call),
    clusterAuthorizedOperations: authorizedClusterOperations(call, request.includeClusterAuthorizedOperations),
    errorCode: ErrorCode.NONE,
  }
})

const isById = ({ name, topicId }: { name: string | null; topicId: string }) => name === null || topicId !== ZERO_UUID

async function listTopics(broker: Broker, request: Request<typeof metadata>, call: Call): Promise<Listing[]> {
  const operations = (name: string) =>
    authorizedOperations(call, 'TOPIC', name, request.includeTopicAuthorizedOperations)
  const isVisible = (name: string) => call.may('DESCRIBE', 'TOPIC', name)
  const list = (topic: TopicImage) =>
    hintless(topicListing(broker.image, call.listener, topic, operations(topic.name)), call)
  const all = request.topics === null || (call.version === 0 && request.topics.length === 0)
  if (all) {
    const visible = [...broker.image.topics.values()].filter(({ name }) => isVisible(name))
    return visible.map((topic) => list(topic))
  }
  // One id is enough for names to count no more: Java's Admin sends empty names beside its ids.
  const byId = request.topics!.filter(({ topicId }) => topicId !== ZERO_UUID)
  const asked = byId.length > 0 ? byId.map(({ topicId }) => ({ name: null, topicId })) : request.topics!
  const names = asked.flatMap(({ name }) => (name !== null && isVisible(name) ? [name] : []))
  const errors = await createMissing(broker, call, request.allowAutoTopicCreation, names)
  const seen = new Set<string>()
  return asked.flatMap(({ name, topicId }) => {
    if (seen.has(name ?? topicId)) return []
    seen.add(name ?? topicId)
    const topic = name === null ? broker.image.topicById(topicId) : broker.image.topics.get(name)
    const known = topic?.name ?? name
    if (known !== null && !isVisible(known)) return [hidden(name, name === null ? topicId : ZERO_UUID)]
    if (topic) return [list(topic)]
    if (name === null) return [unknown(null, topicId, ErrorCode.UNKNOWN_TOPIC_ID, NOT_REQUESTED)]
    const errorCode = errors.get(name) ?? ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
    const refused = errorCode === ErrorCode.TOPIC_AUTHORIZATION_FAILED
    return [unknown(name, ZERO_UUID, errorCode, refused ? NOT_REQUESTED : operations(name))]
  })
}

/** Before LISTENER_NOT_FOUND a leader whom the client cannot reach was as good as none. */
function hintless(listing: TopicListing, { version }: Call): TopicListing {
  if (version >= FIRST_VERSION_WITH_LISTENERS) return listing
  const partitions = listing.partitions.map((partition) => {
    const isHidden = partition.errorCode === ErrorCode.LISTENER_NOT_FOUND
    return isHidden ? { ...partition, errorCode: ErrorCode.LEADER_NOT_AVAILABLE } : partition
  })
  return { ...listing, partitions }
}

/** Error codes of the topics that could not be created. */
async function createMissing(
  broker: Broker,
  call: Call,
  allowed: boolean,
  names: readonly string[],
): Promise<Map<string, number>> {
  const errors = new Map<string, number>()
  const creates = allowed && broker.config.boolean('auto.create.topics.enable')
  const creatable = names.filter((name) => {
    if (creates && !broker.image.topics.has(name) && !mayCreate(call, name)) {
      errors.set(name, ErrorCode.TOPIC_AUTHORIZATION_FAILED)
      return false
    }
    if (whyInvalidName(name) === undefined) return name !== TRANSACTION_STATE
    errors.set(name, ErrorCode.INVALID_TOPIC_EXCEPTION)
    return false
  })
  if (!creates) return errors
  const created = await broker.topicCreator.createMissing(creatable)
  for (const { name, errorCode } of created) {
    // Another request may have been quicker: then the topic is there.
    if (errorCode !== ErrorCode.NONE && errorCode !== ErrorCode.TOPIC_ALREADY_EXISTS) errors.set(name, errorCode)
  }
  return errors
}

function mayCreate(call: Call, name: string): boolean {
  return call.may('CREATE', 'CLUSTER', CLUSTER_NAME) || call.may('CREATE', 'TOPIC', name)
}

/** Nothing is told of a topic that the caller may not describe, not even whether it is there. */
function hidden(name: string | null, topicId: string): Listing {
  const listing = unknown(name, topicId, ErrorCode.TOPIC_AUTHORIZATION_FAILED, NOT_REQUESTED)
  return { ...listing, isInternal: false }
}

function unknown(name: string | null, topicId: string, errorCode: number, topicAuthorizedOperations: number): Listing {
  // Kafka says of its own topics that they are internal even before they exist.
  const isInternal = name === CONSUMER_OFFSETS || name === TRANSACTION_STATE
  return { errorCode, name, topicId, isInternal, partitions: [], topicAuthorizedOperations }
}
