// Clients that reach a cluster over a link between datacenters, on real sockets, and what can go wrong with the link.
import { Kafka, logLevel, Partitioners } from 'kafkajs'
import { afterAll, afterEach, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { Connection } from '../../src/client/connection.ts'
import { apiVersions } from '../../src/protocol/messages/api-versions.ts'
import { describeCluster } from '../../src/protocol/messages/describe-cluster.ts'
import { findCoordinator } from '../../src/protocol/messages/find-coordinator.ts'
import { metadata } from '../../src/protocol/messages/metadata.ts'
import { buildBatch } from '../../src/records/batch-builder.ts'
import type { Link } from '../../src/topology/link.ts'
import { startTopology, type Topology } from '../../src/topology/topology.ts'
import { certificates, fourListeners } from '../broker/listeners/secured-cluster.ts'
import { rawConnection } from '../broker/raw-connection.ts'
import { TransactionalProducer } from '../broker/transactional-producer.ts'
import { seenOf } from '../oracle/seen-record.ts'
import { appendBatch, clientOf, endOffset, makeTopic, readAll, testPlatform, until } from '../support/log-content.ts'

let topology: Topology
/** From the client's side. */
let link: Link

beforeAll(async () => {
  topology = await startTopology(testPlatform, {
    clusters: { east: { datacenter: 'virginia' }, west: { datacenter: 'oregon' }, nowhere: {} },
  })
  link = topology.link('oregon', 'virginia')
})

afterEach(() => {
  link.heal()
  link.faults.clear()
})

afterAll(() => topology.stop())

async function connect(address = topology.bootstrapFrom('east', 'oregon'), clientId = 'test'): Promise<Connection> {
  const [host, port] = address.split(':')
  const connection = await Connection.open(testPlatform, { host: host!, port: Number(port), clientId })
  onTestFinished(() => connection.close())
  return connection
}

const ask = (connection: Connection) =>
  connection.send(apiVersions, { clientSoftwareName: 'a', clientSoftwareVersion: '1' })

/** Whether the promise is settled once the link, and whatever else is ready, has had its say. */
async function isAnswered(promise: Promise<unknown>, withinMs = 60): Promise<boolean> {
  const late = new Promise((resolve) => testPlatform.clock.setTimer(withinMs, () => resolve('late')))
  return (await Promise.race([promise.catch(() => {}), late])) !== 'late'
}

const shown = () => JSON.stringify(link.status())

describe('a cluster', () => {
  test('tells clients from another datacenter the addresses of the link, and its own clients its own', async () => {
    const { bootstrap, via } = topology.clusters['east']!
    expect(Object.keys(via)).toEqual(['oregon'])
    expect(via['oregon']).not.toBe(bootstrap)
    expect(topology.bootstrapFrom('east', 'oregon')).toBe(via['oregon'])
    expect(topology.bootstrapFrom('east', 'virginia')).toBe(bootstrap)
    expect(topology.bootstrapFrom('nowhere', 'oregon')).toBe(topology.clusters['nowhere']!.bootstrap)
    for (const address of [bootstrap, via['oregon']!]) {
      const connection = await connect(address)
      const told = async (brokers: readonly { host: string; port: number }[]) =>
        expect(brokers.map(({ host, port }) => `${host}:${port}`)).toEqual([address])
      await told((await connection.send(metadata, { topics: [] })).brokers)
      await told((await connection.send(describeCluster, { includeClusterAuthorizedOperations: false })).brokers)
      await told((await connection.send(findCoordinator, { keyType: 0, coordinatorKeys: ['g'] })).coordinators)
    }
  })

  test('names a datacenter that is not there', () => {
    expect(() => topology.link('oregon', 'virgina')).toThrow('no datacenter virgina; did you mean virginia?')
    expect(() => topology.bootstrapFrom('east', 'ohio')).toThrow('no datacenter ohio')
    expect(() => topology.bootstrapFrom('eats', 'oregon')).toThrow('no cluster eats')
  })

  test('is written and read over a link as without', async () => {
    const client = clientOf(topology.bootstrapFrom('east', 'oregon'))
    await makeTopic(client, 'over-a-link', 1)
    const records = Array.from({ length: 50 }, (_, i) => ({ timestamp: i, key: `${i}`, value: 'v'.repeat(20_000) }))
    await appendBatch(client, 'over-a-link', 0, buildBatch(records))
    const direct = clientOf(topology.clusters['east']!.bootstrap)
    await direct.refresh()
    const seen = seenOf(await readAll(direct, 'over-a-link', 0))
    expect(seen).toHaveLength(50)
    expect(seenOf(await readAll(client, 'over-a-link', 0))).toEqual(seen)
    client.close()
    direct.close()
  })
})

test('kafkajs writes and reads in a group over a slow link, and speaks to nobody beside it', async () => {
  link.slow({ latencyMs: 10 })
  const kafka = new Kafka({
    brokers: [topology.bootstrapFrom('east', 'oregon')],
    clientId: 'kafkajs',
    logLevel: logLevel.NOTHING,
    retry: { initialRetryTime: 20 },
  })
  const producer = kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner })
  const consumer = kafka.consumer({ groupId: 'over-a-link', maxWaitTimeInMs: 100 })
  await Promise.all([producer.connect(), consumer.connect()])
  onTestFinished(async () => void (await Promise.all([producer.disconnect(), consumer.disconnect()])))
  const values = ['one', 'two', 'three']
  await producer.send({ topic: 'of-kafkajs', messages: values.map((value) => ({ value })) })
  await consumer.subscribe({ topic: 'of-kafkajs', fromBeginning: true })
  const heard: string[] = []
  await consumer.run({ eachMessage: async ({ message }) => void heard.push(String(message.value)) })
  await until(() => heard.length === 3, shown)
  expect(heard).toEqual(values)
  // Its connections are all on the link: they hang with it.
  link.cut()
  const late = producer.send({ topic: 'of-kafkajs', messages: [{ value: 'four' }] })
  expect(await isAnswered(late)).toBe(false)
  link.heal()
  await late
  await until(() => heard.length === 4, shown)
})

