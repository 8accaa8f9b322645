// Real Apache Kafka for tests and figures: a KRaft node, broker and controller in one process, on ports that were free; and
// brokers that join it.
//
// Invariants
//  1. `start` resolves only when the broker has said that it is started: clients may connect at once.
//  2. After `stop` the process is gone and its directory too, unless the directory was given.
import { createHash } from 'node:crypto'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { jars, unavailable } from './external-jars.ts'
import { type ExternalOptions, ExternalProcess, type ExternalResult, runExternal } from './external-process.ts'

export { kafkaVersion, unavailable } from './external-jars.ts'

export interface ApacheKafkaOptions {
  /** Java's -Xms and -Xmx. */
  readonly heap?: string
  /** Further lines of server.properties. */
  readonly config?: Readonly<Record<string, string | number | boolean>>
  /** Further arguments of the JVM. The default compiles quickly rather than well, which suits short tests. */
  readonly jvm?: readonly string[]
  /** Listeners beside PLAINTEXT, named after their security protocols; their ports are free ones too. */
  readonly listeners?: readonly string[]
  /** SCRAM users to start with: `SCRAM-SHA-256=[name=alice,password=alice-secret]`. */
  readonly addScram?: readonly string[]
  /** How long it may take to be ready; a minute by default. */
  readonly startTimeoutMs?: number
  /** Keep data here and leave it there; a directory that holds data is started on as it is. */
  readonly directory?: string
  /** Become a further broker of this one's cluster, with this node id. */
  readonly joins?: { readonly node: ApacheKafka; readonly nodeId: number }
}

/** Kafka's command line tools and the classes that their scripts start. */
const kafkaTools = {
  'kafka-acls': 'org.apache.kafka.tools.AclCommand',
  'kafka-topics': 'org.apache.kafka.tools.TopicCommand',
  'kafka-configs': 'kafka.admin.ConfigCommand',
  'kafka-consumer-groups': 'org.apache.kafka.tools.consumer.group.ConsumerGroupCommand',
  'kafka-console-producer': 'org.apache.kafka.tools.ConsoleProducer',
  'kafka-console-consumer': 'org.apache.kafka.tools.consumer.ConsoleConsumer',
  'kafka-console-share-consumer': 'org.apache.kafka.tools.consumer.ConsoleShareConsumer',
  'kafka-share-groups': 'org.apache.kafka.tools.consumer.group.ShareGroupCommand',
  'kafka-producer-perf-test': 'org.apache.kafka.tools.ProducerPerformance',
  'kafka-consumer-perf-test': 'org.apache.kafka.tools.ConsumerPerformance',
  'kafka-get-offsets': 'org.apache.kafka.tools.GetOffsetShell',
  'kafka-dump-log': 'org.apache.kafka.tools.DumpLogSegments',
  'kafka-metadata-quorum': 'org.apache.kafka.tools.MetadataQuorumCommand',
  'kafka-storage': 'kafka.tools.StorageTool',
  'kafka-cluster': 'org.apache.kafka.tools.ClusterTool',
  'kafka-reassign-partitions': 'org.apache.kafka.tools.reassign.ReassignPartitionsCommand',
  'kafka-transactions': 'org.apache.kafka.tools.TransactionsCommand',
  'connect-mirror-maker': 'org.apache.kafka.connect.mirror.MirrorMaker',
} as const

export type KafkaTool = keyof typeof kafkaTools

export class ApacheKafka {
  readonly bootstrap: string
  /** `host:port` by listener. */
  readonly listeners: Readonly<Record<string, string>>
  readonly port: number
  readonly clusterId: string
  readonly directory: string
  /** By performance.now(), when its process was started; storage was formatted before. */
  readonly launchedAt: number
  readonly #controllerPort: number
  readonly #process: ExternalProcess
  readonly #keep: boolean
  readonly #remove = () => rmSync(this.directory, { recursive: true, force: true })

