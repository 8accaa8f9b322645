// What the same case is run on: our own broker, and Apache Kafka where there is a JVM. A case that fails on both is a wrong case.
import { Kafka, logLevel } from 'kafkajs'
import { startCluster } from '../../src/broker/cluster.ts'
import { nodePlatform } from '../../src/platform/node-platform.ts'
import { ApacheKafka, kafkaVersion, unavailable } from '../support/apache-kafka.ts'
import { eventually } from './gathering.ts'

export interface RunningGround {
  readonly bootstrap: string
  /** Ready for use when it resolves; for clients that cannot create one themselves. */
  createTopic(topic: string, partitions: number, configs?: Readonly<Record<string, string>>): Promise<void>
  addPartitions(topic: string, count: number): Promise<void>
  stop(): Promise<void>
}

export interface Ground {
  readonly name: string
  /** Why cases cannot be run on it here. */
  readonly reason: string | undefined
  /** With broker properties by Kafka's names. */
  start(config?: Readonly<Record<string, string | number>>): Promise<RunningGround>
}

export const embedded: Ground = {
  name: 'the embedded broker',
  reason: undefined,
  start: async (config) => {
    const cluster = await startCluster(nodePlatform({ log: { level: 'warn' } }), {
      name: 'local',
      brokers: 1,
      port: 0,
      config,
    })
    return running(cluster.bootstrap, () => cluster.stop())
  },
}

export const apache: Ground = {
  name: `Apache Kafka ${kafkaVersion}`,
  reason: unavailable(),
  start: async (config) => {
    const kafka = await ApacheKafka.start({ config })
    return running(kafka.bootstrap, () => kafka.stop())
  },
}

export const grounds: readonly Ground[] = [embedded, apache]

async function running(bootstrap: string, stop: () => Promise<void>): Promise<RunningGround> {
  const kafka = new Kafka({
    clientId: 'ground',
    brokers: [bootstrap],
    logLevel: logLevel.NOTHING,
    retry: { retries: 0 },
  })
  const admin = kafka.admin()
  await admin.connect()
  return {
    bootstrap,
    createTopic: async (topic, numPartitions, configs = {}) => {
      const configEntries = Object.entries(configs).map(([name, value]) => ({ name, value }))
      await admin.createTopics({ topics: [{ topic, numPartitions, configEntries }], waitForLeaders: false })
      await eventually(() => admin.fetchTopicMetadata({ topics: [topic] }))
    },
    addPartitions: async (topic, count) => {
      await admin.createPartitions({ topicPartitions: [{ topic, count }] })
    },
    stop: async () => {
      await admin.disconnect()
      await stop()
    },
  }
}

/** The title of a suite; a suite that is skipped says why, in the report and on standard error. */
export function title(what: string, ...reasons: (string | undefined)[]): string {
  const reason = reasons.find((one) => one !== undefined)
  if (reason === undefined) return what
  process.stderr.write(`skipped: ${what}: ${reason}\n`)
  return `${what} (skipped: ${reason})`
}
