// Two real brokers, source and target, for one question. Everything that a mirror is compared on goes through here, so that
// every contestant meets the same brokers, the same topics and a source in the same state.
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ApacheKafka, javaArguments, runKafkaTool, unavailable } from '../../test/support/apache-kafka.ts'
import { ExternalProcess } from '../../test/support/external-process.ts'
import type { AckSink } from './ack-sink.ts'
import type { BrokerContestant } from './brokers.ts'
import { ClusterEnds } from './cluster-ends.ts'
import type { Contestant, MirrorJob } from './contestant.ts'
import type { Figures } from './report.ts'

/** As bin/kafka-server-start.sh sets it. */
export const serverJvm = [
  '-server',
  '-XX:+UseG1GC',
  '-XX:MaxGCPauseMillis=20',
  '-XX:InitiatingHeapOccupancyPercent=35',
  '-Djava.awt.headless=true',
]
const config = {
  'auto.create.topics.enable': false,
  'log.segment.delete.delay.ms': 1000,
  'file.delete.delay.ms': 1000,
  'message.max.bytes': 1_100_000,
}

/** Linux. */
const MEMORY = '/dev/shm'

interface TargetBroker {
  readonly port: number
  readonly bootstrap: string
  stop(): Promise<unknown>
}

export interface Load {
  readonly topic: string
  readonly partitions: number
  readonly records: number
  readonly batchBytes: number
  readonly compression?: string
  /** Exactly one of these. */
  readonly recordBytes?: number
  readonly payloadFile?: string
}

export class Rig {
  readonly source: ApacheKafka
  readonly target: TargetBroker
  readonly sourceEnds: ClusterEnds
  readonly targetEnds: ClusterEnds
  /** For configuration files and payloads; removed by `stop`. */
  readonly directory: string
  #jobs = 0

  private constructor(
    source: ApacheKafka,
    target: TargetBroker,
    ends: readonly [ClusterEnds, ClusterEnds],
    directory: string,
  ) {
    this.source = source
    this.target = target
    this.sourceEnds = ends[0]
    this.targetEnds = ends[1]
    this.directory = directory
  }

  /**
   * `sink`: a target that only acknowledges stands before the real one. `target`: another one than Apache Kafka. `inMemory`: where
   * the machine has a file system in memory, both brokers' logs lie there.
   */
  static async start(options: { sink?: AckSink; target?: BrokerContestant; inMemory?: boolean } = {}): Promise<Rig> {
    const reason = unavailable()
    if (reason) throw new Error(`the bench needs Apache Kafka: ${reason}`)
    const directory = mkdtempSync(join(options.inMemory && existsSync(MEMORY) ? MEMORY : tmpdir(), 'heliostat-bench-'))
    process.once('exit', () => rmSync(directory, { recursive: true, force: true }))
    const other = options.target?.start(join(directory, 'target'))
    const [source, target] = await Promise.all([
      start(join(directory, 'source')),
      other ?? start(join(directory, 'target'), options.sink),
    ])
    const ends = await Promise.all([ClusterEnds.open(source.port), ClusterEnds.open(target.port)])
    return new Rig(source, target, ends, directory)
  }

  async stop(): Promise<void> {
    this.sourceEnds.close()
    this.targetEnds.close()
    await Promise.all([this.source.stop(), this.target.stop()])
    rmSync(this.directory, { recursive: true, force: true })
  }

  async createTopic(topic: string, partitions: number, bootstrap = this.source.bootstrap): Promise<void> {
    await must('kafka-topics', [
      '--create',
      '--topic',
      topic,
      '--partitions',
      `${partitions}`,
      '--bootstrap-server',
      bootstrap,
    ])
  }

  /** Fills a new topic of the source. */
  async load(load: Load): Promise<void> {
    await this.createTopic(load.topic, load.partitions)
    const producer = [
      `batch.size=${load.batchBytes}`,
      'linger.ms=500',
      `compression.type=${load.compression ?? 'none'}`,
      'max.request.size=4194304',
      'buffer.memory=134217728',
    ]
    await must('kafka-producer-perf-test', [
      ...['--topic', load.topic, '--num-records', `${load.records}`, '--throughput', '-1'],
      ...(load.payloadFile ? ['--payload-file', load.payloadFile] : ['--record-size', `${load.recordBytes}`]),
      ...['--bootstrap-server', this.source.bootstrap, '--command-property', ...producer],
    ])
  }