  private constructor(node: Node, { process, launchedAt }: Launched, keep: boolean) {
    this.port = node.port
    this.bootstrap = `127.0.0.1:${node.port}`
    this.listeners = Object.fromEntries([...node.listeners].map(([name, port]) => [name, `127.0.0.1:${port}`]))
    this.clusterId = node.clusterId
    this.directory = node.directory
    this.launchedAt = launchedAt
    this.#controllerPort = node.controllerPort
    this.#process = process
    this.#keep = keep
    // A run that is interrupted leaves no gigabytes behind; its broker ends with it.
    if (!keep) globalThis.process.once('exit', this.#remove)
  }

  static async start(options: ApacheKafkaOptions = {}): Promise<ApacheKafka> {
    const directory = options.directory ?? mkdtempSync(join(tmpdir(), 'heliostat-kafka-'))
    mkdirSync(directory, { recursive: true })
    const { joins } = options
    for (let attempt = 1; ; attempt++) {
      const node: Node = {
        id: joins?.nodeId ?? 1,
        directory,
        clusterId: joins?.node.clusterId ?? clusterIdOf(directory),
        port: await freePort(),
        controllerPort: joins ? joins.node.#controllerPort : await freePort(),
        isController: joins === undefined,
        listeners: await portsFor(options.listeners ?? []),
      }
      try {
        return new ApacheKafka(node, await launch(node, options), options.directory !== undefined)
      } catch (error) {
        // Another process may have taken a port between our look and Kafka's bind.
        if (attempt < 3 && /already in use|Failed to bind/i.test((error as Error).message)) continue
        if (options.directory === undefined) rmSync(directory, { recursive: true, force: true })
        throw error
      }
    }
  }

  get pid(): number {
    return this.#process.pid
  }

  /** What the broker logged. */
  get log(): string {
    return this.#process.stdout
  }

  /** Directory of the segments. */
  get dataDirectory(): string {
    return dataDirectory(this.directory)
  }

  /** Runs one of Kafka's own tools against this broker; the tool is given `--bootstrap-server`. */
  run(
    tool: KafkaTool,
    args: readonly string[],
    options: ExternalOptions & { timeoutMs?: number } = {},
  ): Promise<ExternalResult> {
    return runKafkaTool(tool, ['--bootstrap-server', this.bootstrap, ...args], options)
  }

  /** At once, unless another signal lets it end in order. */
  async stop(signal?: NodeJS.Signals): Promise<void> {
    await this.#process.kill(signal)
    if (this.#keep) return
    globalThis.process.off('exit', this.#remove)
    this.#remove()
  }
}

/** Arguments for `java` that start `mainClass` (or a source file) on Kafka's classpath, with more places before it. */
export function javaArguments(
  mainClass: string,
  args: readonly string[],
  jvm: readonly string[] = shortLived,
  before: readonly string[] = [],
): string[] {
  const found = jars()
  if (found.reason !== undefined) throw new Error(found.reason)
  return [...jvm, '-cp', [...before, found.classpath].join(':'), mainClass, ...args]
}

/** The same for what is built on Kafka: Streams, and Connect with its file connectors. */
export function applicationArguments(mainClass: string, args: readonly string[], before: readonly string[] = []) {
  const found = jars('kafka-applications')
  if (found.reason !== undefined) throw new Error(found.reason)
  return javaArguments(mainClass, args, shortLived, [...before, found.classpath])
}

/** Why nothing of the kind can run on this machine. */
export function whyNoApplications(): string | undefined {
  return unavailable() ?? jars('kafka-applications').reason
}

/** Runs one of Kafka's own tools to its end. */
export function runKafkaTool(
  tool: KafkaTool,
  args: readonly string[],
  options: ExternalOptions & { timeoutMs?: number; jvm?: readonly string[] } = {},
): Promise<ExternalResult> {
  return runExternal('java', javaArguments(kafkaTools[tool], args, options.jvm), options)
}

/** Starts one of Kafka's own tools and leaves it running. */
export function startKafkaTool(
  tool: KafkaTool,
  args: readonly string[],
  options: ExternalOptions = {},
): ExternalProcess {
  return new ExternalProcess('java', javaArguments(kafkaTools[tool], args), options)
}

const shortLived = ['-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC', '-Xshare:auto']

interface Node {
  readonly id: number
  readonly directory: string
  readonly clusterId: string
  readonly port: number
  /** Of the cluster's one controller. */
  readonly controllerPort: number
  readonly isController: boolean
  readonly listeners: ReadonlyMap<string, number>
}

interface Launched {
  readonly process: ExternalProcess
  readonly launchedAt: number
}

async function launch(node: Node, options: ApacheKafkaOptions): Promise<Launched> {
  const properties = join(node.directory, 'server.properties')
  writeFileSync(properties, serverProperties(node, options.config ?? {}))
  writeFileSync(join(node.directory, 'log4j2.properties'), loggingProperties)

  const format = ['format', '--ignore-formatted', '--cluster-id', node.clusterId, '--config', properties]
  for (const user of options.addScram ?? []) format.push('--add-scram', user)
  const formatted = await runKafkaTool('kafka-storage', format)
  if (formatted.code !== 0)
    throw new Error(`kafka-storage ended with ${formatted.code}\n${formatted.stdout}${formatted.stderr}`)

  const heap = options.heap ?? '512m'
  const jvm = [`-Xms${heap}`, `-Xmx${heap}`, `-Dlog4j2.configurationFile=${join(node.directory, 'log4j2.properties')}`]
  const launchedAt = performance.now()
  const broker = new ExternalProcess(
    'java',
    javaArguments('kafka.Kafka', [properties], [...jvm, ...(options.jvm ?? shortLived)]),
  )
  await broker.until(
    (process) => process.stdout.includes('Kafka Server started'),
    'Kafka Server started',
    options.startTimeoutMs,
  )
  return { process: broker, launchedAt }
}

/** The settings of Kafka's own config/server.properties, with what a single node and a test need. */
function serverProperties(node: Node, overrides: Readonly<Record<string, string | number | boolean>>): string {
  const further = [...node.listeners].map(([name, port]) => `${name}://127.0.0.1:${port}`)
  const forClients = [`PLAINTEXT://127.0.0.1:${node.port}`, ...further].join(',')
  const settings: Record<string, string | number | boolean> = {
    'process.roles': node.isController ? 'broker,controller' : 'broker',
    'node.id': node.id,
    'controller.quorum.voters': `1@127.0.0.1:${node.controllerPort}`,
    listeners: node.isController ? `${forClients},CONTROLLER://127.0.0.1:${node.controllerPort}` : forClients,
    'advertised.listeners': forClients,
    'controller.listener.names': 'CONTROLLER',
    'listener.security.protocol.map': ['CONTROLLER:PLAINTEXT', 'PLAINTEXT:PLAINTEXT']
      .concat([...node.listeners.keys()].map((name) => `${name}:${name}`))
      .join(','),
    'inter.broker.listener.name': 'PLAINTEXT',
    'log.dirs': dataDirectory(node.directory),
    'num.network.threads': 3,
    'num.io.threads': 8,
    'num.partitions': 1,
    'offsets.topic.replication.factor': 1,
    'offsets.topic.num.partitions': 5,
    'transaction.state.log.replication.factor': 1,
    'transaction.state.log.min.isr': 1,
    'transaction.state.log.num.partitions': 5,
    'share.coordinator.state.topic.replication.factor': 1,
    'share.coordinator.state.topic.min.isr': 1,
    'group.initial.rebalance.delay.ms': 0,
    ...overrides,
  }
  // A line break inside a value, as in a certificate, is written as properties files have it.
  const lines = Object.entries(settings).map(([name, value]) => {
    return `${name}=${String(value).trim().replaceAll('\n', '\\n')}\n`
  })
  return lines.join('')
}

const loggingProperties = `status = error
appender.stdout.type = Console
appender.stdout.name = stdout
appender.stdout.layout.type = PatternLayout
appender.stdout.layout.pattern = [%d] %p %m (%c)%n
rootLogger.level = INFO
rootLogger.appenderRef.stdout.ref = stdout
`

function dataDirectory(directory: string): string {
  return join(directory, 'data')
}

/** Stable for a directory, so that a kept one can be started on again. */
function clusterIdOf(directory: string): string {
  const id = createHash('sha256').update(directory).digest().subarray(0, 16)
  // An id that began with a dash would look like an option to Kafka's tools.
  id[0] = id[0]! & 0x7f
  return id.toString('base64url')
}

async function portsFor(listeners: readonly string[]): Promise<ReadonlyMap<string, number>> {
  const ports = new Map<string, number>()
  for (const name of listeners) ports.set(name, await freePort())
  return ports
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(0, '127.0.0.1', resolve)
  })
  const address = server.address()
  await new Promise((resolve) => server.close(resolve))
  if (address === null || typeof address === 'string') throw new Error('a TCP server has no port')
  return address.port
}
