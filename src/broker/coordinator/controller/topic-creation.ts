import { ErrorCode } from '../../../protocol/errors.ts'
import { ZERO_UUID } from '../../../protocol/schema.ts'
import { whyInvalidTopicConfigs } from '../../topic-config.ts'
import type { CreatedTopic, CreatePartitionsCommand, CreateTopicsCommand, ItemError, TopicToCreate } from './command.ts'
import { RESOURCE_TYPE, type ReadonlyMetadataImage, type TopicImage } from './metadata-image.ts'
import { type MetadataRecord, RECOVERED } from './metadata-record.ts'
import type { MutationQuota } from './mutation-quota.ts'
import { placeReplicas, type Usable, whyInvalidAssignment } from './replica-placement.ts'
import { CLUSTER_METADATA, collidingName, whyInvalidName } from './topic-name.ts'

/** Partitions that one request may create; more would make one unit of the log too large. */
const PARTITIONS_PER_REQUEST_MAX = 10_000

export interface Decision<Result> {
  readonly result: Result
  readonly records: readonly MetadataRecord[]
}

/** Whether the request as a whole would make a unit of the log too large. */
export function asksTooMuch(command: CreateTopicsCommand): boolean {
  const counts = command.topics.map(({ assignments, numPartitions }) => {
    if (assignments.length > 0) return assignments.length
    return numPartitions === -1 ? command.defaultPartitions : Math.max(numPartitions, 0)
  })
  return counts.reduce((sum, count) => sum + count, 0) > PARTITIONS_PER_REQUEST_MAX
}

/** Decides one topic of CreateTopics. Names are held only against those that are there, not against others of the request. */
export function decideTopic(
  image: ReadonlyMetadataImage,
  command: CreateTopicsCommand,
  topic: TopicToCreate,
  quota: MutationQuota,
): Decision<CreatedTopic> {
  const configs = new Map([...topic.configs].filter((entry): entry is [string, string] => entry[1] !== null))
  const error = nameError(image, topic.name) ?? nullConfigError(topic) ?? configError(configs) ?? shapeError(topic)
  if (error) return refusal(topic.name, error)
  const placed = place(image, command, topic)
  if ('errorCode' in placed) return refusal(topic.name, placed)
  const overQuota = quota.take(placed.assignment.length)
  if (overQuota) return refusal(topic.name, overQuota)
  const result: CreatedTopic = {
    errorCode: ErrorCode.NONE,
    errorMessage: null,
    name: topic.name,
    topicId: topic.topicId,
    numPartitions: placed.assignment.length,
    replicationFactor: placed.assignment[0]!.length,
  }
  if (command.validateOnly) return { result, records: [] }
  const records: MetadataRecord[] = [
    { type: 'topic', name: topic.name, topicId: topic.topicId },
    ...[...configs].map(([name, value]) => {
      return { type: 'config', resourceType: RESOURCE_TYPE.TOPIC, resourceName: topic.name, name, value } as const
    }),
    ...placed.assignment.map((replicas, partitionId) => newPartition(image, topic.topicId, partitionId, replicas)),
  ]
  return { result, records }
}

function nameError(image: ReadonlyMetadataImage, name: string): ItemError | undefined {
  const complaint = whyInvalidName(name)
  if (complaint !== undefined) return invalid('INVALID_TOPIC_EXCEPTION', complaint)
  if (name === CLUSTER_METADATA) {
    return invalid('INVALID_REQUEST', `Creation of internal topic ${CLUSTER_METADATA} is prohibited.`)
  }
  if (image.topics.has(name)) return invalid('TOPIC_ALREADY_EXISTS', `Topic '${name}' already exists.`)
  const other = collidingName(name, image.topics.keys())
  if (other === undefined) return undefined
  return invalid('INVALID_TOPIC_EXCEPTION', `Topic '${name}' collides with existing topic: ${other}`)
}

