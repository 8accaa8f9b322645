// Transactions as a client drives them, step by step and out of step.
import { addOffsetsToTxn } from '../../../../src/protocol/messages/add-offsets-to-txn.ts'
import { addPartitionsToTxn } from '../../../../src/protocol/messages/add-partitions-to-txn.ts'
import { describeTransactions } from '../../../../src/protocol/messages/describe-transactions.ts'
import { endTxn } from '../../../../src/protocol/messages/end-txn.ts'
import { fetch } from '../../../../src/protocol/messages/fetch.ts'
import { findCoordinator } from '../../../../src/protocol/messages/find-coordinator.ts'
import { initProducerId } from '../../../../src/protocol/messages/init-producer-id.ts'
import { listOffsets } from '../../../../src/protocol/messages/list-offsets.ts'
import { listTransactions } from '../../../../src/protocol/messages/list-transactions.ts'
import { offsetFetch } from '../../../../src/protocol/messages/offset-fetch.ts'
import { produce } from '../../../../src/protocol/messages/produce.ts'
import { txnOffsetCommit } from '../../../../src/protocol/messages/txn-offset-commit.ts'
import type { Answers, Run } from '../run.ts'
import type { Side } from '../side.ts'
import { batch, fetched, NO_TOPIC_ID } from './records.ts'

const CONCURRENT_TRANSACTIONS = 51
const STRANGER = 4711
/** Newer versions are the transaction version 2 of KIP-890: each end of a transaction gives a new epoch. */
const FIRST_END_WITH_EPOCH = 5

/** What each broker knows the producer by. */
class Producer {
  readonly #ids = new Map<Side, { producerId: number; producerEpoch: number }>()

  learn(run: Run, answers: Answers<typeof initProducerId | typeof endTxn>): void {
    run.sides.forEach((side, index) => {
      const { producerId = -1, producerEpoch = -1 } = answers[index] ?? {}
      if (producerId >= 0) this.#ids.set(side, { producerId, producerEpoch })
    })
  }

  of(side: Side, change: { producerId?: number; epochs?: number } = {}) {
    const { producerId, producerEpoch } = this.#ids.get(side)!
    return { producerId: change.producerId ?? producerId, producerEpoch: producerEpoch + (change.epochs ?? 0) }
  }
}

interface Odd {
  readonly producerId?: number
  readonly epochs?: number
}