  /** Deletes what a mirror left on both clusters: every topic that names its alias. */
  async forget(job: MirrorJob): Promise<void> {
    for (const { bootstrap } of [this.source, this.target]) await this.deleteTopics(`.*${job.alias}.*`, bootstrap)
  }

  /** By a regex of whole names. */
  async deleteTopics(pattern: string, bootstrap: string): Promise<void> {
    await must('kafka-topics', ['--delete', '--topic', pattern, '--if-exists', '--bootstrap-server', bootstrap])
  }

  /** Reads the topic's segments twice: cold pages would triple the cost of whoever ran first. Returns their size. */
  warm(topic: string): number {
    let bytes = 0
    for (const directory of readdirSync(this.source.dataDirectory)) {
      if (directory.replace(/-\d+$/, '') !== topic) continue
      for (const name of readdirSync(join(this.source.dataDirectory, directory))) {
        if (!name.endsWith('.log')) continue
        const path = join(this.source.dataDirectory, directory, name)
        readFileSync(path)
        readFileSync(path)
        bytes += statSync(path).size
      }
    }
    return bytes
  }

  /** A job under a fresh alias: no run finds the topics or the progress of another. */
  job(wanted: Pick<MirrorJob, 'topics' | 'groups'>): MirrorJob {
    const alias = `run${++this.#jobs}`
    return { alias, source: this.source.bootstrap, target: this.target.bootstrap, directory: this.directory, ...wanted }
  }

  /** Runs a mirror for as long as `during` takes, then removes all that it left on the target. */
  async mirror(
    contestant: Contestant,
    wanted: Pick<MirrorJob, 'topics' | 'groups'>,
    during: (mirror: ExternalProcess, alias: string) => Promise<Figures>,
  ): Promise<Figures> {
    const job = this.job(wanted)
    const mirror = contestant.start(job)
    try {
      return await during(mirror, job.alias)
    } catch (error) {
      process.stderr.write(`${mirror.stderr.slice(-4000)}\n${mirror.stdout.slice(-4000)}\n`)
      throw error
    } finally {
      await mirror.kill()
      await this.forget(job)
    }
  }

  /** Runs one of the programs in bench/java to its end and returns what it printed. */
  async program(name: string, args: readonly (string | number)[]): Promise<string> {
    const program = this.observe(name, args)
    const { code } = await program.exited
    if (code !== 0) throw new Error(`${name} ended with ${code}\n${program.stdout}${program.stderr}`)
    return program.stdout
  }

  /** Starts one of the programs in bench/java, which observe from outside with Kafka's own clients. */
  observe(program: string, args: readonly (string | number)[]): ExternalProcess {
    const source = join(import.meta.dirname, '..', 'java', `${program}.java`)
    return new ExternalProcess('java', javaArguments(source, args.map(String), ['-Xmx512m', '-XX:+UseG1GC']))
  }
}

async function start(directory: string, sink?: AckSink): Promise<ApacheKafka> {
  const advertised: Record<string, string> = sink
    ? { 'advertised.listeners': `PLAINTEXT://127.0.0.1:${sink.port}` }
    : {}
  const kafka = await ApacheKafka.start({
    heap: '1g',
    jvm: serverJvm,
    directory,
    startTimeoutMs: 600_000,
    config: { ...config, ...advertised },
  })
  if (sink) sink.behind = kafka.port
  return kafka
}

async function must(tool: Parameters<typeof runKafkaTool>[0], args: readonly string[]): Promise<void> {
  const result = await runKafkaTool(tool, args, { timeoutMs: 600_000, jvm: ['-Xmx512m', '-XX:+UseSerialGC'] })
  if (result.code !== 0) throw new Error(`${tool} ended with ${result.code}\n${result.stdout}${result.stderr}`)
}
