// A broker under measurement, as a process of its own with its data on disk. Both kinds are asked by the same clients.
import { ApacheKafka, kafkaVersion } from '../../test/support/apache-kafka.ts'
import { ExternalProcess } from '../../test/support/external-process.ts'
import { compiledFile, version } from './compiled.ts'
import { askMetadata } from './metadata-probe.ts'
import { serverJvm } from './rig.ts'

export interface RunningBroker {
  readonly port: number
  readonly bootstrap: string
  readonly pid: number
  /** From the start of the process to the first answer to Metadata. */
  readonly readyMs: number
  /** Lets it end in order. */
  stop(): Promise<void>
}

export interface BrokerContestant {
  readonly name: string
  /** What ran, for the report: version and the settings that are not defaults. */
  readonly settings: string
  /** On what the directory holds, if anything. */
  start(directory: string): Promise<RunningBroker>
}

export function apacheKafka(): BrokerContestant {
  return {
    name: 'Apache Kafka',
    settings: `Apache Kafka ${kafkaVersion}, one KRaft node, -Xms1g -Xmx1g G1`,
    start: async (directory) => {
      const kafka = await ApacheKafka.start({ heap: '1g', jvm: serverJvm, directory, startTimeoutMs: 600_000 })
      await askMetadata(kafka.port)
      const readyMs = performance.now() - kafka.launchedAt
      const { port, bootstrap, pid } = kafka
      return { port, bootstrap, pid, readyMs, stop: () => kafka.stop('SIGTERM') }
    },
  }
}

export function heliostatBroker(): BrokerContestant {
  return {
    name: 'heliostat',
    settings: `heliostat ${version} broker, Node ${process.version}, defaults`,
    start: async (directory) => {
      const args = [compiledFile('cli', 'main.js'), 'broker', '--port', '0', '--data', directory]
      const startedAt = performance.now()
      const broker = new ExternalProcess(process.execPath, [...args, '--log-level', 'warn'])
      await broker.until(({ stdout }) => stdout.includes('\n'), 'ready')
      const bootstrap = bootstrapOf(broker.stdout)
      const port = Number(bootstrap.split(':')[1])
      await askMetadata(port)
      const readyMs = performance.now() - startedAt
      const stop = async () => void (await broker.kill('SIGTERM'))
      return { port, bootstrap, pid: broker.pid, readyMs, stop }
    },
  }
}

/** Of the line that the broker prints when it is ready. */
function bootstrapOf(line: string): string {
  const { clusters } = JSON.parse(line) as { clusters: Record<string, { bootstrap: string }> }
  return Object.values(clusters)[0]!.bootstrap
}