/** One transactional producer and what it asks; `ends` is the version of EndTxn, by which the brokers know what the client knows. */
function stepsOf(run: Run, id: string, topic: string, ends: number) {
  const producer = new Producer()
  const produces = ends >= FIRST_END_WITH_EPOCH ? 12 : 10
  return {
    init: async (says: string, version = 4, change: object = {}) => {
      const answers = await run.ask(
        says,
        initProducerId,
        version,
        { transactionalId: id, transactionTimeoutMs: 60_000, ...change },
        { again: (answer) => answer.errorCode === CONCURRENT_TRANSACTIONS },
      )
      producer.learn(run, answers)
    },
    add: (says: string, version: number, odd: Odd = {}, partitions: readonly number[] = [0], name = topic) =>
      run.ask(
        says,
        addPartitionsToTxn,
        version,
        (side) => {
          const topics = [{ name, partitions }]
          const { producerId, producerEpoch } = producer.of(side, odd)
          if (version >= 4) return { transactions: [{ transactionalId: id, producerId, producerEpoch, topics }] }
          return {
            v3AndBelowTransactionalId: id,
            v3AndBelowProducerId: producerId,
            v3AndBelowProducerEpoch: producerEpoch,
            v3AndBelowTopics: topics,
          }
        },
        { again: (answer) => JSON.stringify(answer).includes(`:${CONCURRENT_TRANSACTIONS}`) },
      ),
    send: (says: string, baseSequence: number, odd: Odd = {}, transactionalId: string | null = id) =>
      run.ask(says, produce, produces, (side) => ({
        transactionalId,
        acks: -1,
        timeoutMs: 5000,
        topicData: [
          {
            name: topic,
            topicId: side.topicIds.get(topic)!,
            partitionData: [
              { index: 0, records: [batch(1, { ...producer.of(side, odd), baseSequence, transactional: true })] },
            ],
          },
        ],
      })),
    addOffsets: (says: string, version: number, groupId: string, odd: Odd = {}) =>
      run.ask(says, addOffsetsToTxn, version, (side) => ({ transactionalId: id, groupId, ...producer.of(side, odd) }), {
        again: (answer) => answer.errorCode === CONCURRENT_TRANSACTIONS,
      }),
    commitOffsets: (says: string, version: number, groupId: string, odd: Odd = {}, change: object = {}) =>
      run.ask(says, txnOffsetCommit, version, (side) => ({
        transactionalId: id,
        groupId,
        ...producer.of(side, odd),
        topics: [{ name: topic, partitions: [{ partitionIndex: 0, committedOffset: 3, committedMetadata: 'm' }] }],
        ...change,
      })),
    end: async (says: string, committed: boolean, odd: Odd = {}) => {
      const answers = await run.ask(
        says,
        endTxn,
        ends,
        (side) => ({ transactionalId: id, committed, ...producer.of(side, odd) }),
        { again: (answer) => answer.errorCode === CONCURRENT_TRANSACTIONS },
      )
      if (ends >= FIRST_END_WITH_EPOCH) producer.learn(run, answers as Answers<typeof endTxn>)
    },
    describe: (says: string) =>
      run.ask(says, describeTransactions, 0, { transactionalIds: [id, `no-${id}`, ''] }, { settles: true }),
    ends: (says: string, isolationLevel: number) =>
      run.ask(
        says,
        listOffsets,
        9,
        {
          replicaId: -1,
          isolationLevel,
          topics: [{ name: topic, partitions: [{ partitionIndex: 0, timestamp: -1 }] }],
        },
        { settles: true },
      ),
  }
}

