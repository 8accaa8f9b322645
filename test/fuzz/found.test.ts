// What fuzzing found, each once more by itself, so that it stays found.
import { expect, it } from 'vitest'
import { serveFindCoordinator } from '../../src/broker/apis/find-coordinator.ts'
import type { Broker } from '../../src/broker/broker.ts'
import { type Call, CLOSE, Dispatcher, serve } from '../../src/broker/dispatcher.ts'
import type { Logger } from '../../src/platform/platform.ts'
import { encodeRequest } from '../../src/protocol/codec.ts'
import { ErrorCode } from '../../src/protocol/errors.ts'
import { consumerGroupHeartbeat } from '../../src/protocol/messages/consumer-group-heartbeat.ts'
import { createTopics } from '../../src/protocol/messages/create-topics.ts'
import { findCoordinator } from '../../src/protocol/messages/find-coordinator.ts'
import { joinGroup } from '../../src/protocol/messages/join-group.ts'
import { metadata } from '../../src/protocol/messages/metadata.ts'
import { offsetCommit } from '../../src/protocol/messages/offset-commit.ts'
import { crc32c } from '../../src/records/crc32c.ts'
import { HEADER } from '../../src/records/record-batch.ts'
import { embeddedCluster } from '../broker/embedded-cluster.ts'
import { rawConnection, sized } from '../broker/raw-connection.ts'
import { batchOf, makeTopic, produceOf } from '../broker/requests.ts'
import { rightsBroker } from '../broker/security/rights-broker.ts'

const warningsOf = (cluster: { logged: readonly Record<string, unknown>[] }) =>
  cluster.logged.filter(({ level }) => level === 'warn' || level === 'error')

const createFrame = (correlationId: number, name: string) =>
  encodeRequest(metadata, 4, { correlationId, clientId: null }, { topics: [{ name }], allowAutoTopicCreation: true })

it('what follows a refused request on its connection is neither carried out nor logged', async () => {
  const cluster = await embeddedCluster()
  const bad = sized(Buffer.from('0012', 'hex'))
  for (const second of [bad, Buffer.from('ffffffff', 'hex')]) {
    const raw = await rawConnection(cluster)
    const before = warningsOf(cluster).length
    raw.socket.write(Buffer.concat([bad, ...createFrame(1, 'never'), second]))
    await raw.closed
    expect(warningsOf(cluster)).toHaveLength(before + 1)
  }
  const { topics } = await (await cluster.connect()).send(metadata, { topics: null })
  expect(topics).toEqual([])
})

it('what precedes a frame that is none is answered', async () => {
  const cluster = await embeddedCluster()
  const raw = await rawConnection(cluster)
  raw.socket.write(Buffer.concat([...createFrame(1, 'made'), Buffer.from('ffffffff', 'hex')]))
  expect((await raw.next()).readInt32BE(0)).toBe(1)
  await raw.closed
})

it('Metadata v10 and v11 have the field for ids, and refuse to be asked by it', async () => {
  const connection = await (await embeddedCluster()).connect()
  for (const version of [10, 11]) {
    const asked = [{ name: null, topicId: 'AAAAAAAAAAAAAAAAAAAAAQ' }]
    const { topics } = await connection.send(metadata, { topics: asked }, { version })
    expect(topics).toMatchObject([{ name: '', topicId: asked[0]!.topicId, errorCode: ErrorCode.INVALID_REQUEST }])
  }
})

it('an answer that cannot be encoded ends its connection, not the process', async () => {
  const { broker } = await rightsBroker()
  const logged: string[] = []
  const take = (event: string) => void logged.push(event)
  const log: Logger = { debug() {}, info() {}, warn: take, error: take, child: () => log }
  const nameless = { errorCode: 0, name: null, partitions: [] }
  const broken = serve(metadata, [9, 9], async () => ({ brokers: [], topics: [nameless] }))
  const frame = Buffer.concat(encodeRequest(metadata, 9, { correlationId: 1, clientId: null }, { topics: [] }))
  const caller = { principal: { type: 'User', name: 'x' }, host: 'h' }
  const asked = new Dispatcher([broken]).dispatch(broker, log, { caller, listener: 'PLAINTEXT' }, frame.subarray(4))
  expect(asked).toBeInstanceOf(Promise)
  expect(await asked).toBe(CLOSE)
  expect(logged).toEqual(['broker.request-failed'])
})

