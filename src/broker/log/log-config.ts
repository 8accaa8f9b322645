// The settings of one partition's log, under Kafka's names and with Kafka's defaults.

export interface LogConfig {
  /** A segment is closed rather than grown beyond this. */
  readonly segmentBytes: number
  /** A segment is closed at the first append this long after its first record. */
  readonly segmentMs: number
  /** A segment is closed sooner by a random part of this. */
  readonly segmentJitterMs: number
  readonly segmentIndexBytes: number
  readonly indexIntervalBytes: number
  /** Of one batch, as it is stored. */
  readonly maxMessageBytes: number
  /** −1: no limit. */
  readonly retentionMs: number
  readonly retentionBytes: number
  readonly compact: boolean
  readonly delete: boolean
  readonly deleteRetentionMs: number
  readonly minCompactionLagMs: number
  readonly maxCompactionLagMs: number
  readonly minCleanableDirtyRatio: number
  readonly messageTimestampType: 'CreateTime' | 'LogAppendTime'
  readonly messageTimestampBeforeMaxMs: number
  readonly messageTimestampAfterMaxMs: number
  readonly compressionType: 'producer' | 'uncompressed' | 'gzip' | 'snappy' | 'lz4' | 'zstd'
  /** Of batches that the broker compresses itself. The other codecs here know no levels. */
  readonly compressionLevels: { readonly gzip: number; readonly zstd: number }
  /** Replicas in sync without which a write that wants all of them is refused. */
  readonly minInSyncReplicas: number
  /** Sync after this many records; by default the machine decides when to write, as with Kafka. */
  readonly flushMessages: number
  readonly flushMs: number
  /** Of the broker, not of a topic: a producer that was silent this long is forgotten. */
  readonly producerIdExpirationMs: number
}

const DAY_MS = 86_400_000

export const defaultLogConfig: LogConfig = {
  segmentBytes: 1_073_741_824,
  segmentMs: 7 * DAY_MS,
  segmentJitterMs: 0,
  segmentIndexBytes: 10_485_760,
  indexIntervalBytes: 4096,
  maxMessageBytes: 1_048_588,
  retentionMs: 7 * DAY_MS,
  retentionBytes: -1,
  compact: false,
  delete: true,
  deleteRetentionMs: DAY_MS,
  minCompactionLagMs: 0,
  maxCompactionLagMs: Number.MAX_SAFE_INTEGER,
  minCleanableDirtyRatio: 0.5,
  messageTimestampType: 'CreateTime',
  messageTimestampBeforeMaxMs: Number.MAX_SAFE_INTEGER,
  messageTimestampAfterMaxMs: 3_600_000,
  compressionType: 'producer',
  compressionLevels: { gzip: -1, zstd: 3 },
  minInSyncReplicas: 1,
  flushMessages: Number.MAX_SAFE_INTEGER,
  flushMs: Number.MAX_SAFE_INTEGER,
  producerIdExpirationMs: DAY_MS,
}

type Setter = (value: string, config: { -readonly [Key in keyof LogConfig]: LogConfig[Key] }) => void

/** Topic settings by Kafka's names; the values are text, as AlterConfigs sends them. */
const settings: Readonly<Record<string, Setter>> = {
  'segment.bytes': (value, config) => (config.segmentBytes = integer(value, 14)),
  'segment.ms': (value, config) => (config.segmentMs = integer(value, 1)),
  'segment.jitter.ms': (value, config) => (config.segmentJitterMs = integer(value, 0)),
  'segment.index.bytes': (value, config) => (config.segmentIndexBytes = integer(value, 24)),
  'index.interval.bytes': (value, config) => (config.indexIntervalBytes = integer(value, 0)),
  'max.message.bytes': (value, config) => (config.maxMessageBytes = integer(value, 0)),
  'retention.ms': (value, config) => (config.retentionMs = integer(value, -1)),
  'retention.bytes': (value, config) => (config.retentionBytes = integer(value, -1)),
  'cleanup.policy': (value, config) => {
    const policies = value === '' ? [] : value.split(',').map((policy) => policy.trim())
    for (const policy of policies) oneOf(policy, ['compact', 'delete'])
    config.compact = policies.includes('compact')
    config.delete = policies.includes('delete')
  },
  'delete.retention.ms': (value, config) => (config.deleteRetentionMs = integer(value, 0)),
  'min.compaction.lag.ms': (value, config) => (config.minCompactionLagMs = integer(value, 0)),
  'max.compaction.lag.ms': (value, config) => (config.maxCompactionLagMs = integer(value, 1)),
  'min.cleanable.dirty.ratio': (value, config) => (config.minCleanableDirtyRatio = fraction(value)),
  'message.timestamp.type': (value, config) =>
    (config.messageTimestampType = oneOf(value, ['CreateTime', 'LogAppendTime'])),
  'message.timestamp.before.max.ms': (value, config) => (config.messageTimestampBeforeMaxMs = integer(value, 0)),
  'message.timestamp.after.max.ms': (value, config) => (config.messageTimestampAfterMaxMs = integer(value, 0)),
  'compression.type': (value, config) =>
    (config.compressionType = oneOf(value, ['producer', 'uncompressed', 'gzip', 'snappy', 'lz4', 'zstd'])),
  'compression.gzip.level': (value, config) =>
    (config.compressionLevels = { ...config.compressionLevels, gzip: integer(value, -1) }),
  'compression.zstd.level': (value, config) =>
    (config.compressionLevels = { ...config.compressionLevels, zstd: integer(value, -131_072) }),
  'min.insync.replicas': (value, config) => (config.minInSyncReplicas = integer(value, 1)),
  'flush.messages': (value, config) => (config.flushMessages = integer(value, 1)),
  'flush.ms': (value, config) => (config.flushMs = integer(value, 0)),
}

/**
 * Reads topic settings over a base. Names that do not concern the log are left to others; a bad value throws a RangeError whose
 * message is fit for the client.
 */
export function logConfigOf(texts: Readonly<Record<string, string>>, base: LogConfig = defaultLogConfig): LogConfig {
  const config = { ...base }
  for (const [name, value] of Object.entries(texts)) {
    try {
      settings[name]?.(value.trim(), config)
    } catch (error) {
      throw new RangeError(`Invalid value ${value} for configuration ${name}: ${(error as Error).message}`)
    }
  }
  return config
}

/** Kafka's Long.MAX_VALUE means "never" and does not fit a double: anything that large is as good as the greatest safe integer. */
function integer(text: string, least: number): number {
  if (!/^[+-]?\d+$/.test(text)) throw new RangeError('not a number')
  const value = Math.min(Number(text), Number.MAX_SAFE_INTEGER)
  if (value < least) throw new RangeError(`must be at least ${least}`)
  return value
}

function fraction(text: string): number {
  const value = Number(text)
  if (text === '' || !(value >= 0 && value <= 1)) throw new RangeError('must be between 0 and 1')
  return value
}

function oneOf<Choice extends string>(text: string, choices: readonly Choice[]): Choice {
  const choice = choices.find((candidate) => candidate === text)
  if (choice === undefined) throw new RangeError(`must be one of ${choices.join(', ')}`)
  return choice
}
