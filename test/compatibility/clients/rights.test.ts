// People with the rights that kafka-acls gives them, as they meet them in a client: kafkajs, on our broker and on Apache Kafka.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Kafka, logLevel } from 'kafkajs'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { startCluster } from '../../../src/broker/cluster.ts'
import { nodePlatform } from '../../../src/platform/node-platform.ts'
import { AUTHORIZER } from '../../broker/security/rights-ground.ts'
import { runKafkaTool, unavailable } from '../../support/apache-kafka.ts'
import { Gathering } from '../gathering.ts'
import { apache, clientGrounds, title } from '../ground.ts'
import { startSecuredKafka } from '../secured-kafka.ts'

const PEOPLE = ['writer', 'reader', 'nobody'] as const
const PLAIN_MODULE = 'org.apache.kafka.common.security.plain.PlainLoginModule'
const caseMs = 90_000

interface SecuredGround {
  readonly bootstrap: string
  stop(): Promise<void>
}

async function startEmbedded(brokers: number): Promise<SecuredGround> {
  const users = ['root', ...PEOPLE].map((user) => `user_${user}="secret"`).join(' ')
  return await startCluster(nodePlatform({ log: { level: 'error' } }), {
    name: 'local',
    brokers,
    config: {
      'default.replication.factor': brokers,
      listeners: 'SASL_PLAINTEXT://:0',
      'sasl.enabled.mechanisms': 'PLAIN',
      'listener.name.sasl_plaintext.plain.sasl.jaas.config': `${PLAIN_MODULE} required ${users};`,
      'authorizer.class.name': AUTHORIZER,
      'super.users': 'User:root',
    },
  })
}

const grounds = clientGrounds.map((ground) => ({
  ...ground,
  start: () => (ground === apache ? startSecuredKafka(PEOPLE) : startEmbedded(ground.brokers)),
}))

describe.each(grounds)('people with rights', (ground) => {
  const reason = unavailable() ?? ground.reason
  describe.skipIf(reason)(title(`people with rights on ${ground.name}`, reason), { timeout: caseMs }, () => {
    let cluster: SecuredGround

    beforeAll(async () => {
      cluster = await ground.start()
    }, 60_000)

    afterAll(() => cluster?.stop())

    function clientOf(username: string): Kafka {
      return new Kafka({
        clientId: username,
        brokers: cluster.bootstrap.split(','),
        sasl: { mechanism: 'plain', username, password: 'secret' },
        logLevel: logLevel.NOTHING,
        retry: { initialRetryTime: 50, retries: 8 },
      })
    }

    async function allow(...args: string[]): Promise<void> {
      const directory = mkdtempSync(join(tmpdir(), 'heliostat-acls-'))
      onTestFinished(() => rmSync(directory, { recursive: true, force: true }))
      const login = join(directory, 'root.properties')
      const jaas = `${PLAIN_MODULE} required username="root" password="secret";`
      writeFileSync(login, `security.protocol=SASL_PLAINTEXT\nsasl.mechanism=PLAIN\nsasl.jaas.config=${jaas}\n`)
      const all = ['--bootstrap-server', cluster.bootstrap, '--command-config', login, '--add', ...args]
      const { code, stdout, stderr } = await runKafkaTool('kafka-acls', all, { timeoutMs: 40_000 })
      expect([code, stdout + stderr]).toEqual([0, expect.anything()])
    }

    async function write(who: string, value: string): Promise<void> {
      const producer = clientOf(who).producer({ allowAutoTopicCreation: false })
      onTestFinished(() => producer.disconnect())
      await producer.connect()
      await producer.send({ topic: 'news.today', messages: [{ value }] })
    }

    async function read(who: string): Promise<Gathering<string>> {
      const consumer = clientOf(who).consumer({ groupId: 'readers', maxWaitTimeInMs: 100 })
      onTestFinished(() => consumer.disconnect())
      const seen = new Gathering<string>()
      await consumer.connect()
      await consumer.subscribe({ topics: ['news.today'], fromBeginning: true })
      const crashed = new Promise((_, reject) => {
        consumer.on(consumer.events.CRASH, ({ payload }) => {
          if (!payload.restart) reject(payload.error)
        })
      })
      await consumer.run({ eachMessage: async ({ message }) => seen.add(String(message.value)) })
      await Promise.race([seen.atLeast(1), crashed])
      return seen
    }

    it('do what they may, and hear what they may not', async () => {
      const admin = clientOf('root').admin()
      onTestFinished(() => admin.disconnect())
      await admin.connect()
      await admin.createTopics({ topics: [{ topic: 'news.today', numPartitions: 1 }] })
      const prefixed = ['--topic', 'news.', '--resource-pattern-type', 'prefixed']
      await allow('--allow-principal', 'User:writer', '--producer', ...prefixed)
      await allow('--allow-principal', 'User:reader', '--operation', 'Read', '--group', 'readers')
      await allow('--allow-principal', 'User:reader', '--operation', 'Read', ...prefixed)
      await write('writer', 'one')
      expect((await read('reader')).items).toEqual(['one'])
      const refusal = /Not authorized to access topics/
      await expect(write('reader', 'two')).rejects.toThrow(refusal)
      await expect(write('nobody', 'three')).rejects.toThrow(refusal)
      // Its group is refused before its topic is looked at.
      await expect(read('writer')).rejects.toThrow()
      const visible = async (who: string) => {
        const asking = clientOf(who).admin()
        onTestFinished(() => asking.disconnect())
        await asking.connect()
        return (await asking.listTopics()).filter((topic) => !topic.startsWith('__'))
      }
      expect([await visible('reader'), await visible('nobody')]).toEqual([['news.today'], []])
    })
  })
})
