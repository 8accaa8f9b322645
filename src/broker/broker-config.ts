// The broker properties that this broker obeys, under Kafka's names: its own below, and through the synonyms of `topic-config.ts` the
// defaults of topics. Where a default differs from Kafka's, because an embedded broker serves tests, the row says so.

import { nearName } from '../config/near-name.ts'
import { HeliostatError } from '../platform/errors.ts'
import { booleanOf, type ConfigDefinition, listOf, numberOf, whyInvalid } from './config-definition.ts'
import { CONSUMER_GROUP_CONFIGS, consumerGroupConfig } from './consumer-group-config.ts'
import type { ControllerConfig } from './coordinator/controller/controller-machine.ts'
import type { GroupConfig } from './coordinator/group/group-config.ts'
import type { TransactionConfig } from './coordinator/transaction/transaction-config.ts'
import { LISTENER_CONFIGS, listenerOverride, nearOverride } from './listeners/listener-properties.ts'
import { QUORUM_CONFIGS, quorumTimeouts } from './raft/quorum-config.ts'
import type { QuorumTimeouts } from './raft/raft-quorum.ts'
import { REPLICATION_CONFIGS } from './replication/replication-config.ts'
import type { AclAuthorizerOptions } from './security/acl-authorizer.ts'
import { SHARE_GROUP_CONFIGS, shareGroupConfig } from './share-group-config.ts'
import { TOPIC_CONFIGS, type TopicConfigDefinition, topicConfig } from './topic-config.ts'

const INT_MAX = 2_147_483_647
const STANDARD_AUTHORIZER = 'org.apache.kafka.metadata.authorizer.StandardAuthorizer'
const ONLY_STANDARD_AUTHORIZER = `the only authorizer here is ${STANDARD_AUTHORIZER}`

interface BrokerConfigDefinition extends ConfigDefinition {
  /** Can be altered while the broker runs, for one broker or for all. */
  readonly dynamic?: true
}