function nullConfigError(topic: TopicToCreate): ItemError | undefined {
  const nulls = [...topic.configs].filter(([, value]) => value === null).map(([name]) => name)
  if (nulls.length === 0) return undefined
  return invalid('INVALID_CONFIG', `Null value not supported for topic configs: ${nulls.join(',')}`)
}

function configError(configs: ReadonlyMap<string, string>): ItemError | undefined {
  const complaint = whyInvalidTopicConfigs(configs)
  return complaint === undefined ? undefined : invalid('INVALID_CONFIG', complaint)
}

function shapeError(topic: TopicToCreate): ItemError | undefined {
  const { numPartitions, replicationFactor } = topic
  if (topic.assignments.length > 0) {
    const said = replicationFactor !== -1 ? 'replication factor' : numPartitions !== -1 ? 'numPartitions' : ''
    if (said === '') return undefined
    return invalid('INVALID_REQUEST', `A manual partition assignment was specified, but ${said} was not set to -1.`)
  }
  if (replicationFactor !== -1 && replicationFactor < 1) {
    return invalid(
      'INVALID_REPLICATION_FACTOR',
      'Replication factor must be larger than 0, or -1 to use the default value.',
    )
  }
  if (numPartitions !== -1 && numPartitions < 1) {
    return invalid('INVALID_PARTITIONS', 'Number of partitions was set to an invalid non-positive value.')
  }
  return undefined
}

type Placed = { readonly assignment: readonly (readonly number[])[] } | ItemError

function place(image: ReadonlyMetadataImage, command: CreateTopicsCommand, topic: TopicToCreate): Placed {
  if (topic.assignments.length > 0) return placeByHand(image, topic)
  const count = topic.numPartitions === -1 ? command.defaultPartitions : topic.numPartitions
  const factor = topic.replicationFactor === -1 ? command.defaultReplicationFactor : topic.replicationFactor
  return placeByItself(image, topic.topicId, 0, count, factor)
}

/** Partitions from `first` on go where the turn of the topic is. */
function placeByItself(
  image: ReadonlyMetadataImage,
  topicId: string,
  first: number,
  count: number,
  factor: number,
): Placed {
  const brokers = usable(image)
  if (factor > brokers.length) {
    const message = `Unable to replicate the partition ${factor} time(s): The target replication factor of ${factor} cannot be reached because only ${brokers.length} broker(s) are registered or some brokers have all their log directories cordoned.`
    return invalid('INVALID_REPLICATION_FACTOR', message)
  }
  if (brokers.every(({ fenced }) => fenced)) {
    const message = `Unable to replicate the partition ${factor} time(s): All brokers are currently fenced.`
    return invalid('INVALID_REPLICATION_FACTOR', message)
  }
  return { assignment: placeReplicas(brokers, turnOf(topicId) + first, count, factor) }
}

/** Those that are about to stop get nothing new. */
function usable({ brokers }: ReadonlyMetadataImage): Usable[] {
  return [...brokers.values()]
    .filter(({ inControlledShutdown }) => !inControlledShutdown)
    .sort((a, b) => a.brokerId - b.brokerId)
}

/** Where the round begins for a topic: drawn with its id, so that small topics do not all lie on the same brokers. */
function turnOf(topicId: string): number {
  return Buffer.from(topicId, 'base64url').readUInt32BE(12)
}

function placeByHand(image: ReadonlyMetadataImage, topic: TopicToCreate): Placed {
  const byPartition = new Map<number, readonly number[]>()
  for (const { partitionIndex, brokerIds: replicas } of topic.assignments) {
    if (byPartition.has(partitionIndex)) {
      const message = `Found multiple manual partition assignments for partition ${partitionIndex}`
      return invalid('INVALID_REPLICA_ASSIGNMENT', message)
    }
    byPartition.set(partitionIndex, replicas)
  }
  const assignment = topic.assignments.flatMap((_, partitionId) => {
    const replicas = byPartition.get(partitionId)
    return replicas ? [replicas] : []
  })
  if (assignment.length !== topic.assignments.length) {
    const message = 'partitions should be a consecutive 0-based integer sequence'
    return invalid('INVALID_REPLICA_ASSIGNMENT', message)
  }
  const complaint = whyInvalidByHand(image, assignment, 0)
  return complaint === undefined ? { assignment } : invalid('INVALID_REPLICA_ASSIGNMENT', complaint)
}