test('a secured listener is reached over a link with the same TLS and the same login, and told by its own name', async () => {
  const config = { ...fourListeners, 'advertised.listeners': 'PLAINTEXT://kafka.example:0,SASL_SSL://localhost:0' }
  const secured = await startTopology(testPlatform, {
    clusters: { vault: { datacenter: 'virginia', config }, other: { datacenter: 'oregon' } },
  })
  onTestFinished(() => secured.stop())
  const { PLAINTEXT, SASL_SSL } = secured.clusters['vault']!.listeners
  // Another machine's name leads to no link of this one.
  expect(PLAINTEXT!.via['oregon']).toMatch(/^127\.0\.0\.1:/)
  const { via } = SASL_SSL!
  const [host, port] = via['oregon']!.split(':')
  expect(host).toBe('localhost')
  const login = {
    tls: { ca: certificates.ca, serverName: 'localhost' },
    sasl: { mechanism: 'plain', username: 'alice', password: 'secret' } as const,
  }
  const connection = await Connection.open(testPlatform, { host: host!, port: Number(port), clientId: 'c', ...login })
  onTestFinished(() => connection.close())
  const { brokers } = await connection.send(metadata, { topics: [] })
  expect(brokers.map((broker) => `${broker.host}:${broker.port}`)).toEqual([via['oregon']])
  // What passes cannot be read, so a fault of messages meets nothing.
  const fault = secured.link('oregon', 'virginia').faults.add({ close: true, times: 'all' })
  expect((await ask(connection)).errorCode).toBe(0)
  expect(fault.hits).toBe(0)
  secured.link('oregon', 'virginia').reset()
  await connection.closed
})

