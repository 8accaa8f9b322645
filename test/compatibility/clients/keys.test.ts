// Equal keys meet in one partition because the clients agree on a hash, murmur2, and take it by the number of partitions. The broker
// has no part in it but to keep what was said; so the clients are asked.
import { Kafka, logLevel, Partitioners } from 'kafkajs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { runKafkaTool, unavailable } from '../../support/apache-kafka.ts'
import { eventually } from '../gathering.ts'
import { embedded, type RunningGround, title } from '../ground.ts'

/** What Apache Kafka's clients make of these keys, from its documentation of the hash. */
const hashes: Readonly<Record<string, number>> = {
  '21': -973_932_308,
  foobar: -790_332_482,
  'a-little-bit-long-string': -985_981_536,
  'a-little-bit-longer-string': -1_486_304_829,
  lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8: -58_897_971,
  abc: 479_470_107,
}
const keys = Object.keys(hashes)
/** The sign is dropped, not turned. */
const partitionOf = (key: string, partitions: number) => (hashes[key]! & 0x7fff_ffff) % partitions

describe('equal keys', () => {
  let cluster: RunningGround
  let kafka: Kafka

  beforeAll(async () => {
    cluster = await embedded.start()
    kafka = new Kafka({ brokers: [cluster.bootstrap], logLevel: logLevel.NOTHING })
  })
  afterAll(() => cluster?.stop())

  /** Key and partition of each record of a topic, in the order of reading. */
  async function placesOf(topic: string, count: number): Promise<[string, number][]> {
    const consumer = kafka.consumer({ groupId: `reads-${topic}`, maxWaitTimeInMs: 100 })
    await consumer.connect()
    const places: [string, number][] = []
    await consumer.subscribe({ topic, fromBeginning: true })
    await consumer.run({
      eachMessage: async ({ partition, message }) => void places.push([String(message.key), partition]),
    })
    await eventually(async () => expect(places.length).toBeGreaterThanOrEqual(count))
    await consumer.disconnect()
    return places.sort()
  }

  async function sendByKafkajs(topic: string): Promise<void> {
    const producer = kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner })
    await producer.connect()
    await producer.send({ topic, messages: keys.map((key) => ({ key, value: 'v' })) })
    await producer.disconnect()
  }

  const expected = (partitions: number) => keys.map((key) => [key, partitionOf(key, partitions)]).sort()

  it('go to one partition, which kafkajs finds as the vectors say', async () => {
    await cluster.createTopic('by-kafkajs', 7)
    await sendByKafkajs('by-kafkajs')
    expect(await placesOf('by-kafkajs', keys.length)).toEqual(expected(7))
  })

  it('go elsewhere once there are more partitions', async () => {
    await cluster.createTopic('grows', 2)
    await sendByKafkajs('grows')
    await cluster.addPartitions('grows', 7)
    await sendByKafkajs('grows')
    const places = await placesOf('grows', keys.length * 2)
    expect(places).toEqual([...expected(2), ...expected(7)].sort())
    expect(keys.filter((key) => partitionOf(key, 2) !== partitionOf(key, 7))).not.toEqual([])
  })

  const reason = unavailable()
  it.skipIf(reason)(
    title("go to the same partition for Kafka's own clients", reason),
    async () => {
      await cluster.createTopic('by-java', 7)
      const properties = ['--reader-property', 'parse.key=true', '--reader-property', 'key.separator=:']
      const args = ['--bootstrap-server', cluster.bootstrap, '--topic', 'by-java', ...properties]
      const input = keys.map((key) => `${key}:v\n`).join('')
      const { code } = await runKafkaTool('kafka-console-producer', args, { input, timeoutMs: 40_000 })
      expect(code).toBe(0)
      expect(await placesOf('by-java', keys.length)).toEqual(expected(7))
    },
    60_000,
  )
})
