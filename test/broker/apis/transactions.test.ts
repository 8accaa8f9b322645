// Transactions as clients see them, over our own connections: what is committed, what readers of committed data get, and who is refused.
import { expect, it } from 'vitest'
import type { Connection } from '../../../src/client/connection.ts'
import { ErrorCode } from '../../../src/protocol/errors.ts'
import { addPartitionsToTxn } from '../../../src/protocol/messages/add-partitions-to-txn.ts'
import { apiVersions } from '../../../src/protocol/messages/api-versions.ts'
import { deleteTopics } from '../../../src/protocol/messages/delete-topics.ts'
import { describeProducers } from '../../../src/protocol/messages/describe-producers.ts'
import { describeTransactions } from '../../../src/protocol/messages/describe-transactions.ts'
import { fetch } from '../../../src/protocol/messages/fetch.ts'
import { findCoordinator } from '../../../src/protocol/messages/find-coordinator.ts'
import { initProducerId } from '../../../src/protocol/messages/init-producer-id.ts'
import { listOffsets } from '../../../src/protocol/messages/list-offsets.ts'
import { listTransactions } from '../../../src/protocol/messages/list-transactions.ts'
import { metadata } from '../../../src/protocol/messages/metadata.ts'
import { writeTxnMarkers } from '../../../src/protocol/messages/write-txn-markers.ts'
import { splitBatches } from '../../../src/records/record-batch.ts'
import { AbortedFilter } from '../../../src/source/aborted-filter.ts'
import { eventually } from '../../compatibility/gathering.ts'
import { embeddedCluster } from '../embedded-cluster.ts'
import { batchOf, fetchOf, makeTopic, produceOf } from '../requests.ts'
import { TransactionalProducer } from '../transactional-producer.ts'

async function connected(topics: readonly string[] = ['t']): Promise<Connection> {
  const connection = await (await embeddedCluster()).connect()
  for (const topic of topics) await makeTopic(connection, topic)
  return connection
}

/** What a reader of committed data gets of partition 0, with its bounds. A marker of today may stand in a segment of its own. */
async function committed(connection: Connection, topic = 't') {
  const values: string[] = []
  for (let offset = 0; ; ) {
    const answer = await connection.send(fetch, fetchOf(topic, { isolationLevel: 1, offset }), { version: 12 })
    const { records, abortedTransactions, lastStableOffset, highWatermark } = answer.responses[0]!.partitions[0]!
    const { batches } = splitBatches(Buffer.concat(records ?? []))
    const filter = new AbortedFilter(abortedTransactions)
    for (const batch of batches) {
      if (filter.verdict(batch) === 'keep') values.push(...batch.records().map(({ value }) => value!.toString()))
    }
    if (batches.length === 0) return { values, lastStableOffset, highWatermark }
    offset = batches.at(-1)!.nextOffset
  }
}

/** Once the markers are there. */
function settled(connection: Connection, topic = 't') {
  return eventually(async () => {
    const found = await committed(connection, topic)
    expect(found.lastStableOffset).toBe(found.highWatermark)
    return found
  })
}

async function stateOf(connection: Connection, transactionalId: string) {
  const answer = await connection.send(describeTransactions, { transactionalIds: [transactionalId] })
  return answer.transactionStates[0]!
}

it('shows what was committed once it was, and never what was aborted', async () => {
  const connection = await connected()
  const producer = await TransactionalProducer.begin(connection, 'tx')
  expect(await producer.produce('t', ['a', 'b'])).toMatchObject({ errorCode: 0, baseOffset: 0 })
  expect(await committed(connection)).toEqual({ values: [], lastStableOffset: 0, highWatermark: 2 })
  expect(await producer.end(true)).toMatchObject({ errorCode: 0, producerEpoch: 1 })
  expect(await settled(connection)).toMatchObject({ values: ['a', 'b'], highWatermark: 3 })
  expect(await producer.produce('t', ['c'])).toMatchObject({ errorCode: 0, baseOffset: 3 })
  expect(await producer.end(false)).toMatchObject({ errorCode: 0, producerEpoch: 2 })
  expect(await settled(connection)).toMatchObject({ values: ['a', 'b'], highWatermark: 5 })
})