describe('a link', () => {
  test('that is cut carries nothing, and goes on where it was when it is healed', async () => {
    const connection = await connect()
    link.cut()
    const [answer, late] = [ask(connection), connect()]
    expect(await isAnswered(Promise.race([answer, late]))).toBe(false)
    expect(link.status().ways.map(({ state }) => state)).toEqual(['cut', 'cut'])
    link.heal()
    expect((await answer).errorCode).toBe(0)
    expect((await ask(await late)).errorCode).toBe(0)
  })

  test('that is cut one way carries requests to their end, and no answer; and no new connection', async () => {
    const client = clientOf(topology.bootstrapFrom('east', 'oregon'))
    await makeTopic(client, 'one-way', 1)
    const direct = clientOf(topology.clusters['east']!.bootstrap)
    topology.link('virginia', 'oregon').cut('one-way')
    expect(link.status().ways).toMatchObject([
      { from: 'oregon', to: 'virginia', state: 'open' },
      { from: 'virginia', to: 'oregon', state: 'cut' },
    ])
    const sent = appendBatch(client, 'one-way', 0, buildBatch([{ timestamp: 1, key: 'k', value: 'v' }]))
    await until(async () => (await endOffset(direct, 'one-way', 0)) === 1, shown)
    const late = connect()
    expect(await isAnswered(Promise.race([sent, late]))).toBe(false)
    link.heal()
    expect(await sent).toBe(0)
    await late
    client.close()
    direct.close()
  })

  test('that is cut one way lets no connection be made, since that takes messages both ways', async () => {
    await until(() => link.status().connections === 0, shown)
    topology.link('virginia', 'oregon').cut('one-way')
    const before = link.status().ways[0]!.bytes
    const late = connect()
    expect(await isAnswered(late)).toBe(false)
    expect(link.status()).toMatchObject({ connections: 1, ways: [{ bytes: before }, {}] })
    link.heal()
    await late
  })

  test('that stalls holds up the connections that are open, not new ones', async () => {
    const connection = await connect()
    link.stall()
    const answer = ask(connection)
    expect((await ask(await connect())).errorCode).toBe(0)
    expect(await isAnswered(answer)).toBe(false)
    expect(link.status().ways[0]).toMatchObject({ state: 'stalled' })
    link.heal()
    expect((await answer).errorCode).toBe(0)
  })

  test('that is reset breaks the connections that are open, for both ends, not new ones', async () => {
    await until(async () => link.status().connections === 0, shown)
    const connections = [await connect(), await connect()]
    const heard = connections.map((connection) => new Promise((resolve) => connection.onClose(resolve)))
    expect(link.reset()).toBe(2)
    for (const reason of await Promise.all(heard)) expect(String(reason)).toContain('ECONNRESET')
    await until(async () => link.status().connections === 0, shown)
    expect((await ask(await connect())).errorCode).toBe(0)
  })

  test('that is slowed down takes its time, each way, until it is healed', async () => {
    const connection = await connect()
    link.slow({ latencyMs: 40 }, 'one-way')
    const { clock } = testPlatform
    const took = async () => {
      const from = clock.monotonic()
      await ask(connection)
      return clock.monotonic() - from
    }
    expect(await took()).toBeGreaterThanOrEqual(40)
    link.slow({ latencyMs: 60, jitterMs: 5 })
    expect(await took()).toBeGreaterThanOrEqual(110)
    expect(link.status().ways).toMatchObject([
      { state: 'slowed', latencyMs: 60, jitterMs: 5, bitsPerSecond: null },
      { state: 'slowed', latencyMs: 60 },
    ])
    link.heal()
    expect(link.status().ways[0]).toMatchObject({ state: 'open', latencyMs: 0 })
    expect(() => link.slow({ latencyMs: -1 })).toThrow("a link's latencyMs must be")
    expect(() => link.slow({ bitsPerSecond: 0 })).toThrow('a cut lets nothing pass')
  })

  test('passes on that an end has closed, after all that it sent', async () => {
    await until(async () => link.status().connections === 0, shown)
    const client = clientOf(topology.bootstrapFrom('east', 'oregon'))
    await makeTopic(client, 'last-words', 1)
    link.slow({ latencyMs: 30 })
    const sent = appendBatch(client, 'last-words', 0, buildBatch([{ timestamp: 1, key: 'k', value: 'v' }])).catch(
      () => {},
    )
    await until(async () => link.status().ways[0]!.bytesHeld > 0, shown)
    client.close()
    await sent
    const direct = clientOf(topology.clusters['east']!.bootstrap)
    await until(async () => (await endOffset(direct, 'last-words', 0)) === 1, shown)
    await until(async () => link.status().connections === 0, shown)
    direct.close()
  })

  test('holds no more than its window, and makes the sender wait', async () => {
    const client = clientOf(topology.bootstrapFrom('east', 'oregon'))
    await makeTopic(client, 'waiting', 1)
    link.cut('one-way')
    const value = Buffer.alloc(900_000, 'v')
    const batch = buildBatch([{ timestamp: 1, key: null, value }])
    const sent = Promise.all(Array.from({ length: 8 }, () => appendBatch(client, 'waiting', 0, batch)))
    await until(() => link.status().ways[0]!.bytesHeld >= 1024 * 1024, shown)
    expect(await isAnswered(sent)).toBe(false)
    expect(link.status().ways[0]!.bytesHeld).toBeLessThan(1024 * 1024 + 128 * 1024)
    link.heal()
    expect(await sent).toEqual([0, 1, 2, 3, 4, 5, 6, 7])
    const records = await readAll(client, 'waiting', 0)
    expect(records.map((record) => record.value!.equals(value))).toEqual(Array(8).fill(true))
    client.close()
  })
})

