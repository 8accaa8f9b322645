// What the same case is run on: our own broker, and Apache Kafka where there is a JVM. A case that fails on both is a wrong case.
import { startCluster } from '../../src/broker/cluster.ts'
import { nodePlatform } from '../../src/platform/node-platform.ts'
import { ApacheKafka, kafkaVersion, unavailable } from '../support/apache-kafka.ts'

export interface RunningGround {
  readonly bootstrap: string
  stop(): Promise<void>
}

export interface Ground {
  readonly name: string
  /** Why cases cannot be run on it here. */
  readonly reason: string | undefined
  start(): Promise<RunningGround>
}

export const embedded: Ground = {
  name: 'the embedded broker',
  reason: undefined,
  start: async () => {
    const cluster = await startCluster(nodePlatform(), { name: 'local', brokers: 1, port: 0 })
    return { bootstrap: cluster.bootstrap, stop: () => cluster.stop() }
  },
}

export const apache: Ground = {
  name: `Apache Kafka ${kafkaVersion}`,
  reason: unavailable(),
  start: () => ApacheKafka.start(),
}

export const grounds: readonly Ground[] = [embedded, apache]

/** The title of a suite; a suite that is skipped says why, in the report and on standard error. */
export function title(what: string, ...reasons: (string | undefined)[]): string {
  const reason = reasons.find((one) => one !== undefined)
  if (reason === undefined) return what
  process.stderr.write(`skipped: ${what}: ${reason}\n`)
  return `${what} (skipped: ${reason})`
}
