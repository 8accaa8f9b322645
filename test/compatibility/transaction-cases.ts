// What a transaction coordinator answers, step by step, in raw requests: run on our broker and on Apache Kafka alike. Each step is told
// in a line; the lines beside a case are Kafka's.
import type { Connection } from '../../src/client/connection.ts'
import { errorOf } from '../../src/protocol/errors.ts'
import { addPartitionsToTxn } from '../../src/protocol/messages/add-partitions-to-txn.ts'
import { describeProducers } from '../../src/protocol/messages/describe-producers.ts'
import { describeTransactions } from '../../src/protocol/messages/describe-transactions.ts'
import { findCoordinator } from '../../src/protocol/messages/find-coordinator.ts'
import { initProducerId } from '../../src/protocol/messages/init-producer-id.ts'
import { listTransactions } from '../../src/protocol/messages/list-transactions.ts'
import { offsetCommit } from '../../src/protocol/messages/offset-commit.ts'
import { offsetDelete } from '../../src/protocol/messages/offset-delete.ts'
import { offsetFetch } from '../../src/protocol/messages/offset-fetch.ts'
import { writeTxnMarkers } from '../../src/protocol/messages/write-txn-markers.ts'
import { TransactionalProducer } from '../broker/transactional-producer.ts'
import { eventually } from './gathering.ts'

export interface TransactionCase {
  readonly name: string
  readonly told: readonly string[]
  run(ground: CaseGround): Promise<void>
}

interface CaseGround {
  readonly connection: Connection
  /** Of this case alone, with two partitions. */
  readonly topic: string
  /** Begins the names of this case's transactional ids. */
  readonly prefix: string
  tell(line: string): void
}

const name = (errorCode: number) => errorOf(errorCode).name

const answered = (what: string, { errorCode, producerEpoch }: { errorCode: number; producerEpoch: number }) =>
  `${what}: ${name(errorCode)}${errorCode === 0 ? ` epoch ${producerEpoch}` : ''}`

async function stateOf({ connection }: CaseGround, transactionalId: string): Promise<string> {
  const { transactionStates } = await connection.send(describeTransactions, { transactionalIds: [transactionalId] })
  return transactionStates[0]!.transactionState
}

/** Resolves once the markers of the last end are everywhere. */
async function settled(ground: CaseGround, producer: TransactionalProducer): Promise<string> {
  return await eventually(async () => {
    const state = await stateOf(ground, producer.transactionalId)
    if (state.startsWith('Prepare')) throw new Error(state)
    return state
  })
}

/** The producer as it was before its last end: for retries. */
function rewound(producer: TransactionalProducer, epoch: number): TransactionalProducer {
  const again = new TransactionalProducer(producer.connection, producer.transactionalId)
  return Object.assign(again, { producerId: producer.producerId, producerEpoch: epoch })
}

