// What the same case is run on: our own broker, and Apache Kafka where there is a JVM. A case that fails on both is a wrong case.
import { Kafka, logLevel } from 'kafkajs'
import { startCluster } from '../../src/broker/cluster.ts'
import { nodePlatform } from '../../src/platform/node-platform.ts'
import { ApacheKafka, kafkaVersion, unavailable } from '../support/apache-kafka.ts'
import { makeCertificates } from '../support/certificate.ts'
import { eventually } from './gathering.ts'

/** What the embedded broker learned late: a case that needs one is skipped where it lacks. */
export type Capability =
  | 'transactions'
  | 'consumer-protocol'
  | 'features'
  | 'group-configs'
  | 'quotas'
  | 'scram-users'
  | 'tls'
  | 'sasl-plain'
  | 'sasl-scram'

/** A listener that wants to be trusted. */
interface TlsSurroundings {
  readonly bootstrap: string
  /** PEM of the authority that signed its certificate. */
  readonly ca: string
}

/** A listener that wants to know who comes. */
interface SaslSurroundings {
  readonly bootstrap: string
  /** May everything. */
  readonly user: string
  /** May nothing. */
  readonly stranger: string
  /** Of both. */
  readonly password: string
}

export interface RunningGround {
  /** `host:port`, comma-separated. */
  readonly bootstrap: string
  readonly brokers: number
  /** Of a ground that was started with security, as far as it has it. */
  readonly tls?: TlsSurroundings
  readonly sasl?: SaslSurroundings
  /** Ready for use when it resolves; for clients that cannot create one themselves. */
  createTopic(topic: string, partitions: number, configs?: Readonly<Record<string, string>>): Promise<void>
  addPartitions(topic: string, count: number): Promise<void>
  stop(): Promise<void>
}

export interface Ground {
  readonly name: string
  /** Why cases cannot be run on it here. */
  readonly reason: string | undefined
  readonly lacks: readonly Capability[]
  /** What is created has a replica on each, where nothing else is said. */
  readonly brokers: number
  /** With broker properties by Kafka's names; `secure`: with a TLS and a SASL listener beside the plain one, and an authorizer. */
  start(config?: Readonly<Record<string, string | number>>, options?: { secure?: boolean }): Promise<RunningGround>
}

export const embedded = embeddedGround('the embedded broker', 1)
/** Of one process. */
export const threeBrokers = embeddedGround('three embedded brokers', 3)

function embeddedGround(name: string, brokers: number): Ground {
  const start: Ground['start'] = async (given, { secure = false } = {}) => {
    const { ca, server } = makeCertificates()
    const listeners = ['PLAINTEXT', ...secureListeners].map((name) => `${name}://127.0.0.1:0`).join(',')
    const config = brokers === 1 ? given : { 'default.replication.factor': brokers, ...given }
    const cluster = await startCluster(nodePlatform({ log: { level: 'warn' } }), {
      name: 'local',
      brokers,
      config: secure ? { ...config, ...securityConfig(server), listeners } : config,
      addScram: secure ? scramUsers() : [],
    })
    const { bootstrap } = cluster
    const [tls, sasl] = secureListeners.map((name) => cluster.listeners[name]?.bootstrap)
    const secured = secure ? surroundings(tls!, sasl!, ca) : {}
    return running({ bootstrap, brokers, ...secured }, () => cluster.stop())
  }
  return { name, reason: undefined, lacks: [], brokers, start }
}

export const apache: Ground = {
  name: `Apache Kafka ${kafkaVersion}`,
  reason: unavailable(),
  lacks: [],
  brokers: 1,
  start: async (config, { secure = false } = {}) => {
    if (!secure) {
      const kafka = await ApacheKafka.start({ config })
      return running({ bootstrap: kafka.bootstrap, brokers: 1 }, () => kafka.stop())
    }
    const { ca, server } = makeCertificates()
    const kafka = await ApacheKafka.start({
      config: { ...config, ...securityConfig(server) },
      listeners: secureListeners,
      addScram: scramUsers(),
    })
    const [tls, sasl] = secureListeners.map((name) => kafka.listeners[name]!)
    return running({ bootstrap: kafka.bootstrap, brokers: 1, ...surroundings(tls!, sasl!, ca) }, () => kafka.stop())
  },
}

export const grounds: readonly Ground[] = [embedded, apache]

/** All clients are to find three brokers like one. That costs minutes, so it is done when it is asked for; a part of it is done always. */
export const wantsThreeBrokers = (process.env['HELIOSTAT_THREE_BROKERS'] ?? '') !== ''

/** What sets of clients run on. */
export const clientGrounds: readonly Ground[] = wantsThreeBrokers ? [embedded, threeBrokers, apache] : grounds

/** Why a case that needs this cannot be run on the ground. */
export function lacking(ground: Ground, needs: Capability | undefined): string | undefined {
  return needs !== undefined && ground.lacks.includes(needs) ? `${ground.name} has no ${needs} yet` : undefined
}

/** Named after their security protocols. */
const secureListeners = ['SSL', 'SASL_PLAINTEXT']
const users = { user: 'alice', stranger: 'mallory', password: 'secret' }

function scramUsers(): string[] {
  const names = [users.user, users.stranger].map((name) => `[name=${name},password=${users.password}]`)
  return names.flatMap((name) => [`SCRAM-SHA-256=${name}`, `SCRAM-SHA-512=${name}`])
}

function surroundings(tls: string, sasl: string, ca: string): Pick<RunningGround, 'tls' | 'sasl'> {
  return { tls: { bootstrap: tls, ca }, sasl: { bootstrap: sasl, ...users } }
}

/** Whoever does not log in may everything, so that the cases that are not about security need not care. */
const authorizerConfig = {
  'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
  'super.users': `User:ANONYMOUS;User:${users.user}`,
}

function securityConfig(server: { cert: string; key: string }): Record<string, string> {
  const { user, stranger, password } = users
  const login = (module: string, options = '') => `org.apache.kafka.common.security.${module} required${options};`
  const scram = login('scram.ScramLoginModule')
  return {
    'ssl.keystore.type': 'PEM',
    'ssl.keystore.certificate.chain': server.cert,
    'ssl.keystore.key': server.key,
    'sasl.enabled.mechanisms': 'PLAIN,SCRAM-SHA-256,SCRAM-SHA-512',
    'listener.name.sasl_plaintext.plain.sasl.jaas.config': login(
      'plain.PlainLoginModule',
      ` user_${user}="${password}" user_${stranger}="${password}"`,
    ),
    'listener.name.sasl_plaintext.scram-sha-256.sasl.jaas.config': scram,
    'listener.name.sasl_plaintext.scram-sha-512.sasl.jaas.config': scram,
    ...authorizerConfig,
  }
}

async function running(
  surroundings: Pick<RunningGround, 'bootstrap' | 'brokers' | 'tls' | 'sasl'>,
  stop: () => Promise<void>,
): Promise<RunningGround> {
  const kafka = new Kafka({
    clientId: 'ground',
    brokers: surroundings.bootstrap.split(','),
    logLevel: logLevel.NOTHING,
    retry: { retries: 0 },
  })
  const admin = kafka.admin()
  await admin.connect()
  return {
    ...surroundings,
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