it('ends a transaction in each of its partitions, also for clients that add them by themselves', async () => {
  const connection = await connected(['t', 'u'])
  const producer = await TransactionalProducer.begin(connection, 'tx')
  expect(await producer.add('t')).toEqual([0])
  expect(await producer.add('u')).toEqual([0])
  expect((await producer.produce('t', ['a'], { version: 10 })).errorCode).toBe(0)
  expect((await producer.produce('u', ['b'], { version: 10 })).errorCode).toBe(0)
  expect(await producer.end(true, 3)).toMatchObject({ errorCode: 0 })
  expect((await settled(connection, 't')).values).toEqual(['a'])
  expect((await settled(connection, 'u')).values).toEqual(['b'])
  // The epoch stays, and so does the sequence.
  await eventually(async () => expect(await producer.add('t')).toEqual([0]))
  expect((await producer.produce('t', ['c'], { version: 10 })).errorCode).toBe(0)
  expect(await producer.end(true, 3)).toMatchObject({ errorCode: 0, producerId: -1, producerEpoch: -1 })
  expect((await settled(connection)).values).toEqual(['a', 'c'])
})

it('takes records of a transaction only where the coordinator knows of it', async () => {
  const connection = await connected()
  const producer = await TransactionalProducer.begin(connection, 'tx')
  expect(await producer.produce('t', ['a'], { version: 10 })).toMatchObject({ errorCode: ErrorCode.INVALID_TXN_STATE })
  expect(await producer.produce('t', ['a'], { version: 11 })).toMatchObject({
    errorCode: ErrorCode.TRANSACTION_ABORTABLE,
  })
  const stranger = new TransactionalProducer(connection, 'nobody')
  stranger.producerId = producer.producerId
  stranger.producerEpoch = producer.producerEpoch
  const unknown = ErrorCode.INVALID_PRODUCER_ID_MAPPING
  expect(await stranger.produce('t', ['a'])).toMatchObject({ errorCode: unknown })
  const { producerId, producerEpoch } = producer
  const records = batchOf(['a'], { producerId, producerEpoch, baseSequence: 0, transactional: true })
  expect(await produceOf(connection, 't', records)).toMatchObject({
    errorCode: ErrorCode.TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
  })
  expect((await committed(connection)).highWatermark).toBe(0)
})

it('fences the older producer of a transactional id, and aborts what it left open', async () => {
  const connection = await connected()
  const first = await TransactionalProducer.begin(connection, 'tx')
  await first.produce('t', ['lost'])
  const second = new TransactionalProducer(connection, 'tx')
  expect(await second.init()).toMatchObject({ errorCode: ErrorCode.CONCURRENT_TRANSACTIONS, producerId: -1 })
  await eventually(async () => expect((await second.init()).errorCode).toBe(0))
  expect(second.producerId).toBe(first.producerId)
  expect(second.producerEpoch).toBe(2)
  expect(await first.produce('t', ['late'])).toMatchObject({ errorCode: ErrorCode.INVALID_PRODUCER_EPOCH })
  expect(await first.end(true)).toMatchObject({ errorCode: ErrorCode.PRODUCER_FENCED, producerId: -1 })
  expect(await first.end(true, 1)).toMatchObject({ errorCode: ErrorCode.INVALID_PRODUCER_EPOCH })
  expect(await first.add('t')).toEqual([ErrorCode.PRODUCER_FENCED])
  expect(await first.add('t', [0], 1)).toEqual([ErrorCode.INVALID_PRODUCER_EPOCH])
  expect((await first.init({ recover: true })).errorCode).toBe(ErrorCode.PRODUCER_FENCED)
  expect((await first.init({ recover: true, version: 3 })).errorCode).toBe(ErrorCode.INVALID_PRODUCER_EPOCH)
  await second.produce('t', ['kept'])
  await second.end(true)
  expect((await settled(connection)).values).toEqual(['kept'])
})