const OWN: readonly BrokerConfigDefinition[] = [
  {
    name: 'allow.everyone.if.no.acl.found',
    type: 'BOOLEAN',
    default: 'false',
    doc: 'Whether everybody may use what no ACL speaks of.',
  },
  {
    name: 'authorizer.class.name',
    type: 'STRING',
    default: '',
    refuses: (value) => (value === '' || value === STANDARD_AUTHORIZER ? undefined : ONLY_STANDARD_AUTHORIZER),
    doc: 'What decides who may do what; empty: everybody may do everything.',
  },
  {
    name: 'auto.create.topics.enable',
    type: 'BOOLEAN',
    default: 'true',
    doc: 'Whether a topic is created when a client first asks for it.',
  },
  {
    name: 'auto.leader.rebalance.enable',
    type: 'BOOLEAN',
    default: 'true',
    doc: 'Whether leaders go back to the first replicas by themselves.',
  },
  {
    name: 'broker.heartbeat.interval.ms',
    type: 'INT',
    default: '2000',
    min: 1,
    doc: 'How often a broker tells the controller that it is alive.',
  },
  {
    name: 'broker.rack',
    type: 'STRING',
    default: null,
    doc: 'The rack of the broker: the replicas of a partition stand in as many racks as there are.',
  },
  {
    name: 'broker.session.timeout.ms',
    type: 'INT',
    default: '9000',
    min: 1,
    doc: 'A broker that the controller has not heard for so long is fenced: others lead what it led.',
  },
  {
    name: 'connections.max.idle.ms',
    type: 'LONG',
    default: '600000',
    min: -1,
    doc: 'A connection without a request for this long is closed.',
  },
  ...QUORUM_CONFIGS,
  {
    name: 'controller.quota.window.num',
    type: 'INT',
    default: '11',
    min: 1,
    doc: 'Windows of unused controller_mutation_rate that a client may save up.',
  },
  {
    name: 'controller.quota.window.size.seconds',
    type: 'INT',
    default: '1',
    min: 1,
    doc: 'Length of a window of controller.quota.window.num.',
  },
  {
    name: 'default.replication.factor',
    type: 'INT',
    default: '1',
    min: 1,
    doc: 'Replicas of a topic whose creator does not say.',
  },
  { name: 'delete.topic.enable', type: 'BOOLEAN', default: 'true', doc: 'Whether topics may be deleted.' },
  { name: 'fetch.max.bytes', type: 'INT', default: '57671680', min: 1024, doc: 'The most that one fetch is given.' },
  ...CONSUMER_GROUP_CONFIGS,
  ...SHARE_GROUP_CONFIGS,
  {
    name: 'group.initial.rebalance.delay.ms',
    type: 'INT',
    default: '0',
    min: 0,
    doc: 'How long the first rebalance of a group is held open for more members. Kafka: 3000.',
  },
  {
    name: 'group.max.session.timeout.ms',
    type: 'INT',
    default: '1800000',
    min: 0,
    doc: 'The longest session time-out that a member may ask for.',
  },
  { name: 'group.max.size', type: 'INT', default: String(INT_MAX), min: 1, doc: 'The most members of a group.' },
  {
    name: 'group.min.session.timeout.ms',
    type: 'INT',
    default: '6000',
    min: 0,
    doc: 'The shortest session time-out that a member may ask for.',
  },
  {
    name: 'leader.imbalance.check.interval.seconds',
    type: 'LONG',
    default: '300',
    min: 1,
    doc: 'Time between two looks for leaders that are not the first replicas.',
  },
  {
    name: 'log.cleaner.backoff.ms',
    type: 'LONG',
    default: '15000',
    min: 0,
    doc: 'Time between two looks for logs to compact.',
    dynamic: true,
  },
  {
    name: 'log.flush.offset.checkpoint.interval.ms',
    type: 'INT',
    default: '60000',
    min: 1,
    doc: 'Time between two checkpoints of what a restart needs not read again.',
  },
  {
    name: 'log.retention.check.interval.ms',
    type: 'LONG',
    default: '300000',
    min: 1,
    doc: 'Time between two looks for segments that retention drops.',
  },
  {
    name: 'max.connections',
    type: 'INT',
    default: String(INT_MAX),
    min: 0,
    doc: 'The most connections that are served; those beyond wait until others have gone.',
    dynamic: true,
  },
  {
    name: 'max.connections.per.ip',
    type: 'INT',
    default: String(INT_MAX),
    min: 0,
    doc: 'The most connections of one address; those beyond are closed.',
    dynamic: true,
  },
  {
    name: 'max.connections.per.ip.overrides',
    type: 'STRING',
    default: '',
    refuses: whyNoCountsByHost,
    doc: 'Limits of single addresses in place of max.connections.per.ip, as host:count pairs.',
    dynamic: true,
  },
  {
    name: 'max.incremental.fetch.session.cache.slots',
    type: 'INT',
    default: '1000',
    min: 0,
    doc: 'The most incremental fetch sessions that are kept.',
  },
  {
    name: 'max.request.partition.size.limit',
    type: 'INT',
    default: '2000',
    min: 1,
    doc: 'The most partitions in one answer of DescribeTopicPartitions.',
  },
  {
    name: 'metadata.log.max.record.bytes.between.snapshots',
    type: 'LONG',
    default: '20971520',
    min: 1,
    doc: 'Growth of the metadata log after which a snapshot takes its place.',
  },
  {
    name: 'num.partitions',
    type: 'INT',
    default: '1',
    min: 1,
    doc: 'Partitions of a topic whose creator does not say.',
  },
  {
    name: 'offset.metadata.max.bytes',
    type: 'INT',
    default: '4096',
    min: 0,
    doc: 'The largest metadata beside a committed offset.',
  },
  {
    name: 'offsets.retention.check.interval.ms',
    type: 'LONG',
    default: '600000',
    min: 1,
    doc: 'Time between two looks for expired offsets.',
  },
  {
    name: 'offsets.retention.minutes',
    type: 'INT',
    default: '10080',
    min: 1,
    doc: 'How long an empty group keeps its offsets.',
  },
  {
    name: 'offsets.topic.num.partitions',
    type: 'INT',
    default: '4',
    min: 1,
    doc: 'Partitions of __consumer_offsets. Kafka: 50.',
  },
  {
    name: 'offsets.topic.replication.factor',
    type: 'SHORT',
    default: '1',
    min: 1,
    doc: 'Replicas of __consumer_offsets. Kafka: 3.',
  },
  {
    name: 'offsets.topic.segment.bytes',
    type: 'INT',
    default: '104857600',
    min: 1_048_576,
    doc: 'Segment size of __consumer_offsets.',
  },
  {
    name: 'producer.id.expiration.ms',
    type: 'INT',
    default: '86400000',
    min: 1,
    doc: 'An idempotent producer that is silent for this long is forgotten.',
    dynamic: true,
  },
  {
    name: 'quota.window.num',
    type: 'INT',
    default: '11',
    min: 1,
    doc: 'Windows over which the rates of client quotas are measured, the one under way among them.',
  },
  {
    name: 'quota.window.size.seconds',
    type: 'INT',
    default: '1',
    min: 1,
    doc: 'Length of a window of quota.window.num.',
  },
  ...REPLICATION_CONFIGS,
  {
    name: 'socket.request.max.bytes',
    type: 'INT',
    default: '104857600',
    min: 1,
    doc: 'The largest request; a larger one closes the connection.',
  },
  {
    name: 'super.users',
    type: 'STRING',
    default: '',
    refuses: (value) =>
      principalsOf(value)
        .map(principalComplaint)
        .find((complaint) => complaint !== undefined),
    doc: 'Who may do everything, as User:alice;User:bob.',
  },
  {
    name: 'transaction.abort.timed.out.transaction.cleanup.interval.ms',
    type: 'INT',
    default: '10000',
    min: 1,
    doc: 'Time between two looks for transactions that have timed out.',
  },
  {
    name: 'transaction.max.timeout.ms',
    type: 'INT',
    default: '900000',
    min: 1,
    doc: 'The longest time-out that a transactional producer may ask for.',
  },
  {
    name: 'transaction.partition.verification.enable',
    type: 'BOOLEAN',
    default: 'true',
    doc: 'Whether a partition takes the first batch of a transaction only when the coordinator knows of it.',
    dynamic: true,
  },
  {
    name: 'transaction.remove.expired.transaction.cleanup.interval.ms',
    type: 'INT',
    default: '3600000',
    min: 1,
    doc: 'Time between two looks for expired transactional ids.',
  },
  {
    name: 'transaction.state.log.min.isr',
    type: 'INT',
    default: '1',
    min: 1,
    doc: 'The topic config min.insync.replicas of __transaction_state. Kafka: 2.',
  },
  {
    name: 'transaction.state.log.num.partitions',
    type: 'INT',
    default: '4',
    min: 1,
    doc: 'Partitions of __transaction_state. Kafka: 50.',
  },
  {
    name: 'transaction.state.log.replication.factor',
    type: 'SHORT',
    default: '1',
    min: 1,
    doc: 'Replicas of __transaction_state. Kafka: 3.',
  },
  {
    name: 'transaction.state.log.segment.bytes',
    type: 'INT',
    default: '104857600',
    min: 1_048_576,
    doc: 'Segment size of __transaction_state.',
  },
  {
    name: 'transactional.id.expiration.ms',
    type: 'INT',
    default: '604800000',
    min: 1,
    doc: 'How long a transactional id that nobody uses is kept.',
  },
]

