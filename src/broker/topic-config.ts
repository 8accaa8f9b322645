// All topic configs of Kafka 4.x: one row each. `synonyms` are the broker properties that give a topic without its own value
// its default, the nearest first; those in another unit say how many of the topic's units they hold.

import { type ConfigDefinition, listOf, whyInvalid } from './config-definition.ts'

export interface TopicConfigDefinition extends ConfigDefinition {
  readonly synonyms: readonly Synonym[]
  /** Shown by DescribeConfigs only where it is set. */
  readonly internal?: true
}

interface Synonym {
  readonly name: string
  /** The topic's value for one unit of the broker property. */
  readonly factor?: number
  /** In the property's own unit; only one synonym of a row has it. */
  readonly default?: string
}

const MINUTE = 60_000
const HOUR = 3_600_000
const LONG_MAX = '9223372036854775807'

const sameName = (name: string): readonly Synonym[] => [{ name }]

function throttledReplicas(value: string): string | undefined {
  if (value === '' || value === '*' || value === 'none') return undefined
  const wellFormed = listOf(value).every((item) => /^\d+:\d+$/.test(item))
  return wellFormed
    ? undefined
    : "must be the literal '*' or a list of replicas in the format [partitionId]:[brokerId],[partitionId]:[brokerId],..."
}

const THROTTLED_DOC = 'Replicas whose replication traffic is throttled, as partition:broker pairs, or * for all.'