it('wakes readers of committed data by the marker, and not by what is still open', async () => {
  const cluster = await embeddedCluster()
  const connection = await cluster.connect()
  await makeTopic(connection, 't')
  const producer = await TransactionalProducer.begin(connection, 'tx')
  const reader = await cluster.connect('reader')
  const patient = fetchOf('t', { isolationLevel: 1, maxWaitMs: 20_000 })
  let answered = false
  const waiting = reader.send(fetch, patient, { version: 12 }).then((answer) => {
    answered = true
    return answer.responses[0]!.partitions[0]!
  })
  await producer.produce('t', ['a'])
  await producer.produce('t', ['b'])
  expect(answered).toBe(false)
  await producer.end(true)
  const { records, lastStableOffset } = await waiting
  expect(lastStableOffset).toBe(3)
  expect(splitBatches(Buffer.concat(records!)).batches).toHaveLength(2)
})

it('lets readers of committed data find the end of what is stable', async () => {
  const connection = await connected()
  const producer = await TransactionalProducer.begin(connection, 'tx')
  await producer.produce('t', ['a'])
  const latest = async (isolationLevel: number) => {
    const topics = [{ name: 't', partitions: [{ partitionIndex: 0, timestamp: -1 }] }]
    const answer = await connection.send(listOffsets, { replicaId: -1, isolationLevel, topics })
    return answer.topics[0]!.partitions[0]!.offset
  }
  expect([await latest(0), await latest(1)]).toEqual([1, 0])
  await producer.end(true)
  await eventually(async () => expect([await latest(0), await latest(1)]).toEqual([2, 2]))
})

it('answers the same end twice with the same, and another with INVALID_TXN_STATE', async () => {
  const connection = await connected()
  const producer = await TransactionalProducer.begin(connection, 'tx')
  await producer.produce('t', ['a'])
  const retried = { producerId: producer.producerId, producerEpoch: producer.producerEpoch }
  expect(await producer.end(true)).toMatchObject({ errorCode: 0, ...retried, producerEpoch: 1 })
  await settled(connection)
  await eventually(async () => expect((await stateOf(connection, 'tx')).transactionState).toBe('CompleteCommit'))
  Object.assign(producer, retried)
  expect(await producer.end(true)).toMatchObject({ errorCode: 0, ...retried, producerEpoch: 1 })
  Object.assign(producer, retried)
  expect(await producer.end(false)).toMatchObject({ errorCode: ErrorCode.INVALID_TXN_STATE, producerEpoch: -1 })
  Object.assign(producer, retried, { producerEpoch: 1 })
  expect(await producer.end(true)).toMatchObject({ errorCode: ErrorCode.INVALID_TXN_STATE })
  // A producer that does not know whether its first batch arrived may abort all the same.
  expect(await producer.end(false)).toMatchObject({ errorCode: 0, producerEpoch: 2 })
})

it('checks what it is asked to take up', async () => {
  const connection = await connected()
  const producer = await TransactionalProducer.begin(connection, 'tx')
  const timeout = ErrorCode.INVALID_TRANSACTION_TIMEOUT
  expect((await producer.init({ transactionTimeoutMs: 900_001 })).errorCode).toBe(timeout)
  expect((await producer.init({ transactionTimeoutMs: 0 })).errorCode).toBe(timeout)
  expect((await producer.init({ transactionTimeoutMs: 900_000 })).errorCode).toBe(0)
  const halfAPair = { transactionalId: 'tx', transactionTimeoutMs: 1000, producerId: 3 }
  expect(await connection.send(initProducerId, halfAPair, { version: 5 })).toMatchObject({
    errorCode: ErrorCode.INVALID_REQUEST,
  })
})

it('adds all partitions or none', async () => {
  const connection = await connected()
  const producer = await TransactionalProducer.begin(connection, 'tx')
  expect(await producer.add('t', [0, 7])).toEqual([
    ErrorCode.OPERATION_NOT_ATTEMPTED,
    ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
  ])
  expect((await stateOf(connection, 'tx')).transactionState).toBe('Empty')
})