/** `host:count` pairs, separated by commas. */
function countsByHost(text: string): ReadonlyMap<string, number> {
  return new Map(
    listOf(text).map((pair) => [pair.slice(0, pair.lastIndexOf(':')), Number(pair.slice(pair.lastIndexOf(':') + 1))]),
  )
}

function whyNoCountsByHost(text: string): string | undefined {
  const wrong = listOf(text).find((pair) => !/^.+:\d+$/.test(pair))
  return wrong === undefined ? undefined : `${wrong} is not a host and a count`
}

/** The properties that stand for a topic config, described by it. */
const SYNONYMS: readonly ConfigDefinition[] = TOPIC_CONFIGS.flatMap((topic) =>
  topic.synonyms.map((synonym, index) => ({
    name: synonym.name,
    type: synonym.factor === undefined ? topic.type : 'INT',
    default: index === 0 && topic.synonyms.length === 1 ? topic.default : (synonym.default ?? null),
    doc: `Default of the topic config ${topic.name}.`,
    min: synonym.factor === undefined ? topic.min : topic.min === undefined ? undefined : Math.min(topic.min, 0),
    max: topic.max,
    oneOf: topic.oneOf,
    refuses: topic.refuses,
  })),
)

export const BROKER_CONFIGS: readonly ConfigDefinition[] = [...OWN, ...LISTENER_CONFIGS, ...SYNONYMS].sort((a, b) =>
  a.name < b.name ? -1 : 1,
)

