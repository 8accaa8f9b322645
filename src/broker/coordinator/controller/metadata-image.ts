import { ClientQuotas } from '../../quota/client-quotas.ts'
import { AclSet, type ReadonlyAclSet } from '../../security/acl-set.ts'
import type { ScramCredential } from '../../security/scram-credential.ts'
import {
  type BrokerRegistration,
  changedBroker,
  changedPartition,
  type MetadataRecord,
  type PartitionRegistration,
} from './metadata-record.ts'

export interface TopicImage {
  readonly name: string
  readonly topicId: string
  /** By partition id, without holes. */
  readonly partitions: PartitionRegistration[]
}

/** Resource types as the config APIs number them. */
export const RESOURCE_TYPE = { TOPIC: 2, BROKER: 4, BROKER_LOGGER: 8, CLIENT_METRICS: 16, GROUP: 32 } as const

export type ReadonlyMetadataImage = Omit<MetadataImage, 'apply'>

/**
 * What the metadata log says up to some record: brokers, topics, partitions, configs, quotas, credentials, producer
 * ids, access rules, features.
 *
 * 1. It depends on the applied records alone; applying one twice changes nothing more.
 * 2. `topics` and `topicsById` hold the same topics.
 * 3. Configs of a topic go with the topic.
 * 4. `topicsVersion` rises with every record of a topic.
 */
export class MetadataImage {
  readonly #brokers = new Map<number, BrokerRegistration>()
  readonly #topics = new Map<string, TopicImage>()
  readonly #topicsById = new Map<string, TopicImage>()
  readonly #configs = new Map<string, Map<string, string>>()
  readonly #acls = new AclSet()
  readonly #features = new Map<string, number>()
  #featuresEpoch = 0
  readonly #scram = new Map<string, Map<number, ScramCredential>>()
  #nextProducerId = 0
  #topicsVersion = 0

  /** All that are registered, by id, in the order of their first registrations. */
  get brokers(): ReadonlyMap<number, BrokerRegistration> {
    return this.#brokers
  }

  /** Whether the broker may lead and be in sync. */
  isActive(brokerId: number): boolean {
    const broker = this.#brokers.get(brokerId)
    return broker !== undefined && !broker.fenced && !broker.inControlledShutdown
  }

  get topics(): ReadonlyMap<string, TopicImage> {
    return this.#topics
  }

  /** The levels that were set; `features.ts` says which hold besides. */
  get features(): ReadonlyMap<string, number> {
    return this.#features
  }

  /** Rises with each change of a level, so that clients keep the newest that they heard of. */
  get featuresEpoch(): number {
    return this.#featuresEpoch
  }

  get nextProducerId(): number {
    return this.#nextProducerId
  }

  get acls(): ReadonlyAclSet {
    return this.#acls
  }

  get topicsVersion(): number {
    return this.#topicsVersion
  }

  topicById(topicId: string): TopicImage | undefined {
    return this.#topicsById.get(topicId)
  }

  /** What was set for the resource itself; for brokers the name is the id, or empty for all brokers. */
  configs(resourceType: number, resourceName: string): ReadonlyMap<string, string> {
    return this.#configs.get(configKey(resourceType, resourceName)) ?? NO_CONFIGS
  }

  /** What was set for a group. */
  groupConfigs(groupId: string): ReadonlyMap<string, string> {
    return this.configs(RESOURCE_TYPE.GROUP, groupId)
  }

  /** For whom requests are slowed down, and from when on. */
  readonly quotas = new ClientQuotas()

  /** Users that have a SCRAM credential. */
  get scramUsers(): Iterable<string> {
    return this.#scram.keys()
  }

  /** By mechanism, as AlterUserScramCredentials numbers it. */
  scramCredentials(user: string): ReadonlyMap<number, ScramCredential> {
    return this.#scram.get(user) ?? NO_CREDENTIALS
  }

