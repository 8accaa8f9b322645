// Foreign clients at secured listeners, by every protocol and mechanism that they have: kafkajs, @platformatic/kafka, Kafka's console
// tools (its Java clients) and kcat (librdkafka).
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Admin } from '@platformatic/kafka'
import { Kafka, type KafkaConfig, logLevel } from 'kafkajs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { runKafkaTool, unavailable } from '../../support/apache-kafka.ts'
import { runExternal } from '../../support/external-process.ts'
import { unsignedToken } from '../../support/token-issuer.ts'
import { eventually } from '../gathering.ts'
import { title, wantsThreeBrokers } from '../ground.ts'
import {
  addScramUser,
  BRIEF_MS,
  certificates,
  type SecuredCluster,
  type SecuredListener,
  securedGrounds,
  threeSecuredBrokers,
  user,
} from '../secured-ground.ts'

const caseMs = 60_000
const kcat = ['kcat', 'kafkacat'].find((name) => spawnSync(name, ['-V']).error === undefined)
// librdkafka before 2.6.1 says the nonce of the broker twice, which Kafka refuses since CVE-2024-56128.
const [, major = 0, minor = 0, patch = 0] =
  (kcat && /librdkafka (\d+)\.(\d+)\.(\d+)/.exec(String(spawnSync(kcat, ['-V']).stdout))) || []
const kcatRepeatsNonce = Number(major) * 10_000 + Number(minor) * 100 + Number(patch) < 20_601

const MECHANISMS = ['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512', 'OAUTHBEARER'] as const
type Mechanism = (typeof MECHANISMS)[number]

const ca = certificates.ca
const mutual = { ca: [ca], cert: certificates.client.cert, key: certificates.client.key }

const grounds = wantsThreeBrokers ? [...securedGrounds, threeSecuredBrokers] : securedGrounds