const byName = new Map(BROKER_CONFIGS.map((definition) => [definition.name, definition]))
/** Of the properties that stand for a topic config the first; those in other units, or for want of it, are read at the start. */
const dynamicNames = new Set([
  ...OWN.filter(({ dynamic }) => dynamic).map(({ name }) => name),
  ...TOPIC_CONFIGS.flatMap(({ synonyms }) => synonyms.slice(0, 1).map(({ name }) => name)),
  'group.consumer.assignment.interval.ms',
])

export function brokerConfig(name: string): ConfigDefinition | undefined {
  return byName.get(name) ?? listenerOverride(name)?.definition
}

/** Why a broker cannot have these together; undefined when it can. */
export function whyInvalidBrokerConfigs(configs: ReadonlyMap<string, string>): string | undefined {
  if (configs.get('log.retention.ms') === '0') {
    return 'requirement failed: log.retention.ms must be unlimited (-1) or, greater than or equal to 1'
  }
  if (configs.get('max.connections.per.ip') === '0' && !configs.get('max.connections.per.ip.overrides')) {
    return 'requirement failed: max.connections.per.ip can be set to zero only if max.connections.per.ip.overrides property is set.'
  }
  return undefined
}

/** The property and those that stand for the same topic config, the nearest first. */
export function synonymsOf(name: string): readonly string[] {
  const topic = TOPIC_CONFIGS.find(({ synonyms }) => synonyms.some((synonym) => synonym.name === name))
  return topic ? topic.synonyms.map((synonym) => synonym.name) : [name]
}

/** Whether the property can be altered while the broker runs. */
export function isDynamic(name: string): boolean {
  return dynamicNames.has(name)
}

export type BrokerConfigSource =
  | 'DYNAMIC_BROKER_CONFIG'
  | 'DYNAMIC_DEFAULT_BROKER_CONFIG'
  | 'STATIC_BROKER_CONFIG'
  | 'DEFAULT_CONFIG'

export interface ConfigValue<Source extends string> {
  readonly name: string
  readonly value: string | null
  readonly source: Source
}

/**
 * The broker's configuration in its layers, the nearest first: what was altered for this broker, what was altered for all, what it was
 * started with, and the defaults.
 */
export class BrokerConfig {
  readonly #static: ReadonlyMap<string, string>
  #dynamic: ReadonlyMap<string, string> = new Map()
  #dynamicDefault: ReadonlyMap<string, string> = new Map()
  #groups: GroupConfig | undefined

  /** Throws HEL_CONFIG for a name or value that is wrong. */
  constructor(given: Readonly<Record<string, unknown>> = {}) {
    this.#static = new Map(Object.entries(given).map(([name, value]) => [name, checked(name, String(value))]))
  }

  /** What was altered at run time, anew. */
  alter(broker: ReadonlyMap<string, string>, cluster: ReadonlyMap<string, string>): void {
    this.#dynamic = broker
    this.#dynamicDefault = cluster
    this.#groups = undefined
  }