it('verifies and adds for other brokers, several transactions at once', async () => {
  const connection = await connected()
  const one = await TransactionalProducer.begin(connection, 'one')
  const other = await TransactionalProducer.begin(connection, 'other')
  await one.add('t')
  const row = ({ transactionalId, producerId, producerEpoch }: TransactionalProducer, verifyOnly: boolean) => ({
    transactionalId,
    producerId,
    producerEpoch,
    verifyOnly,
    topics: [{ name: 't', partitions: [0] }],
  })
  const ask = async (verifyOnly: boolean) => {
    const transactions = [row(one, verifyOnly), row(other, verifyOnly)]
    const answer = await connection.send(addPartitionsToTxn, { transactions }, { version: 5 })
    return answer.resultsByTransaction.map(
      ({ topicResults }) => topicResults[0]!.resultsByPartition[0]!.partitionErrorCode,
    )
  }
  expect(await ask(true)).toEqual([0, ErrorCode.TRANSACTION_ABORTABLE])
  expect(await ask(false)).toEqual([0, 0])
  expect(await ask(true)).toEqual([0, 0])
})

it('describes and lists transactions', async () => {
  const connection = await connected()
  const producer = await TransactionalProducer.begin(connection, 'orders-1')
  await TransactionalProducer.begin(connection, 'idle')
  await producer.produce('t', ['a'])
  const { producerId } = producer
  expect(await stateOf(connection, 'orders-1')).toMatchObject({
    errorCode: 0,
    transactionState: 'Ongoing',
    transactionTimeoutMs: 60_000,
    producerId,
    producerEpoch: 0,
    topics: [{ topic: 't', partitions: [0] }],
  })
  expect(await stateOf(connection, 'none')).toMatchObject({ errorCode: ErrorCode.TRANSACTIONAL_ID_NOT_FOUND })
  expect(await stateOf(connection, '')).toMatchObject({ errorCode: ErrorCode.INVALID_REQUEST })
  const list = async (filters: object) => {
    const asked = { stateFilters: [], producerIdFilters: [], ...filters }
    const answer = await connection.send(listTransactions, asked)
    return answer.transactionStates.map(({ transactionalId }) => transactionalId).sort()
  }
  expect(await list({})).toEqual(['idle', 'orders-1'])
  expect(await list({ stateFilters: ['Ongoing'] })).toEqual(['orders-1'])
  expect(await list({ producerIdFilters: [producerId] })).toEqual(['orders-1'])
  // An id that never began a transaction counts as running since 1970, as in Kafka.
  expect(await list({ durationFilter: 3_600_000 })).toEqual(['idle'])
  expect(await list({ transactionalIdPattern: 'orders-.*' })).toEqual(['orders-1'])
  expect(await list({ transactionalIdPattern: 'orders' })).toEqual([])
  const unknown = await connection.send(listTransactions, { stateFilters: ['Gone', 'Empty'], producerIdFilters: [] })
  expect(unknown).toMatchObject({ unknownStateFilters: ['Gone'], transactionStates: [{ transactionalId: 'idle' }] })
  const broken = { stateFilters: [], producerIdFilters: [], transactionalIdPattern: '(' }
  expect(await connection.send(listTransactions, broken)).toMatchObject({
    errorCode: ErrorCode.INVALID_REGULAR_EXPRESSION,
  })
})

