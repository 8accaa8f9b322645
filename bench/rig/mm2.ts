// MirrorMaker 2 in dedicated mode, as `bin/connect-mirror-maker.sh` starts it: same heap, same collector.
//
// `default` changes only what a single-broker cluster demands (replication factors of 1) and what the job asks for. `tuned`
// is what its users arrive at for throughput: several tasks, large fetches, large batches. The others switch on what they are named after.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { javaArguments, kafkaVersion } from '../../test/support/apache-kafka.ts'
import { ExternalProcess } from '../../test/support/external-process.ts'
import type { Contestant, MirrorJob } from './contestant.ts'

const jvm = [
  '-Xms256M',
  '-Xmx2G',
  '-server',
  '-XX:+UseG1GC',
  '-XX:MaxGCPauseMillis=20',
  '-XX:InitiatingHeapOccupancyPercent=35',
  '-XX:+ExplicitGCInvokesConcurrent',
  '-Djava.awt.headless=true',
]

const tuning = {
  'tasks.max': '2',
  'consumer.fetch.max.bytes': '67108864',
  'consumer.max.partition.fetch.bytes': '4194304',
  'consumer.max.poll.records': '5000',
  'consumer.receive.buffer.bytes': '-1',
  'producer.batch.size': '524288',
  'producer.linger.ms': '5',
  'producer.buffer.memory': '67108864',
  'producer.send.buffer.bytes': '-1',
}

/** Without these MM2 would look for new groups every ten minutes and carry offsets over once a minute. */
const groupSettings = {
  'refresh.groups.interval.seconds': '5',
  'emit.checkpoints.interval.seconds': '5',
  'sync.group.offsets.interval.seconds': '5',
}

/** Nodes ask each other to do what only one of them may: to give out tasks, and to fence late ones (KIP-710). */
const askingEachOther = {
  'dedicated.mode.enable.internal.rest': 'true',
  listeners: 'http://127.0.0.1:0',
}

const extras = {
  default: {},
  tuned: tuning,
  /** Two processes, a task of records each: that of heartbeats would be a third, and either process might have it. */
  'two of them': {
    ...askingEachOther,
    'tasks.max': '2',
    'emit.heartbeats.enabled': 'false',
    // How soon it starts is not asked.
    'plugin.discovery': 'service_load',
  },
  /** KIP-618: records and progress in transactions, one for each poll. */
  'exactly once': { ...askingEachOther, 'exactly.once.source.support': 'enabled' },
} as const

const ofWorkers: ReadonlySet<string> = new Set(['exactly', 'plugin'])

export function mm2(kind: keyof typeof extras): Contestant {
  const extra: Readonly<Record<string, string>> = extras[kind]
  return {
    name: `MM2 ${kind}`,
    settings: `MirrorMaker 2 ${kafkaVersion}, -Xmx2G G1${Object.entries(extra)
      .map(([key, value]) => `, ${key}=${value}`)
      .join('')}`,
    start: (job) => {
      const properties = join(
        job.directory,
        `${job.alias}${job.instance === undefined ? '' : `-${job.instance}`}.properties`,
      )
      const logging = join(job.directory, 'mm2-log4j2.properties')
      writeFileSync(properties, mm2Properties(job, extra))
      writeFileSync(logging, loggingProperties)
      const main = 'org.apache.kafka.connect.mirror.MirrorMaker'
      return new ExternalProcess(
        'java',
        javaArguments(main, [properties], [...jvm, `-Dlog4j2.configurationFile=${logging}`]),
      )
    },
    hasWork: async ({ stdout }) =>
      /WorkerSourceTask\{id=MirrorSourceConnector-\d+\} Source task finished initialization/.test(stdout),
  }
}

function mm2Properties(job: MirrorJob, extra: Readonly<Record<string, string>>): string {
  const target = `${job.alias}t`
  const flow = `${job.alias}->${target}`
  const settings: Record<string, string> = {
    clusters: `${job.alias}, ${target}`,
    [`${job.alias}.bootstrap.servers`]: job.source,
    [`${target}.bootstrap.servers`]: job.target,
    [`${flow}.enabled`]: 'true',
    [`${flow}.topics`]: job.topics,
    [`${flow}.groups`]: job.groups ?? 'none',
    'replication.factor': '1',
    'checkpoints.topic.replication.factor': '1',
    'heartbeats.topic.replication.factor': '1',
    'offset-syncs.topic.replication.factor': '1',
    'offset.storage.replication.factor': '1',
    'status.storage.replication.factor': '1',
    'config.storage.replication.factor': '1',
    'sync.group.offsets.enabled': String(job.groups !== undefined),
    ...(job.groups === undefined ? {} : groupSettings),
  }
  // MM2 takes client settings per cluster and per role, and those of Connect's workers per target.
  for (const [key, value] of Object.entries(extra)) {
    const role = key.split('.')[0]!
    if (role === 'consumer') settings[`${job.alias}.${key}`] = value
    else if (role === 'producer') settings[`${target}.${key}`] = value
    else settings[key] = value
    if (ofWorkers.has(role)) settings[`${target}.${key}`] = value
  }
  return Object.entries(settings)
    .map(([key, value]) => `${key} = ${value}\n`)
    .join('')
}

const loggingProperties = `status = error
appender.stdout.type = Console
appender.stdout.name = stdout
appender.stdout.layout.type = PatternLayout
appender.stdout.layout.pattern = [%d] %p %X{connector.context}%m (%c)%n
rootLogger.level = INFO
rootLogger.appenderRef.stdout.ref = stdout
`