describe.each(grounds)('secured listeners', (ground) => {
  // SCRAM users are made with Kafka's tool.
  const reason = ground.reason ?? unavailable()
  describe.skipIf(reason)(title(`secured listeners of ${ground.name}`, reason), { timeout: caseMs }, () => {
    let cluster: SecuredCluster
    let directory: string

    beforeAll(async () => {
      directory = mkdtempSync(join(tmpdir(), 'heliostat-security-'))
      writeFileSync(join(directory, 'ca.pem'), ca)
      writeFileSync(join(directory, 'client.pem'), certificates.client.cert)
      writeFileSync(join(directory, 'client.key'), certificates.client.key)
      cluster = await ground.start()
      await addScramUser(cluster)
    }, 90_000)
    afterAll(async () => {
      await cluster?.stop()
      rmSync(directory, { recursive: true, force: true })
    })

    describe('kafkajs', () => {
      const sasl = (mechanism: Mechanism): NonNullable<KafkaConfig['sasl']> =>
        mechanism === 'OAUTHBEARER'
          ? { mechanism: 'oauthbearer', oauthBearerProvider: async () => ({ value: unsignedToken() }) }
          : { mechanism: mechanism.toLowerCase() as 'plain', ...user }

      async function roundTrip(listener: SecuredListener, login: Partial<KafkaConfig>): Promise<void> {
        const brokers = cluster.at(listener).split(',')
        const kafka = new Kafka({ brokers, logLevel: logLevel.NOTHING, retry: { retries: 0 }, ...login })
        const [admin, producer] = [kafka.admin(), kafka.producer()]
        const topic = `kafkajs-${listener}`
        await Promise.all([admin.connect(), producer.connect()])
        await admin.createTopics({ topics: [{ topic }], waitForLeaders: true })
        await producer.send({ topic, messages: [{ value: 'x' }] })
        expect(Number((await admin.fetchTopicOffsets(topic))[0]!.high)).toBeGreaterThan(0)
        const { brokers: found } = await admin.describeCluster()
        expect(found.map(({ host, port }) => `${host}:${port}`).sort()).toEqual(brokers.sort())
        await Promise.all([admin.disconnect(), producer.disconnect()])
      }

      it.each(MECHANISMS)('logs in by %s over TLS', (mechanism) =>
        roundTrip('SECURE', { ssl: { ca: [ca] }, sasl: sasl(mechanism) }),
      )
      it.each(MECHANISMS)('logs in by %s without TLS', (mechanism) => roundTrip('CLEAR', { sasl: sasl(mechanism) }))
      it('shows its certificate', () => roundTrip('MUTUAL', { ssl: mutual }))
      it('renews its login on the connection', async () => {
        const brokers = cluster.at('BRIEF').split(',')
        const settings = { brokers, logLevel: logLevel.NOTHING, retry: { retries: 0 }, reauthenticationThreshold: 700 }
        const producer = new Kafka({ ...settings, sasl: sasl('PLAIN') }).producer({ allowAutoTopicCreation: true })
        let disconnects = 0
        producer.on('producer.disconnect', () => disconnects++)
        await producer.connect()
        await eventually(() => producer.send({ topic: 'kafkajs-brief', messages: [{ value: 'first' }] }))
        const end = performance.now() + 2 * BRIEF_MS
        while (performance.now() < end) {
          // Without retries a connection that the broker closes is an error here.
          await producer.send({ topic: 'kafkajs-brief', messages: [{ value: 'x' }] })
          await new Promise((resolve) => setTimeout(resolve, 50))
        }
        expect(disconnects).toBe(0)
        await producer.disconnect()
      })
      it('is refused without one', async () => {
        await expect(roundTrip('MUTUAL', { ssl: { ca: [ca] } })).rejects.toThrow()
      })
      it.each(MECHANISMS.slice(0, 3))('is told that its password is wrong by %s', async (mechanism) => {
        const wrong = { ...sasl(mechanism), password: 'wrong' } as KafkaConfig['sasl']
        const told =
          mechanism === 'PLAIN' ? /Invalid username or password/ : /invalid credentials with SASL mechanism SCRAM/
        await expect(roundTrip('CLEAR', { sasl: wrong! })).rejects.toThrow(told)
      })
    })

    describe('@platformatic/kafka', () => {
      async function describeCluster(listener: SecuredListener, login: object): Promise<void> {
        const bootstrapBrokers = cluster.at(listener).split(',')
        const admin = new Admin({ clientId: 'case', bootstrapBrokers, retries: 0, ...login })
        const { brokers } = await admin.metadata({ topics: [] })
        expect([...brokers.values()].map(({ host, port }) => `${host}:${port}`).sort()).toEqual(bootstrapBrokers.sort())
        await admin.close()
      }
      const sasl = (mechanism: Mechanism) =>
        mechanism === 'OAUTHBEARER' ? { mechanism, token: unsignedToken() } : { mechanism, ...user }

      it.each(MECHANISMS)('logs in by %s over TLS', (mechanism) =>
        describeCluster('SECURE', { tls: { ca: [ca] }, sasl: sasl(mechanism) }),
      )
      it.each(MECHANISMS)('logs in by %s without TLS', (mechanism) =>
        describeCluster('CLEAR', { sasl: sasl(mechanism) }),
      )
      it('shows its certificate', () => describeCluster('MUTUAL', { tls: mutual }))
    })

    describe("Kafka's console tools", () => {
      const line = (pem: string) => pem.trim().replaceAll('\n', '\\n')
      const trust = { 'ssl.truststore.type': 'PEM', 'ssl.truststore.certificates': line(ca) }
      const module = 'org.apache.kafka.common.security'

      async function roundTrip(listener: SecuredListener, properties: Readonly<Record<string, string>>): Promise<void> {
        const file = join(directory, `${listener}-${properties['sasl.mechanism'] ?? 'tls'}.properties`)
        writeFileSync(
          file,
          Object.entries(properties)
            .map(([name, value]) => `${name}=${value}\n`)
            .join(''),
        )
        const topic = `java-${listener}-${properties['sasl.mechanism'] ?? 'tls'}`
        const run = async (tool: 'kafka-console-producer' | 'kafka-console-consumer', args: string[], input = '') => {
          const at = ['--bootstrap-server', cluster.at(listener), '--command-config', file, '--topic', topic]
          const { code, stdout, stderr } = await runKafkaTool(tool, [...at, ...args], { input, timeoutMs: 40_000 })
          if (code !== 0) throw new Error(`${tool} ended with ${code}: ${stdout}${stderr}`)
          return stdout
        }
        await run('kafka-console-producer', [], 'hello\n')
        const read = await run('kafka-console-consumer', [
          '--from-beginning',
          '--max-messages',
          '1',
          '--timeout-ms',
          '30000',
        ])
        expect(read).toContain('hello')
      }

      const logins: Readonly<Record<Mechanism, string>> = {
        PLAIN: `${module}.plain.PlainLoginModule required username="${user.username}" password="${user.password}";`,
        'SCRAM-SHA-256': `${module}.scram.ScramLoginModule required username="${user.username}" password="${user.password}";`,
        'SCRAM-SHA-512': `${module}.scram.ScramLoginModule required username="${user.username}" password="${user.password}";`,
        OAUTHBEARER: `${module}.oauthbearer.OAuthBearerLoginModule required unsecuredLoginStringClaim_sub="${user.username}";`,
      }
      it.each(MECHANISMS)('log in by %s over TLS', (mechanism) =>
        roundTrip('SECURE', {
          ...trust,
          'security.protocol': 'SASL_SSL',
          'sasl.mechanism': mechanism,
          'sasl.jaas.config': logins[mechanism],
        }),
      )
      it('renew their login while they produce', async () => {
        const file = join(directory, 'brief.properties')
        const login = `security.protocol=SASL_PLAINTEXT\nsasl.mechanism=PLAIN\nsasl.jaas.config=${logins.PLAIN}\n`
        writeFileSync(file, `bootstrap.servers=${cluster.at('BRIEF')}\n${login}`)
        const records = ['--num-records', '50', '--throughput', '10', '--record-size', '10']
        const args = ['--topic', 'java-brief', '--command-config', file, ...records]
        const { code, stdout, stderr } = await runKafkaTool('kafka-producer-perf-test', args, { timeoutMs: 40_000 })
        expect([code, stdout + stderr]).toEqual([0, expect.stringMatching(/^50 records sent/m)])
        expect(stdout + stderr).not.toMatch(/disconnected|authentication failed/i)
      })
      it('show their certificate', () =>
        roundTrip('MUTUAL', {
          ...trust,
          'security.protocol': 'SSL',
          'ssl.keystore.type': 'PEM',
          'ssl.keystore.certificate.chain': line(certificates.client.cert),
          'ssl.keystore.key': line(certificates.client.key),
        }))
    })

    describe.skipIf(kcat === undefined)(kcat ?? 'kcat, which is not on PATH', () => {
      async function list(listener: SecuredListener, settings: readonly string[]): Promise<void> {
        const args = ['-L', '-J', '-b', cluster.at(listener), ...settings.flatMap((setting) => ['-X', setting])]
        const { code, stdout, stderr } = await runExternal(kcat!, args, { timeoutMs: 20_000 })
        if (code !== 0) throw new Error(`kcat ended with ${code}: ${stderr}`)
        const { brokers } = JSON.parse(stdout) as { brokers: { name: string }[] }
        expect(brokers.map(({ name }) => name).sort()).toEqual(cluster.at(listener).split(',').sort())
      }
      const trust = () => `ssl.ca.location=${join(directory, 'ca.pem')}`
      const login = (mechanism: Mechanism) => [
        `sasl.mechanism=${mechanism}`,
        ...(mechanism === 'OAUTHBEARER'
          ? ['enable.sasl.oauthbearer.unsecure.jwt=true', `sasl.oauthbearer.config=principal=${user.username}`]
          : [`sasl.username=${user.username}`, `sasl.password=${user.password}`]),
      ]

      const logIn = async (mechanism: Mechanism, listener: SecuredListener, settings: readonly string[]) => {
        const listed = list(listener, [...settings, ...login(mechanism)])
        if (!mechanism.startsWith('SCRAM') || !kcatRepeatsNonce) return listed
        await expect(listed).rejects.toThrow(/invalid credentials with SASL mechanism SCRAM/)
      }

      it.each(MECHANISMS)('logs in by %s over TLS, or is refused like by Kafka', (mechanism) =>
        logIn(mechanism, 'SECURE', ['security.protocol=sasl_ssl', trust()]),
      )
      it.each(MECHANISMS)('logs in by %s without TLS, or is refused like by Kafka', (mechanism) =>
        logIn(mechanism, 'CLEAR', ['security.protocol=sasl_plaintext']),
      )
      it('shows its certificate', () =>
        list('MUTUAL', [
          'security.protocol=ssl',
          trust(),
          `ssl.certificate.location=${join(directory, 'client.pem')}`,
          `ssl.key.location=${join(directory, 'client.key')}`,
        ]))
    })
  })
})