export const transactionCases: readonly TransactionCase[] = [
  {
    name: 'epochs by InitProducerId, and by producers that recover their own (KIP-360)',
    told: [
      'new: NONE epoch 0',
      'again: NONE epoch 1',
      'recovers: NONE epoch 2',
      'recovers again: NONE epoch 2',
      'recovers an older one: PRODUCER_FENCED',
      'recovers a strange id: PRODUCER_FENCED',
      'again: NONE epoch 3',
      'recovers what was fenced: PRODUCER_FENCED',
      'the same, to old clients: INVALID_PRODUCER_EPOCH',
      'an id without an epoch: INVALID_REQUEST',
      'no name: INVALID_REQUEST',
      'too long: INVALID_TRANSACTION_TIMEOUT',
      'no time: INVALID_TRANSACTION_TIMEOUT',
    ],
    run: async ({ connection, prefix, tell }) => {
      const producer = await TransactionalProducer.begin(connection, prefix)
      tell(answered('new', { errorCode: 0, producerEpoch: producer.producerEpoch }))
      tell(answered('again', await producer.init()))
      tell(answered('recovers', await producer.init({ recover: true })))
      tell(answered('recovers again', await rewound(producer, 1).init({ recover: true })))
      tell(answered('recovers an older one', await rewound(producer, 0).init({ recover: true })))
      const stranger = Object.assign(rewound(producer, 0), { producerId: producer.producerId + 1_000_000 })
      tell(answered('recovers a strange id', await stranger.init({ recover: true })))
      tell(answered('again', await producer.init()))
      tell(answered('recovers what was fenced', await rewound(producer, 2).init({ recover: true })))
      tell(answered('the same, to old clients', await rewound(producer, 2).init({ recover: true, version: 3 })))
      const ask = (fields: object) =>
        connection.send(
          initProducerId,
          { transactionalId: prefix, transactionTimeoutMs: 1000, ...fields },
          { version: 5 },
        )
      tell(answered('an id without an epoch', await ask({ producerId: 1 })))
      tell(answered('no name', await ask({ transactionalId: '' })))
      tell(answered('too long', await ask({ transactionTimeoutMs: 900_001 })))
      tell(answered('no time', await ask({ transactionTimeoutMs: 0 })))
    },
  },
  {
    name: 'a new producer over an open transaction',
    told: [
      'produce: NONE',
      'new producer: CONCURRENT_TRANSACTIONS',
      'then CompleteAbort',
      'new producer: NONE epoch 2',
      'old one produces: INVALID_PRODUCER_EPOCH',
      'old one commits: PRODUCER_FENCED',
      'old one adds: PRODUCER_FENCED',
      'old one adds, version 1: INVALID_PRODUCER_EPOCH',
      'old one recovers: PRODUCER_FENCED',
    ],
    run: async (ground) => {
      const { connection, topic, prefix, tell } = ground
      const old = await TransactionalProducer.begin(connection, prefix)
      tell(`produce: ${name((await old.produce(topic, ['a'])).errorCode)}`)
      const fresh = new TransactionalProducer(connection, prefix)
      tell(answered('new producer', await fresh.init()))
      tell(`then ${await settled(ground, old)}`)
      tell(answered('new producer', await fresh.init()))
      tell(`old one produces: ${name((await old.produce(topic, ['b'])).errorCode)}`)
      tell(answered('old one commits', await old.end(true)))
      tell(`old one adds: ${name((await old.add(topic))[0]!)}`)
      tell(`old one adds, version 1: ${name((await old.add(topic, [0], 1))[0]!)}`)
      tell(answered('old one recovers', await old.init({ recover: true })))
    },
  },
  {
    name: 'ends with an epoch for each transaction (KIP-890)',
    told: [
      'Empty, commit: INVALID_TXN_STATE',
      'Empty, abort: NONE epoch 1',
      'CompleteAbort, abort again: NONE epoch 1',
      'CompleteAbort, commit again: INVALID_TXN_STATE',
      'CompleteAbort, commit: INVALID_TXN_STATE',
      'CompleteAbort, abort: NONE epoch 2',
      'produce: NONE',
      'Ongoing, commit of an epoch before: PRODUCER_FENCED',
      'Ongoing, commit: NONE epoch 3',
      'CompleteCommit, commit again: NONE epoch 3',
      'CompleteCommit, abort again: INVALID_TXN_STATE',
      'CompleteCommit, commit: INVALID_TXN_STATE',
      'CompleteCommit, abort: NONE epoch 4',
      'CompleteAbort, an epoch to come: PRODUCER_FENCED',
      'a strange id: INVALID_PRODUCER_ID_MAPPING',
    ],
    run: async (ground) => {
      const { connection, topic, prefix, tell } = ground
      const producer = await TransactionalProducer.begin(connection, prefix)
      const end = async (what: string, committed: boolean, epoch = producer.producerEpoch) => {
        const one = rewound(producer, epoch)
        tell(answered(what, await one.end(committed)))
        await settled(ground, producer)
        producer.producerEpoch = Math.max(one.producerEpoch, producer.producerEpoch)
      }
      await end('Empty, commit', true)
      await end('Empty, abort', false)
      await end('CompleteAbort, abort again', false, 0)
      await end('CompleteAbort, commit again', true, 0)
      await end('CompleteAbort, commit', true)
      await end('CompleteAbort, abort', false)
      tell(`produce: ${name((await producer.produce(topic, ['a'])).errorCode)}`)
      await end('Ongoing, commit of an epoch before', true, 1)
      await end('Ongoing, commit', true)
      await end('CompleteCommit, commit again', true, 2)
      await end('CompleteCommit, abort again', false, 2)
      await end('CompleteCommit, commit', true)
      await end('CompleteCommit, abort', false)
      tell(answered('CompleteAbort, an epoch to come', await rewound(producer, 9).end(false)))
      const stranger = Object.assign(rewound(producer, 0), { producerId: producer.producerId + 1_000_000 })
      tell(answered('a strange id', await stranger.end(true)))
    },
  },
  {
    name: 'ends by older clients',
    told: [
      'Empty, commit: INVALID_TXN_STATE',
      'Empty, abort: INVALID_TXN_STATE',
      'add: NONE',
      'add again: NONE',
      'commit: NONE epoch -1',
      'commit again: NONE epoch -1',
      'abort: INVALID_TXN_STATE',
      'add: NONE',
      'commit of an epoch to come: PRODUCER_FENCED',
      'the same by version 1: INVALID_PRODUCER_EPOCH',
      'abort: NONE epoch -1',
      'abort again: NONE epoch -1',
      'commit: INVALID_TXN_STATE',
    ],
    run: async (ground) => {
      const { connection, topic, prefix, tell } = ground
      const producer = await TransactionalProducer.begin(connection, prefix)
      const end = async (what: string, committed: boolean) => {
        tell(answered(what, await producer.end(committed, 4)))
        await settled(ground, producer)
      }
      const add = async (what: string) => tell(`${what}: ${name((await producer.add(topic))[0]!)}`)
      await end('Empty, commit', true)
      await end('Empty, abort', false)
      await add('add')
      await add('add again')
      await end('commit', true)
      await end('commit again', true)
      await end('abort', false)
      await add('add')
      tell(answered('commit of an epoch to come', await rewound(producer, 9).end(true, 4)))
      tell(answered('the same by version 1', await rewound(producer, 9).end(true, 1)))
      await end('abort', false)
      await end('abort again', false)
      await end('commit', true)
    },
  },
  {
    name: 'records where the transaction does not reach',
    told: [
      'version 9: INVALID_TXN_STATE',
      'version 11: TRANSACTION_ABORTABLE',
      'a strange id, version 11: INVALID_PRODUCER_ID_MAPPING',
      'an epoch to come, version 11: INVALID_PRODUCER_EPOCH',
      'a strange id, version 12: INVALID_PRODUCER_ID_MAPPING',
      'an epoch to come, version 12: INVALID_PRODUCER_EPOCH',
      'sequence 3 first, version 12: OUT_OF_ORDER_SEQUENCE_NUMBER',
      'version 12: NONE',
      'the other partition, version 11: TRANSACTION_ABORTABLE',
      'add the other partition: NONE',
      'the other partition, version 11: NONE',
      'add a partition that is not there: UNKNOWN_TOPIC_OR_PARTITION',
      'and one that is beside it: OPERATION_NOT_ATTEMPTED',
    ],
    run: async (ground) => {
      const { connection, topic, prefix, tell } = ground
      const producer = await TransactionalProducer.begin(connection, prefix)
      const produce = async (what: string, options: object, who = producer) =>
        tell(`${what}: ${name((await who.produce(topic, ['a'], options)).errorCode)}`)
      const stranger = Object.assign(rewound(producer, 0), { producerId: producer.producerId + 1_000_000 })
      await produce('version 9', { version: 9 })
      await produce('version 11', { version: 11 })
      await produce('a strange id, version 11', { version: 11 }, stranger)
      await produce('an epoch to come, version 11', { version: 11 }, rewound(producer, 5))
      await produce('a strange id, version 12', {}, stranger)
      await produce('an epoch to come, version 12', {}, rewound(producer, 5))
      await produce('sequence 3 first, version 12', { sequence: 3, partition: 1 })
      await produce('version 12', {})
      await producer.end(true)
      await settled(ground, producer)
      await produce('the other partition, version 11', { partition: 1, version: 11 })
      tell(`add the other partition: ${name((await producer.add(topic, [1]))[0]!)}`)
      await produce('the other partition, version 11', { partition: 1, version: 11 })
      const [missing, beside] = await producer.add(topic, [7, 0])
      tell(`add a partition that is not there: ${name(missing!)}`)
      tell(`and one that is beside it: ${name(beside!)}`)
    },
  },
  {
    name: 'what brokers ask of each other',
    told: [
      'verify before: TRANSACTION_ABORTABLE',
      'add: NONE',
      'verify: NONE',
      'verify a strange id: INVALID_PRODUCER_ID_MAPPING',
      'verify an epoch to come: PRODUCER_FENCED',
      'verify nobody: INVALID_PRODUCER_ID_MAPPING',
    ],
    run: async ({ connection, topic, prefix, tell }) => {
      const producer = await TransactionalProducer.begin(connection, prefix)
      const ask = async (what: string, verifyOnly: boolean, fields: object = {}) => {
        const { producerId, producerEpoch } = producer
        const topics = [{ name: topic, partitions: [0] }]
        const transaction = { transactionalId: prefix, producerId, producerEpoch, verifyOnly, topics, ...fields }
        const answer = await connection.send(addPartitionsToTxn, { transactions: [transaction] }, { version: 5 })
        const [partition] = answer.resultsByTransaction[0]!.topicResults[0]!.resultsByPartition
        tell(`${what}: ${name(partition!.partitionErrorCode)}`)
      }
      await ask('verify before', true)
      await ask('add', false)
      await ask('verify', true)
      await ask('verify a strange id', true, { producerId: producer.producerId + 1_000_000 })
      await ask('verify an epoch to come', true, { producerEpoch: 7 })
      await ask('verify nobody', true, { transactionalId: `${prefix}-nobody` })
    },
  },
  {
    name: 'markers that are ordered from outside',
    told: [
      'produce: NONE',
      'open at 0, coordinator epoch -1',
      'an epoch before: INVALID_PRODUCER_EPOCH',
      'the same epoch, version 2: INVALID_PRODUCER_EPOCH',
      'no such partition: UNKNOWN_TOPIC_OR_PARTITION',
      'abort: NONE',
      'open at -1, coordinator epoch 3',
      'an older coordinator: TRANSACTION_COORDINATOR_FENCED',
      'a newer epoch, version 2: NONE',
      'again, version 2: NONE',
      'a producer that is not known: NONE',
    ],
    run: async ({ connection, topic, prefix, tell }) => {
      const producer = await TransactionalProducer.begin(connection, prefix)
      await producer.init()
      tell(`produce: ${name((await producer.produce(topic, ['a'])).errorCode)}`)
      const { producerId } = producer
      const order = async (what: string, fields: object, partition = 0) => {
        const topics = [{ name: topic, partitionIndexes: [partition] }]
        const marker = {
          producerId,
          producerEpoch: 1,
          transactionResult: false,
          coordinatorEpoch: 3,
          topics,
          ...fields,
        }
        const { markers } = await connection.send(writeTxnMarkers, { markers: [marker] }, { version: 2 })
        tell(`${what}: ${name(markers[0]!.topics[0]!.partitions[0]!.errorCode)}`)
      }
      const look = async () => {
        const topics = [{ name: topic, partitionIndexes: [0] }]
        const found = (await connection.send(describeProducers, { topics })).topics[0]!.partitions[0]!.activeProducers
        const own = found.find((one) => one.producerId === producerId)!
        tell(`open at ${own.currentTxnStartOffset}, coordinator epoch ${own.coordinatorEpoch}`)
      }
      await look()
      await order('an epoch before', { producerEpoch: 0 })
      await order('the same epoch, version 2', { transactionVersion: 2 })
      await order('no such partition', {}, 9)
      await order('abort', {})
      await look()
      await order('an older coordinator', { coordinatorEpoch: 2 })
      await order('a newer epoch, version 2', { producerEpoch: 2, transactionVersion: 2 })
      await order('again, version 2', { producerEpoch: 2, transactionVersion: 2 })
      await order('a producer that is not known', { producerId: producerId + 1_000_000 })
    },
  },
  {
    name: 'offsets in transactions (KIP-447)',
    told: [
      'before the group is added, version 3: INVALID_TXN_STATE',
      'before the group is added, version 4: TRANSACTION_ABORTABLE',
      'add the group: NONE',
      'version 3: NONE',
      'of a generation: UNKNOWN_MEMBER_ID',
      'while it is open: -1 NONE',
      'while it is open, stable: -1 UNSTABLE_OFFSET_COMMIT',
      'committed: 3 NONE',
      'version 5: NONE',
      'aborted: 3 NONE',
      'version 5: NONE',
      'a plain commit beside it: NONE',
      'the later one counts: 9 NONE',
      'an epoch before, version 5: INVALID_PRODUCER_EPOCH',
      'of a topic that is not there: UNKNOWN_TOPIC_OR_PARTITION',
      'add the group of a strange id: INVALID_PRODUCER_ID_MAPPING',
      'version 5: NONE',
      'deleted: NONE',
      'committed after it was deleted: -1 NONE',
    ],
    run: async (ground) => {
      const { connection, topic, prefix, tell } = ground
      await eventually(async () => {
        const asked = { coordinatorKeys: [prefix] }
        const { coordinators } = await connection.send(findCoordinator, asked, { version: 4 })
        if (coordinators[0]!.errorCode !== 0) throw new Error('no coordinator yet')
      })
      const producer = await TransactionalProducer.begin(connection, prefix)
      const commit = async (what: string, offset: number, options: object = {}, who = producer, of = topic) =>
        tell(`${what}: ${name(await who.commitOffset(prefix, of, offset, options))}`)
      const read = async (what: string, requireStable: boolean) => {
        const groups = [{ groupId: prefix, topics: [{ name: topic, partitionIndexes: [0] }] }]
        const answer = await connection.send(offsetFetch, { groups, requireStable }, { version: 8 })
        const { committedOffset, errorCode } = answer.groups[0]!.topics[0]!.partitions[0]!
        tell(`${what}: ${committedOffset} ${name(errorCode)}`)
      }
      const end = async (committed: boolean) => {
        await producer.end(committed)
        await settled(ground, producer)
      }
      // The group's coordinator may still be taking up its partition, or reading it.
      await eventually(async () => {
        const groups = [{ groupId: prefix, topics: null }]
        const { errorCode } = (await connection.send(offsetFetch, { groups }, { version: 8 })).groups[0]!
        if (errorCode !== 0) throw new Error(name(errorCode))
      })
      await commit('before the group is added, version 3', 3, { version: 3 })
      await commit('before the group is added, version 4', 3, { version: 4 })
      tell(`add the group: ${name(await producer.addOffsets(prefix))}`)
      await commit('version 3', 3, { version: 3 })
      await commit('of a generation', 3, { generation: 1 })
      await read('while it is open', false)
      await read('while it is open, stable', true)
      await end(true)
      await read('committed', true)
      await commit('version 5', 7)
      await end(false)
      await read('aborted', true)
      await commit('version 5', 8)
      const partitions = [{ partitionIndex: 0, committedOffset: 9, committedMetadata: '' }]
      const plain = { groupId: prefix, memberId: '', topics: [{ name: topic, partitions }] }
      const { topics } = await connection.send(offsetCommit, plain, { version: 8 })
      tell(`a plain commit beside it: ${name(topics[0]!.partitions[0]!.errorCode)}`)
      await end(true)
      await read('the later one counts', true)
      await commit('an epoch before, version 5', 10, {}, rewound(producer, producer.producerEpoch - 1))
      await commit('of a topic that is not there', 10, {}, producer, `${topic}-none`)
      const stranger = Object.assign(rewound(producer, 0), { producerId: producer.producerId + 1_000_000 })
      tell(`add the group of a strange id: ${name(await stranger.addOffsets(prefix))}`)
      await commit('version 5', 11)
      const gone = { groupId: prefix, topics: [{ name: topic, partitions: [{ partitionIndex: 0 }] }] }
      tell(`deleted: ${name((await connection.send(offsetDelete, gone)).topics[0]!.partitions[0]!.errorCode)}`)
      await end(true)
      await read('committed after it was deleted', true)
    },
  },
  {
    name: 'descriptions and lists',
    told: [
      'Empty 60000 since -1 in 0 topics',
      'Ongoing 60000 since a moment in 1 topics',
      'CompleteCommit 60000 since a moment in 0 topics',
      'nobody: TRANSACTIONAL_ID_NOT_FOUND',
      'no name: INVALID_REQUEST',
      'CompleteCommit: 1',
      'Ongoing: 0',
      'unknown states: Gone',
      'longer than an hour: 0',
      'longer than nothing: 1',
      'by pattern: 1',
      'by half a pattern: 0',
      'by no pattern at all: INVALID_REGULAR_EXPRESSION',
    ],
    run: async (ground) => {
      const { connection, topic, prefix, tell } = ground
      const producer = await TransactionalProducer.begin(connection, prefix)
      const describe = async (transactionalId = prefix) => {
        const answer = await connection.send(describeTransactions, { transactionalIds: [transactionalId] })
        return answer.transactionStates[0]!
      }
      const tellState = async () => {
        const { transactionState, transactionTimeoutMs, transactionStartTimeMs, topics } = await describe()
        const age = Date.now() - Number(transactionStartTimeMs)
        const since = Number(transactionStartTimeMs) === -1 ? '-1' : age < 60_000 ? 'a moment' : `${age} ms`
        tell(`${transactionState} ${transactionTimeoutMs} since ${since} in ${topics.length} topics`)
      }
      await tellState()
      await producer.produce(topic, ['a'])
      await tellState()
      await producer.end(true)
      await settled(ground, producer)
      await tellState()
      tell(`nobody: ${name((await describe(`${prefix}-nobody`)).errorCode)}`)
      tell(`no name: ${name((await describe('')).errorCode)}`)
      const list = (fields: object) =>
        connection.send(listTransactions, { stateFilters: [], producerIdFilters: [producer.producerId], ...fields })
      const count = async (what: string, fields: object) =>
        tell(`${what}: ${(await list(fields)).transactionStates.length}`)
      await count('CompleteCommit', { stateFilters: ['CompleteCommit'] })
      await count('Ongoing', { stateFilters: ['Ongoing'] })
      tell(
        `unknown states: ${(await list({ stateFilters: ['Gone', 'Dead', 'PrepareEpochFence'] })).unknownStateFilters}`,
      )
      await count('longer than an hour', { durationFilter: 3_600_000 })
      await count('longer than nothing', { durationFilter: 0 })
      await count('by pattern', { transactionalIdPattern: `${prefix.slice(0, 4)}.*` })
      await count('by half a pattern', { transactionalIdPattern: prefix.slice(0, 4) })
      tell(`by no pattern at all: ${name((await list({ transactionalIdPattern: '(' })).errorCode)}`)
    },
  },
  {
    name: 'a transaction that takes too long',
    told: [
      'Ongoing',
      'CompleteAbort',
      'the late commit: INVALID_TXN_STATE',
      'recovers: NONE epoch 2',
      'new: NONE epoch 3',
    ],
    run: async (ground) => {
      const { connection, topic, prefix, tell } = ground
      const producer = await TransactionalProducer.begin(connection, prefix)
      await producer.init({ transactionTimeoutMs: 100 })
      await producer.produce(topic, ['a'])
      tell(await stateOf(ground, prefix))
      await eventually(async () => {
        const state = await stateOf(ground, prefix)
        if (state !== 'CompleteAbort') throw new Error(state)
        tell(state)
      })
      tell(answered('the late commit', await producer.end(true)))
      tell(answered('recovers', await producer.init({ recover: true })))
      tell(answered('new', await producer.init()))
    },
  },
]