export async function transactions(run: Run): Promise<void> {
  const find = { keyType: 1, key: 'tx' }
  await run.ask('wakes the coordinator', findCoordinator, 3, find, { settles: true })
  await run.ask('wakes the coordinator of groups', findCoordinator, 3, { keyType: 0, key: 'g' }, { settles: true })
  await run.askAll(
    'of a transactional id',
    findCoordinator,
    (version) => (version >= 4 ? { keyType: 1, coordinatorKeys: ['tx'] } : { keyType: 1, key: 'tx' }),
    { from: 1 },
  )
  const awake = (answer: { errorCode: number }) => [14, 15, 16].includes(answer.errorCode)
  const first = { transactionalId: 'first', transactionTimeoutMs: 60_000 }
  await run.ask('the first of all', initProducerId, 4, first, { again: awake })
  for (const version of [0, 1, 2, 3, 4, 5]) {
    for (const transactionTimeoutMs of [0, -1, 900_001])
      await run.ask(`a time-out of ${transactionTimeoutMs}`, initProducerId, version, {
        transactionalId: 'tx',
        transactionTimeoutMs,
      })
  }
  for (const ends of run.versionsOf(endTxn)) {
    const topic = await run.topic(`transactional-${ends}`)
    const id = `tx-${ends}`
    const steps = stepsOf(run, id, topic, ends)
    const adds = Math.min(ends, 3)
    await steps.init('a new id')
    await steps.describe('before its first transaction')
    await steps.end('without a transaction', true)
    await steps.init('again')
    if (ends < FIRST_END_WITH_EPOCH) await steps.send('without adding the partition', 0)
    await steps.add('a partition', adds)
    await steps.add('the same partition', adds)
    await steps.add('a partition that is not there', adds, {}, [7])
    await steps.add('a partition beside one that is not there', adds, {}, [0, 7])
    await steps.add('a topic that is not there', adds, {}, [0], 'nowhere')
    await steps.add('no partitions', adds, {}, [])
    await steps.add('of an epoch to come', adds, { epochs: 1 })
    await steps.add('of an epoch that was', adds, { epochs: -1 })
    await steps.add('of a stranger', adds, { producerId: STRANGER })
    await steps.send('a batch', 0)
    await steps.send('the same batch', 0)
    await steps.send('a batch behind a gap', 5)
    await steps.send('the next batch', 1)
    await steps.send('of an epoch that was', 2, { epochs: -1 })
    await steps.send('of an epoch to come', 0, { epochs: 1 })
    await steps.send('of a stranger', 0, { producerId: STRANGER })
    await steps.send('without the id', 2, {}, null)
    await steps.describe('in a transaction')
    await steps.ends('for readers of all', 0)
    await steps.ends('for readers of committed data', 1)
    await run.ask('read_committed before an open transaction', fetch, 11, fetched({ topic, isolationLevel: 1 }))
    const groupId = `group-of-${id}`
    const offsets = Math.min(ends, 4)
    await steps.addOffsets('a group', Math.min(ends, 4), groupId)
    await steps.addOffsets('an empty group', Math.min(ends, 4), '')
    await steps.addOffsets('of a stranger', Math.min(ends, 4), groupId, { producerId: STRANGER })
    await steps.commitOffsets('offsets', offsets, groupId)
    await steps.commitOffsets('of an epoch that was', offsets, groupId, { epochs: -1 })
    if (offsets >= 3) {
      await steps.commitOffsets(
        'of a member that there is not',
        offsets,
        groupId,
        {},
        { memberId: 'm', generationIdOrMemberEpoch: 3 },
      )
      await steps.commitOffsets(
        'of a generation that there is not',
        offsets,
        groupId,
        {},
        { generationIdOrMemberEpoch: 3 },
      )
    }
    await steps.commitOffsets(
      'of a topic that is not there',
      offsets,
      groupId,
      {},
      {
        topics: [{ name: 'nowhere', partitions: [{ partitionIndex: 0, committedOffset: 3, committedMetadata: '' }] }],
      },
    )
    const read = (says: string, requireStable: boolean) =>
      run.ask(
        says,
        offsetFetch,
        7,
        { groupId, topics: [{ name: topic, partitionIndexes: [0] }], requireStable },
        { settles: true },
      )
    await read('pending offsets', false)
    await read('pending offsets, stable ones wanted', true)
    await steps.end('of an epoch that was', true, { epochs: -1 })
    await steps.end('of a stranger', true, { producerId: STRANGER })
    await steps.end('commits', true)
    await read('committed offsets', true)
    await steps.ends('for readers of committed data, once committed', 1)
    await steps.describe('after its transaction')
    if (ends < FIRST_END_WITH_EPOCH) {
      await steps.end('commits again', true)
      await steps.end('aborts what is committed', false)
    }
    await steps.add('a partition of the next', adds)
    await steps.send('a batch of the next', ends < FIRST_END_WITH_EPOCH ? 2 : 0)
    await steps.end('aborts', false)
    await steps.ends('for readers of committed data, once aborted', 1)
    await run.ask('read_committed behind an aborted one', fetch, 11, fetched({ topic, isolationLevel: 1 }))
    await steps.add('a partition of one that is left open', adds)
    await steps.init('fences itself')
    await steps.describe('after the fence')
    await steps.init('with its ids', 4, {})
  }
  await run.askAll('by a state', listTransactions, () => ({ stateFilters: ['Ongoing'], producerIdFilters: [] }))
  await run.askAll('by a state that there is not', listTransactions, () => ({
    stateFilters: ['Rotten'],
    producerIdFilters: [],
  }))
  await run.askAll('by a producer that there is not', listTransactions, () => ({
    stateFilters: [],
    producerIdFilters: [999_999],
  }))
  await run.askAll('all', listTransactions, () => ({ stateFilters: [], producerIdFilters: [] }), { settles: true })
  await run.askAll('nothing', describeTransactions, () => ({ transactionalIds: [] }))
  await run.ask('of no group', txnOffsetCommit, 3, {
    transactionalId: 'tx-0',
    groupId: '',
    producerId: 1,
    producerEpoch: 0,
    topics: [{ name: NO_TOPIC_ID, partitions: [] }],
  })
}