const signed = (batch: Buffer) => {
  batch.writeUInt32BE(crc32c(batch.subarray(HEADER.attributes)), HEADER.crc)
  return batch
}
const BATCHES: Readonly<Record<string, readonly [errorCode: number, change: (batch: Buffer) => void]>> = {
  'a codec that nobody knows': [
    ErrorCode.UNSUPPORTED_COMPRESSION_TYPE,
    (batch) => batch.writeInt16BE(5, HEADER.attributes),
  ],
  'a magic that nobody knows': [ErrorCode.CORRUPT_MESSAGE, (batch) => batch.writeInt8(-1, HEADER.magic)],
  'a base offset beyond 2^53': [
    ErrorCode.INVALID_RECORD,
    (batch) => batch.writeBigInt64BE(44_754_521_296_994_304n, HEADER.baseOffset),
  ],
  'a producer id beyond 2^53': [
    ErrorCode.INVALID_RECORD,
    (batch) => batch.writeBigInt64BE(44_754_521_296_994_304n, HEADER.producerId),
  ],
}

for (const [what, [errorCode, change]] of Object.entries(BATCHES)) {
  it(`a batch with ${what} is refused by itself; the connection stays`, async () => {
    const cluster = await embeddedCluster()
    const connection = await cluster.connect()
    await makeTopic(connection, 't')
    for (const transactional of [false, true]) {
      const batch = batchOf(
        ['x'],
        transactional ? { transactional, producerId: 1, producerEpoch: 0, baseSequence: 0 } : {},
      )
      change(batch)
      // Without a transactional id a transactional batch may be refused for that before it is looked at.
      const codes = transactional ? [errorCode, ErrorCode.TRANSACTIONAL_ID_AUTHORIZATION_FAILED] : [errorCode]
      expect(codes).toContain((await produceOf(connection, 't', signed(batch))).errorCode)
    }
    expect((await produceOf(connection, 't', batchOf(['y']))).errorCode).toBe(ErrorCode.NONE)
    expect(warningsOf(cluster)).toEqual([])
  })
}

it('an offset may be kept for longer than time lasts', async () => {
  const cluster = await embeddedCluster()
  const connection = await cluster.connect()
  await makeTopic(connection, 't')
  await connection.send(findCoordinator, { key: 'g', keyType: 0 }, { version: 2 })
  const partitions = [{ partitionIndex: 0, committedOffset: 5, committedMetadata: null }]
  const request = {
    groupId: 'g',
    memberId: '',
    retentionTimeMs: Number.MAX_SAFE_INTEGER,
    topics: [{ name: 't', partitions }],
  }
  const { topics } = await connection.send(offsetCommit, request, { version: 3 })
  expect(topics[0]!.partitions[0]!.errorCode).toBe(ErrorCode.NONE)
})

it('partitions assigned by hand must be 0, 1, 2 …, also when their count fits', async () => {
  const connection = await (await embeddedCluster()).connect()
  const assignments = [1, -1].map((partitionIndex) => ({ partitionIndex, brokerIds: [1] }))
  const topic = { name: 't', numPartitions: -1, replicationFactor: -1, assignments, configs: [] }
  const { topics } = await connection.send(createTopics, { topics: [topic] })
  expect(topics[0]).toMatchObject({ errorCode: ErrorCode.INVALID_REPLICA_ASSIGNMENT })
})

it('a subscription that cannot be read is the trouble of the member that sent it', async () => {
  const cluster = await embeddedCluster()
  const connection = await cluster.connect()
  await makeTopic(connection, 't')
  await connection.send(findCoordinator, { key: 'g', keyType: 0 }, { version: 2 })
  const member = { memberId: 'AAAAAAAAAAAAAAAAAAAAAQ', memberEpoch: 0, rebalanceTimeoutMs: 1000 }
  const joined = { groupId: 'g', ...member, subscribedTopicNames: ['t'], topicPartitions: [] }
  expect(await connection.send(consumerGroupHeartbeat, joined)).toMatchObject({ errorCode: ErrorCode.NONE })
  const protocols = [{ name: 'range', metadata: Buffer.from('0003ffffffff', 'hex') }]
  const classic = {
    groupId: 'g',
    sessionTimeoutMs: 10_000,
    rebalanceTimeoutMs: 10_000,
    memberId: '',
    protocolType: 'consumer',
    protocols,
  }
  const { errorCode } = await connection.send(joinGroup, classic, { version: 3 })
  expect(errorCode).toBe(ErrorCode.UNKNOWN_SERVER_ERROR)
  expect(warningsOf(cluster)).toEqual([])
})

it('a coordinator whose topic is deleted while it is looked for is said not to be available', async () => {
  const image = { topics: { has: () => true, get: () => undefined } }
  const broker = { image, topicCreator: { createMissing: async () => {} } } as unknown as Broker
  const call = { version: 6, listener: 'PLAINTEXT', may: () => true } as unknown as Call
  const request = { keyType: 0, coordinatorKeys: ['g'] } as never
  const answer = await serveFindCoordinator.handle(broker, request, call)
  expect(answer).toMatchObject({ coordinators: [{ errorCode: ErrorCode.COORDINATOR_NOT_AVAILABLE }] })
})