it('tells who has a transaction open in a partition, and lets an administrator abort it', async () => {
  const connection = await connected()
  const producer = await TransactionalProducer.begin(connection, 'tx')
  await produceOf(connection, 't', batchOf(['plain']))
  await producer.produce('t', ['a'])
  const open = async () => {
    const { topics } = await connection.send(describeProducers, { topics: [{ name: 't', partitionIndexes: [0] }] })
    return topics[0]!.partitions[0]!.activeProducers
  }
  const { producerId, producerEpoch } = producer
  expect(await open()).toMatchObject([{ producerId, producerEpoch, currentTxnStartOffset: 1, coordinatorEpoch: -1 }])
  const topics = [{ name: 't', partitionIndexes: [0, 9] }]
  const marker = { producerId, producerEpoch, transactionResult: false, topics, coordinatorEpoch: 0 }
  const answer = await connection.send(writeTxnMarkers, { markers: [marker] })
  expect(answer.markers).toMatchObject([
    {
      producerId,
      topics: [{ name: 't', partitions: [{ errorCode: 0 }, { errorCode: ErrorCode.UNKNOWN_TOPIC_OR_PARTITION }] }],
    },
  ])
  expect(await open()).toMatchObject([{ currentTxnStartOffset: -1, coordinatorEpoch: 0 }])
  expect(await committed(connection)).toMatchObject({ values: ['plain'], lastStableOffset: 3 })
  // By the rules of transaction version 2 a marker is of a newer epoch, or comes again.
  await producer.produce('t', ['b'])
  const strict = await connection.send(writeTxnMarkers, { markers: [{ ...marker, transactionVersion: 2 }] })
  expect(strict.markers[0]!.topics[0]!.partitions[0]!.errorCode).toBe(ErrorCode.INVALID_PRODUCER_EPOCH)
})

it('says that the transaction protocol of KIP-890 is on', async () => {
  const connection = await connected([])
  const software = { clientSoftwareName: 'test', clientSoftwareVersion: '1.0' }
  const told = await connection.send(apiVersions, software, { version: 4 })
  expect(told.supportedFeatures).toContainEqual({ name: 'transaction.version', minVersion: 0, maxVersion: 2 })
  expect(told.finalizedFeatures).toContainEqual({ name: 'transaction.version', maxVersionLevel: 2, minVersionLevel: 2 })
  expect(told.finalizedFeaturesEpoch).toBeGreaterThanOrEqual(0)
  const older = await connection.send(apiVersions, software, { version: 3 })
  expect(older.supportedFeatures.filter(({ minVersion }) => minVersion === 0)).toEqual([])
  expect(older.finalizedFeatures).toContainEqual({
    name: 'transaction.version',
    maxVersionLevel: 2,
    minVersionLevel: 2,
  })
})

it('ends a transaction whose topic is gone in the partitions that are left', async () => {
  const connection = await connected(['t', 'gone'])
  const producer = await TransactionalProducer.begin(connection, 'tx')
  await producer.produce('gone', ['a'])
  await producer.produce('t', ['b'])
  await connection.send(deleteTopics, { topicNames: ['gone'], timeoutMs: 1000 }, { version: 5 })
  expect((await producer.end(true)).errorCode).toBe(0)
  expect((await settled(connection)).values).toEqual(['b'])
  await eventually(async () => expect((await stateOf(connection, 'tx')).transactionState).toBe('CompleteCommit'))
})

it('makes the topics of its coordinators as it is told, or not at all', async () => {
  const config = { 'transaction.state.log.replication.factor': 1, 'transaction.state.log.num.partitions': 2 }
  const connection = await (
    await embeddedCluster({ config: { ...config, 'offsets.topic.replication.factor': 3 } })
  ).connect()
  await TransactionalProducer.begin(connection, 'tx')
  const { topics } = await connection.send(metadata, { topics: [{ name: '__transaction_state' }] })
  expect(topics[0]!.partitions).toHaveLength(2)
  const { coordinators } = await connection.send(findCoordinator, { coordinatorKeys: ['g'] })
  expect(coordinators[0]!.errorCode).toBe(ErrorCode.COORDINATOR_NOT_AVAILABLE)
})

it('keeps its transactions in an internal topic', async () => {
  const connection = await connected()
  await TransactionalProducer.begin(connection, 'tx')
  const { topics } = await connection.send(metadata, { topics: [{ name: '__transaction_state' }] })
  expect(topics[0]).toMatchObject({ isInternal: true, errorCode: 0 })
  expect(topics[0]!.partitions).toHaveLength(4)
})