export const TOPIC_CONFIGS: readonly TopicConfigDefinition[] = [
  {
    name: 'cleanup.policy',
    type: 'LIST',
    default: 'delete',
    oneOf: ['compact', 'delete'],
    synonyms: sameName('log.cleanup.policy'),
    doc: 'delete drops old segments by age or size; compact keeps the latest record of each key; both may be given.',
  },
  {
    name: 'compression.gzip.level',
    type: 'INT',
    default: '-1',
    min: -1,
    max: 9,
    refuses: (value) => (value === '0' ? 'Value must be between 1 and 9 or equal to -1' : undefined),
    synonyms: sameName('compression.gzip.level'),
    doc: 'Level when the broker compresses with gzip.',
  },
  {
    name: 'compression.lz4.level',
    type: 'INT',
    default: '9',
    min: 1,
    max: 17,
    synonyms: sameName('compression.lz4.level'),
    doc: 'Level when the broker compresses with lz4.',
  },
  {
    name: 'compression.type',
    type: 'STRING',
    default: 'producer',
    oneOf: ['uncompressed', 'zstd', 'lz4', 'snappy', 'gzip', 'producer'],
    synonyms: sameName('compression.type'),
    doc: 'The codec that batches are kept in; producer keeps the one they came with.',
  },
  {
    name: 'compression.zstd.level',
    type: 'INT',
    default: '3',
    min: -131_072,
    max: 22,
    synonyms: sameName('compression.zstd.level'),
    doc: 'Level when the broker compresses with zstd.',
  },
  {
    name: 'delete.retention.ms',
    type: 'LONG',
    default: '86400000',
    min: 0,
    synonyms: sameName('log.cleaner.delete.retention.ms'),
    doc: 'How long tombstones of a compacted topic stay readable.',
  },
  {
    name: 'file.delete.delay.ms',
    type: 'LONG',
    default: '60000',
    min: 0,
    synonyms: sameName('log.segment.delete.delay.ms'),
    doc: 'How long the file of a dropped segment stays on disk.',
  },
  {
    name: 'flush.messages',
    type: 'LONG',
    default: LONG_MAX,
    min: 1,
    synonyms: sameName('log.flush.interval.messages'),
    doc: 'Appended records after which the log is forced to disk.',
  },
  {
    name: 'flush.ms',
    type: 'LONG',
    default: LONG_MAX,
    min: 0,
    synonyms: [{ name: 'log.flush.interval.ms' }, { name: 'log.flush.scheduler.interval.ms', default: LONG_MAX }],
    doc: 'Time after which appended records are forced to disk.',
  },
  {
    name: 'follower.replication.throttled.replicas',
    type: 'LIST',
    default: '',
    refuses: throttledReplicas,
    synonyms: [],
    doc: THROTTLED_DOC,
  },
  {
    name: 'index.interval.bytes',
    type: 'INT',
    default: '4096',
    min: 0,
    synonyms: sameName('log.index.interval.bytes'),
    doc: 'Bytes of log between two entries of the offset index.',
  },
  {
    name: 'internal.segment.bytes',
    type: 'INT',
    default: null,
    min: 14,
    internal: true,
    synonyms: [],
    doc: 'Overrides segment.bytes without its lower limit, for tests.',
  },
  {
    name: 'leader.replication.throttled.replicas',
    type: 'LIST',
    default: '',
    refuses: throttledReplicas,
    synonyms: [],
    doc: THROTTLED_DOC,
  },
  {
    name: 'local.retention.bytes',
    type: 'LONG',
    default: '-2',
    min: -2,
    synonyms: sameName('log.local.retention.bytes'),
    doc: 'Local size limit of a tiered topic; -2 takes retention.bytes.',
  },
  {
    name: 'local.retention.ms',
    type: 'LONG',
    default: '-2',
    min: -2,
    synonyms: sameName('log.local.retention.ms'),
    doc: 'Local age limit of a tiered topic; -2 takes retention.ms.',
  },
  {
    name: 'max.compaction.lag.ms',
    type: 'LONG',
    default: LONG_MAX,
    min: 1,
    synonyms: sameName('log.cleaner.max.compaction.lag.ms'),
    doc: 'The longest that a record may wait for compaction.',
  },
  {
    name: 'max.message.bytes',
    type: 'INT',
    default: '1048588',
    min: 0,
    synonyms: sameName('message.max.bytes'),
    doc: 'The largest batch, after compression.',
  },
  {
    name: 'message.timestamp.after.max.ms',
    type: 'LONG',
    default: '3600000',
    min: 0,
    synonyms: sameName('log.message.timestamp.after.max.ms'),
    doc: 'How far ahead of the broker a record timestamp may be.',
  },
  {
    name: 'message.timestamp.before.max.ms',
    type: 'LONG',
    default: LONG_MAX,
    min: 0,
    synonyms: sameName('log.message.timestamp.before.max.ms'),
    doc: 'How far behind the broker a record timestamp may be.',
  },
  {
    name: 'message.timestamp.type',
    type: 'STRING',
    default: 'CreateTime',
    oneOf: ['CreateTime', 'LogAppendTime'],
    synonyms: sameName('log.message.timestamp.type'),
    doc: 'Whether the record timestamp is the producer’s or the moment of the append.',
  },
  {
    name: 'min.cleanable.dirty.ratio',
    type: 'DOUBLE',
    default: '0.5',
    min: 0,
    max: 1,
    synonyms: sameName('log.cleaner.min.cleanable.ratio'),
    doc: 'The share of uncompacted log from which compaction starts.',
  },
  {
    name: 'min.compaction.lag.ms',
    type: 'LONG',
    default: '0',
    min: 0,
    synonyms: sameName('log.cleaner.min.compaction.lag.ms'),
    doc: 'The shortest that a record stays uncompacted.',
  },
  {
    name: 'min.insync.replicas',
    type: 'INT',
    default: '1',
    min: 1,
    synonyms: sameName('min.insync.replicas'),
    doc: 'Replicas that must be in sync for a write with acks=all.',
  },
  {
    name: 'preallocate',
    type: 'BOOLEAN',
    default: 'false',
    synonyms: sameName('log.preallocate'),
    doc: 'Whether segment files are given their full size at once.',
  },
  {
    name: 'remote.log.copy.disable',
    type: 'BOOLEAN',
    default: 'false',
    synonyms: [],
    doc: 'Makes a tiered topic read-only in its remote part.',
  },
  {
    name: 'remote.log.delete.on.disable',
    type: 'BOOLEAN',
    default: 'false',
    synonyms: [],
    doc: 'Whether switching tiering off drops the remote part.',
  },
  {
    name: 'remote.storage.enable',
    type: 'BOOLEAN',
    default: 'false',
    synonyms: [],
    doc: 'Tiered storage for the topic; this broker has none.',
  },
  {
    name: 'retention.bytes',
    type: 'LONG',
    default: '-1',
    min: -1,
    synonyms: sameName('log.retention.bytes'),
    doc: 'Size of a partition from which old segments are dropped; -1 for no limit.',
  },
  {
    name: 'retention.ms',
    type: 'LONG',
    default: '604800000',
    min: -1,
    synonyms: [
      { name: 'log.retention.ms' },
      { name: 'log.retention.minutes', factor: MINUTE },
      { name: 'log.retention.hours', factor: HOUR, default: '168' },
    ],
    doc: 'Age from which segments are dropped; -1 for no limit.',
  },
  {
    name: 'segment.bytes',
    type: 'INT',
    default: '1073741824',
    min: 1_048_576,
    synonyms: sameName('log.segment.bytes'),
    doc: 'Size at which a new segment file begins.',
  },
  {
    name: 'segment.index.bytes',
    type: 'INT',
    default: '10485760',
    min: 4,
    synonyms: sameName('log.index.size.max.bytes'),
    doc: 'The largest offset index; a full one begins a new segment.',
  },
  {
    name: 'segment.jitter.ms',
    type: 'LONG',
    default: '0',
    min: 0,
    synonyms: [{ name: 'log.roll.jitter.ms' }, { name: 'log.roll.jitter.hours', factor: HOUR, default: '0' }],
    doc: 'Random time taken off segment.ms, so that segments do not all roll at once.',
  },
  {
    name: 'segment.ms',
    type: 'LONG',
    default: '604800000',
    min: 1,
    synonyms: [{ name: 'log.roll.ms' }, { name: 'log.roll.hours', factor: HOUR, default: '168' }],
    doc: 'Age at which a new segment file begins.',
  },
  {
    name: 'unclean.leader.election.enable',
    type: 'BOOLEAN',
    default: 'false',
    synonyms: sameName('unclean.leader.election.enable'),
    doc: 'Whether a replica out of sync may lead when no other is left, at the price of records.',
  },
]

const byName = new Map(TOPIC_CONFIGS.map((definition) => [definition.name, definition]))

export function topicConfig(name: string): TopicConfigDefinition | undefined {
  return byName.get(name)
}

/** Why a topic cannot have these configs; undefined when it can. Kafka answers INVALID_CONFIG with such a message. */
export function whyInvalidTopicConfigs(configs: ReadonlyMap<string, string>): string | undefined {
  for (const [name, value] of configs) {
    const definition = byName.get(name)
    if (!definition) return `Unknown topic config name: ${name}`
    const complaint = whyInvalid(definition, value)
    if (complaint !== undefined) return complaint
  }
  if (configs.get('remote.storage.enable')?.trim().toLowerCase() === 'true') {
    return 'Tiered Storage functionality is disabled in the broker. Topic cannot be configured with remote log storage.'
  }
  const least = Number(configs.get('min.compaction.lag.ms') ?? 0)
  const most = Number(configs.get('max.compaction.lag.ms') ?? LONG_MAX)
  if (least > most) {
    return `conflict topic config setting min.compaction.lag.ms (${least}) > max.compaction.lag.ms (${most})`
  }
  return undefined
}
