import { ErrorCode } from '../../../protocol/errors.ts'
import type { GroupBounds } from '../../group-resource-config.ts'
import type { Predecessor } from '../../raft/quorum.ts'
import {
  type Effects,
  Outcome,
  type RecordOrigin,
  type RequestId,
  type StateMachine,
  type TimerEffect,
} from '../state-machine.ts'
import { decideAclCreations, decideAclDeletions } from './acl-changes.ts'
import { alterPartition } from './alter-partition.ts'
import { BrokerControl } from './broker-control.ts'
import type {
  AlterConfigsCommand,
  ControllerCommand,
  ControllerReplies,
  ControllerReply,
  CreatePartitionsCommand,
  CreateTopicsCommand,
  DeleteTopicsCommand,
} from './command.ts'
import { alteredConfigs } from './config-alteration.ts'
import { updateFeatures } from './feature-update.ts'
import { electLeaders } from './leader-election.ts'
import { type Leadership, withoutLeader, withPreferredLeaders } from './leadership.ts'
import { MetadataImage, RESOURCE_TYPE, type ReadonlyMetadataImage } from './metadata-image.ts'
import type { MetadataRecord } from './metadata-record.ts'
import { type MutationQuota, MutationQuotas } from './mutation-quota.ts'
import { alterClientQuotas } from './quota-alteration.ts'
import { alterReassignments } from './reassignment.ts'
import { alterScramCredentials } from './scram-alteration.ts'
import { asksTooMuch, decidePartitions, decideTopic, invalid, refusal } from './topic-creation.ts'
import { whyInvalidName } from './topic-name.ts'

type ControllerEffects = Effects<ControllerCommand, MetadataRecord, ControllerReply>

/** What of the configuration the controller goes by. */
export interface ControllerConfig {
  readonly sessionTimeoutMs: () => number
  /** How often leaders go back to the first replicas; undefined: never by themselves. */
  readonly balanceMs: () => number | undefined
  readonly allowsUnclean: Leadership['allowsUnclean']
}

/** As Kafka: one unit of the log holds so many. */
const ELECTIONS_PER_BALANCE_MAX = 1000
const UNCLEAN_ELECTION = 'unclean.leader.election.enable'

interface Decided {
  readonly reply: ControllerReply
  readonly records: readonly MetadataRecord[]
  readonly timers?: readonly TimerEffect<ControllerCommand>[]
}

/**
 * The controller: owns the cluster's metadata. Its log is `__cluster_metadata`; the node that leads the quorum hosts it as brokers host
 * groups.
 *
 * 1. All durable state is in the image, and only `replay` changes it.
 * 2. The records of one topic's creation or change stand in one unit of the log.
 */
export class ControllerMachine implements StateMachine<ControllerCommand, MetadataRecord, ControllerReply> {
  readonly #image = new MetadataImage()
  readonly #mutationQuotas = new MutationQuotas(this.#image)
  readonly #nodeId: number
  readonly #config: ControllerConfig
  readonly #leadership: Leadership
  readonly #brokers: BrokerControl

