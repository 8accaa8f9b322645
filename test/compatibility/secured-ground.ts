// A secured cluster on either ground, by the same broker properties: every security protocol, every mechanism, one user.
//
// Listeners: PLAINTEXT; MUTUAL, which is SSL and requires a certificate; CLEAR, which is SASL_PLAINTEXT; BRIEF, the same with logins by
// PLAIN that hold for two seconds, by OAUTHBEARER for four; SECURE, which is SASL_SSL.
import { startCluster } from '../../src/broker/cluster.ts'
import { nodePlatform } from '../../src/platform/node-platform.ts'
import { ApacheKafka, kafkaVersion, runKafkaTool, unavailable } from '../support/apache-kafka.ts'
import { makeCertificates } from '../support/certificate.ts'

export const certificates = makeCertificates()
export const user = { username: 'mirror', password: 's3cret' }

export type SecuredListener = 'PLAINTEXT' | 'MUTUAL' | 'CLEAR' | 'BRIEF' | 'SECURE'
const LISTENERS: readonly SecuredListener[] = ['PLAINTEXT', 'MUTUAL', 'CLEAR', 'BRIEF', 'SECURE']

export interface SecuredCluster {
  /** `host:port` of a listener. */
  at(listener: SecuredListener): string
  stop(): Promise<void>
}

export interface SecuredGround {
  readonly name: string
  /** Why cases cannot be run on it here. */
  readonly reason: string | undefined
  /** `jvm`: what Apache Kafka's process is told besides. */
  start(config?: Readonly<Record<string, string | number>>, jvm?: readonly string[]): Promise<SecuredCluster>
}

/** How long a login on BRIEF holds. */
export const BRIEF_MS = 2000
const SECURITY = 'org.apache.kafka.common.security'
const UNSECURED_VALIDATOR = `${SECURITY}.oauthbearer.internals.unsecured.OAuthBearerUnsecuredValidatorCallbackHandler`
const PROTOCOLS = 'PLAINTEXT:PLAINTEXT,MUTUAL:SSL,CLEAR:SASL_PLAINTEXT,BRIEF:SASL_PLAINTEXT,SECURE:SASL_SSL'

const common: Readonly<Record<string, string | number>> = {
  'inter.broker.listener.name': 'PLAINTEXT',
  'ssl.keystore.type': 'PEM',
  'ssl.keystore.certificate.chain': certificates.server.cert,
  'ssl.keystore.key': certificates.server.key,
  'ssl.truststore.type': 'PEM',
  'ssl.truststore.certificates': certificates.ca,
  'listener.name.mutual.ssl.client.auth': 'required',
  'listener.name.mutual.ssl.principal.mapping.rules': 'RULE:^CN=(.*)$/cert-$1/L',
  'sasl.enabled.mechanisms': 'PLAIN,SCRAM-SHA-256,SCRAM-SHA-512,OAUTHBEARER',
  ...loginsOf('clear'),
  ...loginsOf('brief'),
  'listener.name.brief.plain.connections.max.reauth.ms': BRIEF_MS,
  'listener.name.brief.oauthbearer.connections.max.reauth.ms': 2 * BRIEF_MS,
  ...loginsOf('secure'),
}

function loginsOf(listener: string): Record<string, string> {
  const prefix = `listener.name.${listener}`
  const scram = `${SECURITY}.scram.ScramLoginModule required;`
  // Kafka's own validator of unsigned tokens wants a token of its own too.
  const token = `${SECURITY}.oauthbearer.OAuthBearerLoginModule required unsecuredLoginStringClaim_sub="broker";`
  return {
    [`${prefix}.plain.sasl.jaas.config`]: `${SECURITY}.plain.PlainLoginModule required user_${user.username}="${user.password}" user_other="0ther";`,
    [`${prefix}.scram-sha-256.sasl.jaas.config`]: scram,
    [`${prefix}.scram-sha-512.sasl.jaas.config`]: scram,
    [`${prefix}.oauthbearer.sasl.jaas.config`]: token,
    [`${prefix}.oauthbearer.sasl.server.callback.handler.class`]: UNSECURED_VALIDATOR,
  }
}

const embedded = embeddedGround('the embedded broker', 1)
/** Of one process. */
export const threeSecuredBrokers = embeddedGround('three embedded brokers', 3)

function embeddedGround(name: string, brokers: number): SecuredGround {
  const start: SecuredGround['start'] = async (config = {}) => {
    const listeners = LISTENERS.map((listener) => `${listener}://127.0.0.1:0`).join(',')
    const cluster = await startCluster(nodePlatform({ log: { level: 'silent' } }), {
      name: 'secured',
      brokers,
      config: {
        ...common,
        listeners,
        'listener.security.protocol.map': PROTOCOLS,
        'default.replication.factor': brokers,
        ...config,
      },
    })
    return { at: (listener) => cluster.listeners[listener]!.bootstrap, stop: () => cluster.stop() }
  }
  return { name, reason: undefined, start }
}

const apache: SecuredGround = {
  name: `Apache Kafka ${kafkaVersion}`,
  reason: unavailable(),
  start: async (config = {}, jvm = []) => {
    const ports = await Promise.all([...LISTENERS, 'CONTROLLER'].map(() => freePort()))
    const controller = `127.0.0.1:${ports.pop()}`
    const at = (listener: SecuredListener) => `127.0.0.1:${ports[LISTENERS.indexOf(listener)]}`
    const listeners = LISTENERS.map((listener) => `${listener}://${at(listener)}`).join(',')
    const kafka = await ApacheKafka.start({
      jvm: ['-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC', ...jvm],
      config: {
        ...common,
        listeners: `${listeners},CONTROLLER://${controller}`,
        'advertised.listeners': listeners,
        'controller.quorum.voters': `1@${controller}`,
        'listener.security.protocol.map': `${PROTOCOLS},CONTROLLER:PLAINTEXT`,
        ...config,
      },
    })
    return { at, stop: () => kafka.stop() }
  },
}

export const securedGrounds: readonly SecuredGround[] = [embedded, apache]

/** Gives the user a password for SCRAM, with Kafka's own tool. */
export async function addScramUser(cluster: SecuredCluster): Promise<void> {
  for (const mechanism of ['SCRAM-SHA-256', 'SCRAM-SHA-512']) {
    const config = `${mechanism}=[iterations=8192,password=${user.password}]`
    const entity = ['--entity-type', 'users', '--entity-name', user.username]
    const args = ['--bootstrap-server', cluster.at('PLAINTEXT'), '--alter', ...entity, '--add-config', config]
    const { code, stdout, stderr } = await runKafkaTool('kafka-configs', args)
    if (code !== 0) throw new Error(`kafka-configs ended with ${code}: ${stdout}${stderr}`)
  }
}

/** A port that was free a moment ago; Kafka wants to be told its ports. */
async function freePort(): Promise<number> {
  const { network } = nodePlatform({ log: { level: 'silent' } })
  const listener = await network.listen({ host: '127.0.0.1', port: 0 }, () => {
    throw new Error('somebody came')
  })
  await listener.close()
  return listener.address.port
}
