// Every login against the real thing, under TLS: our client and kafkajs behind the control client.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Connection } from '../../src/client/connection.ts'
import { ControlClient } from '../../src/client/control-client.ts'
import type { SaslOptions } from '../../src/client/sasl/sasl.ts'
import type { HeliostatError } from '../../src/platform/errors.ts'
import { nodePlatform } from '../../src/platform/node-platform.ts'
import type { Address } from '../../src/platform/platform.ts'
import { metadata } from '../../src/protocol/messages/metadata.ts'
import { ApacheKafka, runKafkaTool, unavailable } from '../support/apache-kafka.ts'
import { makeCertificates } from '../support/certificate.ts'
import { clientOf, makeTopic } from '../support/log-content.ts'

const reason = unavailable()
if (reason) process.stderr.write(`logins against Apache Kafka are skipped: ${reason}\n`)

const platform = nodePlatform({ log: { level: 'silent' } })
const certificates = makeCertificates()
const tls = { ca: certificates.ca }
const user = { username: 'mirror', password: 's3cret' }

/** As the unsecured mode of Kafka's own test setups takes it: a JWT that nobody signed. */
function unsignedToken(): string {
  const now = Math.floor(platform.clock.now() / 1000)
  const encode = (part: object) => Buffer.from(JSON.stringify(part)).toString('base64url')
  return `${encode({ alg: 'none' })}.${encode({ sub: 'mirror', iat: now - 60, exp: now + 600 })}.`
}

const logins: SaslOptions[] = [
  { mechanism: 'plain', ...user },
  { mechanism: 'scram-sha-256', ...user },
  { mechanism: 'scram-sha-512', ...user },
  { mechanism: 'oauthbearer', token: async () => unsignedToken() },
]

/** A port that was free a moment ago; Kafka wants to be told its ports. */
async function freePort(): Promise<number> {
  const listener = await platform.network.listen({ host: '127.0.0.1', port: 0 }, () => expect.fail('accepted'))
  await listener.close()
  return listener.address.port
}

function securedBy(plain: number, controller: number, secure: number): Record<string, string> {
  const pem = (text: string) => text.trim().replaceAll('\n', '\\n')
  const module = 'org.apache.kafka.common.security'
  const prefix = 'listener.name.secure'
  return {
    listeners: `PLAINTEXT://127.0.0.1:${plain},CONTROLLER://127.0.0.1:${controller},SECURE://127.0.0.1:${secure}`,
    'advertised.listeners': `PLAINTEXT://127.0.0.1:${plain},SECURE://127.0.0.1:${secure}`,
    'controller.quorum.voters': `1@127.0.0.1:${controller}`,
    'listener.security.protocol.map': 'CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SECURE:SASL_SSL',
    [`${prefix}.ssl.keystore.type`]: 'PEM',
    [`${prefix}.ssl.keystore.certificate.chain`]: pem(certificates.server.cert),
    [`${prefix}.ssl.keystore.key`]: pem(certificates.server.key),
    'sasl.enabled.mechanisms': 'PLAIN,SCRAM-SHA-256,SCRAM-SHA-512,OAUTHBEARER',
    [`${prefix}.plain.sasl.jaas.config`]: `${module}.plain.PlainLoginModule required user_mirror="s3cret";`,
    [`${prefix}.scram-sha-256.sasl.jaas.config`]: `${module}.scram.ScramLoginModule required;`,
    [`${prefix}.scram-sha-512.sasl.jaas.config`]: `${module}.scram.ScramLoginModule required;`,
    [`${prefix}.oauthbearer.sasl.jaas.config`]: `${module}.oauthbearer.OAuthBearerLoginModule required unsecuredLoginStringClaim_sub="broker";`,
  }
}

describe.skipIf(reason)('Apache Kafka behind TLS and SASL', () => {
  let kafka: ApacheKafka
  let address: Address

  beforeAll(async () => {
    const [plain, controller, secure] = [await freePort(), await freePort(), await freePort()]
    address = { host: '127.0.0.1', port: secure }
    kafka = await ApacheKafka.start({ config: securedBy(plain, controller, secure) })
    const scram = ['SCRAM-SHA-256', 'SCRAM-SHA-512'].map(
      (name) => `${name}=[iterations=8192,password=${user.password}]`,
    )
    for (const mechanism of scram) await alterUser(`127.0.0.1:${plain}`, mechanism)
    const topics = clientOf(`127.0.0.1:${plain}`, platform)
    await makeTopic(topics, 'slots', 1)
    topics.close()
  }, 90_000)
  afterAll(() => kafka?.stop())

  async function alterUser(bootstrap: string, config: string): Promise<void> {
    const args = ['--alter', '--entity-type', 'users', '--entity-name', user.username, '--add-config', config]
    const ran = await runKafkaTool('kafka-configs', ['--bootstrap-server', bootstrap, ...args])
    expect(ran.code, ran.stderr + ran.stdout).toBe(0)
  }

  it.each(logins)('lets our client in by $mechanism', async (sasl) => {
    const connection = await Connection.open(platform, { ...address, clientId: 'test', tls, sasl })
    const answer = await connection.send(metadata, { topics: null })
    expect(answer.brokers).toEqual([expect.objectContaining(address)])
    connection.close()
  })

  it.each(logins)('lets the control client in by $mechanism', async (sasl) => {
    const client = new ControlClient(platform, { bootstrap: [address], clientId: 'test', tls, sasl })
    const groupId = `let-in-by-${sasl.mechanism}`
    const owned = await new Promise<readonly number[]>((resolve, reject) => {
      const listener = { owned: resolve, lost: reject, unsure: reject, failed: reject }
      client.joinGroup({ groupId, topic: 'slots' }, listener).catch(reject)
    })
    expect(owned).toEqual([0])
    await client.close()
  })

  it.each(logins.slice(0, 3))('refuses a wrong password by $mechanism', async (sasl) => {
    const wrong = { ...sasl, password: 'canary' } as SaslOptions
    const error: HeliostatError = await Connection.open(platform, {
      ...address,
      clientId: 'test',
      tls,
      sasl: wrong,
    }).then(
      () => expect.fail('let in'),
      (error) => error,
    )
    expect(error).toMatchObject({ code: 'HEL_AUTHENTICATION', retriable: false })
    expect(error.message).not.toContain('canary')
  })

  it('refuses a client that does not trust its certificate', async () => {
    const options = { ...address, clientId: 'test', tls: { ca: makeCertificates().ca }, sasl: logins[0] }
    await expect(Connection.open(platform, options)).rejects.toMatchObject({ code: 'HEL_TLS' })
  })
})