  /** `predecessor`: who was the active controller before. */
  constructor(nodeId: number, config: ControllerConfig, predecessor?: Predecessor) {
    this.#nodeId = nodeId
    this.#config = config
    this.#leadership = { image: this.#image, allowsUnclean: config.allowsUnclean }
    this.#brokers = new BrokerControl(this.#leadership, {
      ...{ nodeId, predecessor },
      sessionTimeoutMs: config.sessionTimeoutMs,
    })
  }

  get image(): ReadonlyMetadataImage {
    return this.#image
  }

  handle(id: RequestId, command: ControllerCommand, nowMs: number): ControllerEffects {
    const outcome = new Outcome<ControllerCommand, MetadataRecord, ControllerReply>()
    const { reply, records, timers = [] } = this.#decide(command, nowMs)
    for (const record of records) outcome.record(record)
    outcome.timers.push(...timers)
    outcome.reply(id, reply)
    return outcome
  }

  replay(record: MetadataRecord, { offset }: RecordOrigin): void {
    this.#image.apply(record)
    this.#brokers.replayed(record, offset)
  }

  loaded(_nowMs: number): ControllerEffects {
    const outcome = new Outcome<ControllerCommand, MetadataRecord, ControllerReply>()
    outcome.timers.push(...this.#brokers.loaded(), ...this.#balanceLater())
    return outcome
  }

  #decide(command: ControllerCommand, nowMs: number): Decided {
    switch (command.type) {
      case 'register-broker': {
        const { timers = [], ...decided } = this.#brokers.register(command)
        return { ...decided, timers: [...timers, ...this.#balanceLater(command.registration.brokerId)] }
      }
      case 'broker-heartbeat':
        return this.#brokers.heartbeat(command)
      case 'session-expired':
        return this.#brokers.expired(command.brokerId, command.again)
      case 'unregister-broker':
        return this.#brokers.unregister(command.brokerId)
      case 'alter-partition':
        return alterPartition(this.#leadership, command)
      case 'elect-leaders':
        return electLeaders(this.#leadership, command)
      case 'elect-unclean':
        return { reply: undefined, records: withoutLeader(this.#leadership) }
      case 'balance-leaders': {
        const records = withPreferredLeaders(this.#leadership, ELECTIONS_PER_BALANCE_MAX)
        return { reply: undefined, records, timers: this.#balanceLater() }
      }
      case 'alter-partition-reassignments':
        return alterReassignments(this.#leadership, command)
      case 'create-topics':
        return this.#createTopics(command, this.#mutationQuotas.of(command.requester, nowMs))
      case 'delete-topics':
        return this.#deleteTopics(command, this.#mutationQuotas.of(command.requester, nowMs))
      case 'create-partitions':
        return this.#createPartitions(command, this.#mutationQuotas.of(command.requester, nowMs))
      case 'alter-configs':
        return this.#alterConfigs(command)
      case 'create-acls':
        return decideAclCreations(this.#image.acls, command.acls)
      case 'delete-acls':
        return decideAclDeletions(this.#image.acls, command.filters)
      case 'update-features':
        return updateFeatures(this.#image, this.#nodeId, command)
      case 'alter-client-quotas':
        return alterClientQuotas(this.#image, command)
      case 'alter-scram-credentials':
        return alterScramCredentials(this.#image, command)
      case 'allocate-producer-ids': {
        const { brokerId, brokerEpoch, count } = command
        const errorCode = this.#brokers.epochError(brokerId, brokerEpoch)
        if (errorCode !== ErrorCode.NONE) return { reply: { errorCode, first: -1, count: 0 }, records: [] }
        const first = this.#image.nextProducerId
        const record = { type: 'producer-ids', brokerId, brokerEpoch, nextProducerId: first + count } as const
        return { reply: { errorCode, first, count }, records: [record] }
      }
    }
  }

  /** Alone, or with `arriving` alone, a broker leads everything anyway. */
  #balanceLater(arriving?: number): TimerEffect<ControllerCommand>[] {
    const delayMs = this.#config.balanceMs()
    const brokers = new Set(this.#image.brokers.keys())
    if (arriving !== undefined) brokers.add(arriving)
    if (delayMs === undefined || brokers.size < 2) return []
    return [{ key: 'balance', delayMs, command: { type: 'balance-leaders' } }]
  }

  #createTopics(command: CreateTopicsCommand, quota: MutationQuota) {
    if (asksTooMuch(command)) {
      const error = invalid('POLICY_VIOLATION', 'Excessively large number of partitions per request.')
      const topics = command.topics.map(({ name }) => refusal(name, error).result)
      return { reply: { topics, pauseMs: 0 }, records: [] }
    }
    const names = command.topics.map((topic) => topic.name)
    const records: MetadataRecord[] = []
    const topics = command.topics.map((topic) => {
      if (names.filter((name) => name === topic.name).length > 1) {
        return refusal(topic.name, invalid('INVALID_REQUEST', 'Duplicate topic name.')).result
      }
      const decision = decideTopic(this.#image, command, topic, quota)
      records.push(...decision.records)
      return decision.result
    })
    return { reply: { topics, pauseMs: quota.pauseMs }, records }
  }

  #deleteTopics(command: DeleteTopicsCommand, quota: MutationQuota) {
    const records: MetadataRecord[] = []
    const gone = new Set<string>()
    const topics = command.topics.map(({ name, topicId }) => {
      const topic = name === null ? this.#image.topicById(topicId) : this.#image.topics.get(name)
      if (!topic || gone.has(topic.topicId)) {
        if (name !== null) {
          const message = 'This server does not host this topic-partition.'
          return { ...invalid('UNKNOWN_TOPIC_OR_PARTITION', message), name, topicId }
        }
        return { ...invalid('UNKNOWN_TOPIC_ID', 'This server does not host this topic ID.'), name, topicId }
      }
      const overQuota = quota.take(topic.partitions.length)
      if (overQuota) return { ...overQuota, name: topic.name, topicId: topic.topicId }
      gone.add(topic.topicId)
      records.push({ type: 'remove-topic', topicId: topic.topicId })
      return { errorCode: ErrorCode.NONE, errorMessage: null, name: topic.name, topicId: topic.topicId }
    })
    return { reply: { topics, pauseMs: quota.pauseMs }, records }
  }

  #createPartitions(command: CreatePartitionsCommand, quota: MutationQuota) {
    const names = command.topics.map((topic) => topic.name)
    const records: MetadataRecord[] = []
    const topics = command.topics.map((wanted) => {
      if (names.filter((name) => name === wanted.name).length > 1) {
        return { ...invalid('INVALID_REQUEST', 'Duplicate topic name.'), name: wanted.name }
      }
      const decision = decidePartitions(this.#image, wanted, quota)
      if (!command.validateOnly) records.push(...decision.records)
      return { ...decision.result, name: wanted.name }
    })
    return { reply: { topics, pauseMs: quota.pauseMs }, records }
  }

  #alterConfigs(command: AlterConfigsCommand) {
    const records: MetadataRecord[] = []
    const resources = command.resources.map((resource) => {
      const { resourceType, resourceName } = resource
      const decision = this.#alterResource(resource, command.groupBounds)
      if ('errorCode' in decision) return { ...decision, resourceType, resourceName }
      if (!command.validateOnly) records.push(...decision.records)
      return { errorCode: ErrorCode.NONE, errorMessage: null, resourceType, resourceName }
    })
    // Once these configs hold, what has no leader may get one.
    const isAboutUnclean = records.some((record) => record.type === 'config' && record.name === UNCLEAN_ELECTION)
    const timers = isAboutUnclean ? [{ key: 'unclean', delayMs: 0, command: { type: 'elect-unclean' } } as const] : []
    return { reply: { resources } satisfies ControllerReplies['alter-configs'], records, timers }
  }

  #alterResource(
    { resourceType, resourceName, operations, replaceAll }: AlterConfigsCommand['resources'][number],
    groupBounds: GroupBounds,
  ) {
    const misnamed = this.#misnamedResource(resourceType, resourceName)
    if (misnamed) return misnamed
    const current = this.#image.configs(resourceType, resourceName)
    const altered = alteredConfigs(resourceType, current, operations, { replaceAll, groupBounds })
    if ('errorCode' in altered) return altered
    if (resourceType === RESOURCE_TYPE.TOPIC && !this.#image.topics.has(resourceName)) {
      return invalid('UNKNOWN_TOPIC_OR_PARTITION', `The topic '${resourceName}' does not exist.`)
    }
    const records: MetadataRecord[] = []
    for (const name of new Set([...current.keys(), ...altered.configs.keys()])) {
      const value = altered.configs.get(name) ?? null
      if (value !== (current.get(name) ?? null)) {
        records.push({ type: 'config', resourceType, resourceName, name, value })
      }
    }
    return { records }
  }

  #misnamedResource(resourceType: number, resourceName: string) {
    switch (resourceType) {
      case RESOURCE_TYPE.TOPIC: {
        if (resourceName === '') return invalid('INVALID_REQUEST', 'Default topic resources are not allowed.')
        const complaint = whyInvalidName(resourceName)
        return complaint === undefined ? undefined : invalid('INVALID_TOPIC_EXCEPTION', complaint)
      }
      case RESOURCE_TYPE.GROUP:
        if (resourceName !== '') return undefined
        return invalid('INVALID_REQUEST', 'Default group resources are not allowed.')
      case RESOURCE_TYPE.CLIENT_METRICS:
        return resourceName === '' ? invalid('INVALID_REQUEST', "Subscription name can't be empty") : undefined
      case RESOURCE_TYPE.BROKER:
        return this.#misnamedBroker(resourceName)
      default:
        return invalid('INVALID_REQUEST', `Unknown resource type ${resourceType}`)
    }
  }

  #misnamedBroker(name: string) {
    if (name === '' || this.#image.brokers.has(Number(name))) return undefined
    if (!/^-?\d+$/.test(name)) return invalid('INVALID_REQUEST', `Node id must be an integer, but it is: ${name}`)
    return invalid('BROKER_ID_NOT_REGISTERED', `No node with id ${name} found.`)
  }
}