  /** All values the property has, the one that holds first. */
  layers(name: string): ConfigValue<BrokerConfigSource>[] {
    const found: ConfigValue<BrokerConfigSource>[] = []
    const add = (value: string | null | undefined, source: BrokerConfigSource) => {
      if (value !== undefined && value !== null) found.push({ name, value, source })
    }
    add(this.#dynamic.get(name), 'DYNAMIC_BROKER_CONFIG')
    add(this.#dynamicDefault.get(name), 'DYNAMIC_DEFAULT_BROKER_CONFIG')
    add(this.#static.get(name), 'STATIC_BROKER_CONFIG')
    add(byName.get(name)!.default, 'DEFAULT_CONFIG')
    return found
  }

  /** What was given for exactly this name, be it a listener's; not the default. */
  given(name: string): string | undefined {
    return this.#dynamic.get(name) ?? this.#dynamicDefault.get(name) ?? this.#static.get(name)
  }

  /** The names that were given at the start. */
  get staticNames(): Iterable<string> {
    return this.#static.keys()
  }

  number(name: string): number {
    return numberOf(this.#value(name))
  }

  boolean(name: string): boolean {
    return booleanOf(this.#value(name))
  }

  /** The value of the topic config for a topic that does not set it, in the topic's unit. */
  topicDefault(topic: TopicConfigDefinition): string | null {
    for (const layer of [false, true]) {
      for (const synonym of topic.synonyms) {
        const held = this.layers(synonym.name)[0]
        if (!held || (held.source === 'DEFAULT_CONFIG') !== layer) continue
        return synonym.factor === undefined ? held.value : String(scaled(Number(held.value), synonym.factor))
      }
    }
    return topic.default
  }

  get connections() {
    const overrides = countsByHost(this.#value('max.connections.per.ip.overrides'))
    const ofEach = this.number('max.connections.per.ip')
    return { max: this.number('max.connections'), maxOf: (ip: string) => overrides.get(ip) ?? ofEach }
  }

  /** Asked for by every request of a group, so it is made once for each alteration. */
  get groups(): GroupConfig {
    this.#groups ??= this.#groupConfig()
    return this.#groups
  }

  #groupConfig(): GroupConfig {
    return {
      minSessionTimeoutMs: this.number('group.min.session.timeout.ms'),
      maxSessionTimeoutMs: this.number('group.max.session.timeout.ms'),
      maxSize: this.number('group.max.size'),
      initialRebalanceDelayMs: this.number('group.initial.rebalance.delay.ms'),
      offsetsRetentionMs: this.number('offsets.retention.minutes') * 60_000,
      offsetsRetentionCheckIntervalMs: this.number('offsets.retention.check.interval.ms'),
      offsetMetadataMaxBytes: this.number('offset.metadata.max.bytes'),
      consumer: consumerGroupConfig((name) => this.#value(name)),
      share: shareGroupConfig((name) => this.#value(name)),
    }
  }

  /** By what the controller decides, if this node has it. */
  get controller(): ControllerConfig {
    const unclean = topicConfig('unclean.leader.election.enable')!
    return {
      sessionTimeoutMs: () => this.number('broker.session.timeout.ms'),
      balanceMs: () =>
        this.boolean('auto.leader.rebalance.enable')
          ? this.number('leader.imbalance.check.interval.seconds') * 1000
          : undefined,
      allowsUnclean: (own) => booleanOf(own.get(unclean.name) ?? this.topicDefault(unclean)!),
    }
  }

  /** What decides who may do what; undefined: nothing is decided. */
  get authorizer(): AclAuthorizerOptions | undefined {
    if (this.#value('authorizer.class.name').trim() === '') return undefined
    return {
      superUsers: principalsOf(this.#value('super.users')),
      allowEveryoneIfNoAclIsFound: this.boolean('allow.everyone.if.no.acl.found'),
    }
  }

  get quorumTimeouts(): QuorumTimeouts {
    return quorumTimeouts((name) => this.number(name))
  }

  get transactions(): Omit<TransactionConfig, 'transactionVersion'> {
    return {
      maxTimeoutMs: this.number('transaction.max.timeout.ms'),
      idExpirationMs: this.number('transactional.id.expiration.ms'),
      abortTimedOutIntervalMs: this.number('transaction.abort.timed.out.transaction.cleanup.interval.ms'),
      removeExpiredIntervalMs: this.number('transaction.remove.expired.transaction.cleanup.interval.ms'),
    }
  }

  #value(name: string): string {
    const value = this.layers(name)[0]?.value
    if (value === undefined || value === null) throw new Error(`the property ${name} has no value`)
    return value
  }
}

function principalsOf(text: string): string[] {
  return text
    .split(';')
    .map((principal) => principal.trim())
    .filter((principal) => principal !== '')
}

function principalComplaint(principal: string): string | undefined {
  if (principal.includes(':')) return undefined
  return `expected a string in format principalType:principalName but got ${principal}`
}

/** −1 stays "no limit" in every unit. */
function scaled(value: number, factor: number): number {
  return value < 0 ? value : value * factor
}

function checked(name: string, value: string): string {
  const definition = brokerConfig(name)
  if (!definition) {
    const override = listenerOverride(name)
    const near = override ? nearOverride(name, override) : nearName(name, [...byName.keys()])
    const hint = near === undefined ? '' : `; did you mean ${near}?`
    throw new HeliostatError('HEL_CONFIG', `unknown broker property ${name}${hint}`, { where: { property: name } })
  }
  const complaint = whyInvalid(definition, value)
  if (complaint) throw new HeliostatError('HEL_CONFIG', complaint, { where: { property: name } })
  return value
}