function whyInvalidByHand(
  image: ReadonlyMetadataImage,
  assignment: readonly (readonly number[])[],
  first: number,
): string | undefined {
  const complaint = whyInvalidAssignment(assignment, [...image.brokers.keys()])
  if (complaint !== undefined) return complaint
  const dark = assignment.findIndex((replicas) => !replicas.some((id) => image.isActive(id)))
  if (dark < 0) return undefined
  return `All brokers specified in the manual partition assignment for partition ${first + dark} are fenced or in controlled shutdown.`
}

/** Decides one topic of CreatePartitions. */
export function decidePartitions(
  image: ReadonlyMetadataImage,
  wanted: CreatePartitionsCommand['topics'][number],
  quota: MutationQuota,
): Decision<ItemError> {
  const topic = image.topics.get(wanted.name)
  if (!topic) return { result: invalid('UNKNOWN_TOPIC_OR_PARTITION', null), records: [] }
  const present = topic.partitions.length
  const added = wanted.count - present
  const error = countError(topic, wanted.count)
  if (error) return { result: error, records: [] }
  const placed = placeMore(image, topic, added, wanted.assignments)
  if ('errorCode' in placed) return { result: placed, records: [] }
  const overQuota = quota.take(added)
  if (overQuota) return { result: overQuota, records: [] }
  const records = placed.assignment.map((replicas, index) =>
    newPartition(image, topic.topicId, present + index, replicas),
  )
  return { result: { errorCode: ErrorCode.NONE, errorMessage: null }, records }
}

function countError(topic: TopicImage, count: number): ItemError | undefined {
  const present = topic.partitions.length
  if (count === present) return invalid('INVALID_PARTITIONS', `Topic already has ${count} partition(s).`)
  if (count < present) {
    const message = `The topic ${topic.name} currently has ${present} partition(s); ${count} would not be an increase.`
    return invalid('INVALID_PARTITIONS', message)
  }
  if (count - present <= PARTITIONS_PER_REQUEST_MAX) return undefined
  return invalid('POLICY_VIOLATION', `Excessively large number of partitions per request: ${count - present}.`)
}

function placeMore(
  image: ReadonlyMetadataImage,
  topic: TopicImage,
  added: number,
  assignment: readonly (readonly number[])[] | null,
): Placed {
  const present = topic.partitions.length
  if (assignment === null) {
    return placeByItself(image, topic.topicId, present, added, topic.partitions[0]!.replicas.length)
  }
  if (assignment.length !== added) {
    const message = `Attempted to add ${added} additional partition(s), but only ${assignment.length} assignment(s) were specified.`
    return invalid('INVALID_REPLICA_ASSIGNMENT', message)
  }
  const complaint = whyInvalidByHand(image, assignment, present)
  return complaint === undefined ? { assignment } : invalid('INVALID_REPLICA_ASSIGNMENT', complaint)
}

/** In sync, with nothing to be behind of, is whoever lives. */
function newPartition(
  image: ReadonlyMetadataImage,
  topicId: string,
  partitionId: number,
  replicas: readonly number[],
): MetadataRecord {
  const isr = replicas.filter((id) => image.isActive(id))
  return {
    type: 'partition',
    topicId,
    partitionId,
    replicas,
    addingReplicas: [],
    removingReplicas: [],
    isr,
    leader: isr[0]!,
    leaderRecoveryState: RECOVERED,
    leaderEpoch: 0,
    partitionEpoch: 0,
  }
}

export function invalid(name: keyof typeof ErrorCode, errorMessage: string | null): ItemError {
  return { errorCode: ErrorCode[name], errorMessage }
}

export function refusal(name: string, error: ItemError): Decision<CreatedTopic> {
  return { result: { ...error, name, topicId: ZERO_UUID, numPartitions: -1, replicationFactor: -1 }, records: [] }
}