  /** The resources of this type that have configs of their own. */
  configuredNames(resourceType: number): string[] {
    const prefix = configKey(resourceType, '')
    return [...this.#configs.keys()].filter((key) => key.startsWith(prefix)).map((key) => key.slice(prefix.length))
  }

  apply(record: MetadataRecord) {
    if (record.type === 'topic' || record.type === 'partition' || record.type === 'remove-topic') {
      this.#topicsVersion += 1
    }
    switch (record.type) {
      case 'register-broker': {
        const { type: _, ...registration } = record
        this.#brokers.set(record.brokerId, registration)
        return
      }
      case 'unregister-broker':
        this.#brokers.delete(record.brokerId)
        return
      case 'broker-registration-change': {
        const broker = this.#brokers.get(record.brokerId)
        if (broker) this.#brokers.set(record.brokerId, changedBroker(broker, record))
        return
      }
      case 'topic': {
        const topic = { name: record.name, topicId: record.topicId, partitions: [] }
        this.#topics.set(record.name, topic)
        this.#topicsById.set(record.topicId, topic)
        return
      }
      case 'partition': {
        const { type: _, topicId, ...registration } = record
        const topic = this.#topicsById.get(topicId)
        if (topic) topic.partitions[registration.partitionId] = registration
        return
      }
      case 'partition-change': {
        const partitions = this.#topicsById.get(record.topicId)?.partitions
        const before = partitions?.[record.partitionId]
        if (before) partitions![record.partitionId] = changedPartition(before, record)
        return
      }
      case 'remove-topic': {
        const topic = this.#topicsById.get(record.topicId)
        if (!topic) return
        this.#topicsById.delete(record.topicId)
        this.#topics.delete(topic.name)
        this.#configs.delete(configKey(RESOURCE_TYPE.TOPIC, topic.name))
        return
      }
      case 'config':
        return this.#setConfig(configKey(record.resourceType, record.resourceName), record.name, record.value)
      case 'access-control-entry': {
        const { type: _, id, ...acl } = record
        return this.#acls.add(id, acl)
      }
      case 'remove-access-control-entry':
        return this.#acls.remove(record.id)
      case 'client-quota': {
        const entity = Object.fromEntries(record.entity.map(({ entityType, entityName }) => [entityType, entityName]))
        return this.quotas.apply(entity, record.key, record.remove ? undefined : record.value)
      }
      case 'scram-credential': {
        const { salt, storedKey, serverKey, iterations } = record
        // Copies: the record's bytes are slices of a request, or of a stretch of the log, that would be kept alive whole.
        const own = (bytes: Buffer) => Buffer.from(bytes)
        const credential = { salt: own(salt), storedKey: own(storedKey), serverKey: own(serverKey), iterations }
        const credentials = this.#scram.get(record.name) ?? new Map<number, ScramCredential>()
        this.#scram.set(record.name, credentials.set(record.mechanism, credential))
        return
      }
      case 'remove-scram-credential': {
        const credentials = this.#scram.get(record.name)
        credentials?.delete(record.mechanism)
        if (credentials?.size === 0) this.#scram.delete(record.name)
        return
      }
      case 'producer-ids':
        this.#nextProducerId = record.nextProducerId
        return
      case 'feature':
        if (this.#features.get(record.name) !== record.featureLevel) this.#featuresEpoch++
        this.#features.set(record.name, record.featureLevel)
    }
  }

  #setConfig(key: string, name: string, value: string | null): void {
    const configs = this.#configs.get(key) ?? new Map<string, string>()
    if (value === null) configs.delete(name)
    else configs.set(name, value)
    if (configs.size === 0) this.#configs.delete(key)
    else this.#configs.set(key, configs)
  }
}

const NO_CONFIGS: ReadonlyMap<string, string> = new Map()
const NO_CREDENTIALS: ReadonlyMap<number, ScramCredential> = new Map()

function configKey(resourceType: number, resourceName: string): string {
  return `${resourceType}:${resourceName}`
}