describe('a fault of a link', () => {
  test('drops the answer to the third request of a kind: it was carried out, and the connection is silent from then on', async () => {
    const client = clientOf(topology.bootstrapFrom('east', 'oregon'))
    await makeTopic(client, 'unanswered', 1)
    const fault = link.faults.add({ api: 'Produce', direction: 'answer', nth: 3, drop: true })
    const batch = (value: string) => buildBatch([{ timestamp: 1, key: 'k', value }])
    for (const value of ['a', 'b']) await appendBatch(client, 'unanswered', 0, batch(value))
    const third = appendBatch(client, 'unanswered', 0, batch('c'))
    const direct = clientOf(topology.clusters['east']!.bootstrap)
    await until(async () => (await endOffset(direct, 'unanswered', 0)) === 3, shown)
    const fourth = appendBatch(client, 'unanswered', 0, batch('d'))
    await until(async () => (await endOffset(direct, 'unanswered', 0)) === 4, shown)
    expect(await isAnswered(Promise.race([third, fourth]))).toBe(false)
    expect([fault.hits, fault.isSpent]).toEqual([1, true])
    client.close()
    direct.close()
    await Promise.allSettled([third, fourth])
  })

  test('drops the answer to the third EndTxn: the transaction is committed, and its producer does not know', async () => {
    const direct = clientOf(topology.clusters['east']!.bootstrap)
    await makeTopic(direct, 'paid', 1)
    const producer = await TransactionalProducer.begin(await connect(), 'till')
    const fault = link.faults.add({ api: 'EndTxn', direction: 'answer', nth: 3, drop: true })
    for (const value of ['a', 'b']) {
      await producer.produce('paid', [value])
      expect((await producer.end(true)).errorCode).toBe(0)
    }
    await producer.produce('paid', ['c'])
    const unknown = producer.end(true)
    await until(async () => (await readAll(direct, 'paid', 0)).length === 3, shown)
    expect(await isAnswered(unknown)).toBe(false)
    expect(fault.hits).toBe(1)
    producer.connection.close()
    await expect(unknown).rejects.toThrow()
    // Who takes the id up again goes on behind what was committed.
    const heir = await TransactionalProducer.begin(await connect(), 'till')
    await heir.produce('paid', ['d'])
    expect((await heir.end(true)).errorCode).toBe(0)
    const values = (await readAll(direct, 'paid', 0)).map(({ value }) => String(value))
    expect(values).toEqual(['a', 'b', 'c', 'd'])
    direct.close()
  })

  test('closes the connection at the first Produce of a client, which is not carried out', async () => {
    const client = clientOf(topology.bootstrapFrom('east', 'oregon'), testPlatform, 'shop')
    const other = clientOf(topology.bootstrapFrom('east', 'oregon'), testPlatform, 'other')
    await makeTopic(client, 'refused', 1)
    await other.refresh()
    link.faults.add({ api: 'Produce', clientId: 'sho.', cluster: 'east', close: true })
    const batch = buildBatch([{ timestamp: 1, key: 'k', value: 'v' }])
    expect(await appendBatch(other, 'refused', 0, batch)).toBe(0)
    await expect(appendBatch(client, 'refused', 0, batch)).rejects.toThrow()
    expect(await endOffset(other, 'refused', 0)).toBe(1)
    expect(await appendBatch(client, 'refused', 0, batch)).toBe(1)
    client.close()
    other.close()
  })

  test('delays the next two answers of a kind, and all that is behind them on their connection', async () => {
    const connection = await connect()
    const fault = link.faults.add({ api: 'Metadata', direction: 'answer', times: 2, delayMs: 40 })
    const { clock } = testPlatform
    const from = clock.monotonic()
    const took = (answer: Promise<unknown>) => answer.then(() => clock.monotonic() - from)
    const all = [ask(connection), ...[1, 2, 3].map(() => connection.send(metadata, { topics: [] }))].map(took)
    const [first, second, third, fourth] = await Promise.all(all)
    expect(second).toBeGreaterThanOrEqual(40)
    expect(first).toBeLessThan(second!)
    expect(third).toBeGreaterThanOrEqual(second!)
    expect(fourth).toBeGreaterThanOrEqual(third!)
    expect(fault.hits).toBe(2)
    fault.remove()
    expect(link.faults.list()).toEqual([])
  })

  test('tells answers apart by the order of their requests, where a client numbers them all alike', async () => {
    link.faults.add({ api: 'Metadata', direction: 'answer', drop: true })
    const raw = await rawConnection({ bootstrap: topology.bootstrapFrom('east', 'oregon') })
    const asked = (apiKey: number, body: readonly number[]) =>
      raw.ask(Buffer.from([0, apiKey, 0, 0, 0, 0, 0, 7, 0, 0, ...body]))
    for (let count = 0; count < 3; count++) {
      expect((await asked(apiVersions.key, [])).readInt32BE(0)).toBe(7)
    }
    const dropped = asked(metadata.key, [0, 0, 0, 0])
    expect(await isAnswered(dropped)).toBe(false)
  })

  test('that cannot be is refused with all that is wrong with it', () => {
    expect(() => link.faults.add({ api: 'Prodcue', nth: 0, drop: true, close: true })).toThrow(
      'api: no API Prodcue is served; did you mean Produce?; nth: must be a whole number from 1 on, not 0; close: excludes drop',
    )
    expect(() => link.faults.add({ cluster: 'nowhere' })).toThrow(
      'cluster: there is no cluster nowhere beyond this link; there are east, west; drop: one of drop, close, delayMs must say what happens',
    )
    expect(() => link.faults.add({ nht: 3, drop: true } as never)).toThrow(
      'nht: a fault of a link has no such field; did you mean nth?',
    )
  })
})
