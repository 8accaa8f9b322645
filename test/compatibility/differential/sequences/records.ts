// Produce, Fetch, ListOffsets, DeleteRecords, OffsetForLeaderEpoch, InitProducerId, DescribeProducers.
import { deleteRecords } from '../../../../src/protocol/messages/delete-records.ts'
import { describeProducers } from '../../../../src/protocol/messages/describe-producers.ts'
import { fetch } from '../../../../src/protocol/messages/fetch.ts'
import { initProducerId } from '../../../../src/protocol/messages/init-producer-id.ts'
import { listOffsets } from '../../../../src/protocol/messages/list-offsets.ts'
import { offsetForLeaderEpoch } from '../../../../src/protocol/messages/offset-for-leader-epoch.ts'
import { produce } from '../../../../src/protocol/messages/produce.ts'
import { type BatchOptions, buildBatch } from '../../../../src/records/batch-builder.ts'
import { CODECS } from '../../../../src/records/compression/index.ts'
import type { Asked, Run } from '../run.ts'
import type { Side } from '../side.ts'

/** No topic has it. */
export const NO_TOPIC_ID = 'doCJEnIoSgSVKzd1Vm1rKw'
const START = Date.now() - 60_000

export function batch(count: number, options: BatchOptions = {}, time = START): Buffer {
  const records = Array.from({ length: count }, (_, at) => ({ timestamp: time + at, key: `k${at}`, value: `v${at}` }))
  return buildBatch(records, options)
}

interface ToProduce {
  readonly topic: string
  readonly partition?: number
  readonly records?: readonly Buffer[] | null
  readonly acks?: number
}

function produced({ topic, partition = 0, records = [batch(1)], acks = -1 }: ToProduce): Asked<typeof produce> {
  return (side) => ({
    acks,
    timeoutMs: 5000,
    topicData: [
      { name: topic, topicId: side.topicIds.get(topic) ?? NO_TOPIC_ID, partitionData: [{ index: partition, records }] },
    ],
  })
}

const changed = (bytes: Buffer, change: (copy: Buffer) => void) => {
  const copy = Buffer.from(bytes)
  change(copy)
  return copy
}

export async function producing(run: Run): Promise<void> {
  const topic = await run.topic('produced', 2)
  await run.askAll('a batch', produce, () => produced({ topic }))
  await run.askAll('three records to the other partition', produce, () =>
    produced({ topic, partition: 1, records: [batch(3)] }),
  )
  await run.askAll('acks 1', produce, () => produced({ topic, acks: 1 }))
  await run.askAll('acks 2', produce, () => produced({ topic, acks: 2 }))
  await run.askAll('acks −2', produce, () => produced({ topic, acks: -2 }))
  await run.askAll('acks 0', produce, () => produced({ topic, acks: 0 }), { silence: true })
  await run.askAll('acks 0 to a topic that is not there', produce, () => produced({ topic: 'nowhere', acks: 0 }), {
    silence: true,
  })
  await run.askAll('a topic that is not there', produce, () => produced({ topic: 'nowhere' }))
  await run.askAll('a partition that is not there', produce, () => produced({ topic, partition: 9 }))
  await run.askAll('a partition below zero', produce, () => produced({ topic, partition: -1 }))
  await run.askAll('no topics', produce, () => ({ acks: -1, timeoutMs: 5000, topicData: [] }))
  await run.askAll('no topics, acks 7', produce, () => ({ acks: 7, timeoutMs: 5000, topicData: [] }))
  await run.askAll('no partitions', produce, () => (side: Side) => ({
    acks: -1,
    timeoutMs: 5000,
    topicData: [{ name: topic, topicId: side.topicIds.get(topic)!, partitionData: [] }],
  }))
  for (const codec of CODECS)
    await run.askAll(`a batch compressed with ${codec}`, produce, () =>
      produced({ topic, records: [batch(5, { compression: codec })] }),
    )
  const newest = run.newest(produce)
  const odd: readonly (readonly [string, readonly Buffer[]])[] = [
    ['two batches', [Buffer.concat([batch(1), batch(1)])]],
    ['a wrong sum', [changed(batch(1), (bytes) => bytes.writeUInt32BE(1, 17))]],
    ['a base offset that is not zero', [batch(2, { baseOffset: 7 })]],
    ['magic 1', [changed(batch(1), (bytes) => bytes.writeInt8(1, 16))]],
    ['magic 0', [changed(batch(1), (bytes) => bytes.writeInt8(0, 16))]],
    ['magic 3', [changed(batch(1), (bytes) => bytes.writeInt8(3, 16))]],
    ['a control batch', [batch(1, { control: true })]],
    [
      'a transactional batch without an id',
      [batch(1, { transactional: true, producerId: 9, producerEpoch: 0, baseSequence: 0 })],
    ],
    ['a cut batch', [batch(3).subarray(0, 70)]],
    ['a cut header', [batch(3).subarray(0, 30)]],
    ['a batch and rubbish', [Buffer.concat([batch(1), Buffer.from('rubbish')])]],
    ['a time far ahead', [batch(1, {}, START + 10 * 86_400_000)]],
    ['a time of long ago', [batch(1, {}, 1)]],
    ['times that mean none', [batch(1, {}, -1)]],
  ]
  for (const [says, records] of odd) await run.ask(says, produce, newest, produced({ topic, records }))
  for (const [says, records] of odd) await run.ask(`${says}, old version`, produce, 3, produced({ topic, records }))
  const small = await run.topic('small-messages', 1, { 'max.message.bytes': '200' })
  await run.ask('a batch beyond max.message.bytes', produce, newest, produced({ topic: small, records: [batch(20)] }))
  const compacted = await run.topic('compacted', 1, { 'cleanup.policy': 'compact' })
  const keyless = buildBatch([{ timestamp: START, key: null, value: 'v' }])
  await run.askAll('no key in a compacted topic', produce, () => produced({ topic: compacted, records: [keyless] }))
  const stamped = await run.topic('stamped', 1, { 'message.timestamp.type': 'LogAppendTime' })
  await run.askAll('LogAppendTime', produce, () => produced({ topic: stamped }))
  const strict = await run.topic('strict-times', 1, { 'message.timestamp.before.max.ms': '1000' })
  await run.askAll('a time too long ago', produce, () => produced({ topic: strict }))
  await run.ask('an internal topic', produce, 12, produced({ topic: '__consumer_offsets' }))
}

/** Sequences, epochs and duplicates of an idempotent producer. */
export async function idempotence(run: Run): Promise<void> {
  const topic = await run.topic('idempotent', 1)
  const version = run.newest(produce)
  const send = (says: string, producerEpoch: number, baseSequence: number, count = 1, producerId = 4000) =>
    run.ask(
      says,
      produce,
      version,
      produced({ topic, records: [batch(count, { producerId, producerEpoch, baseSequence })] }),
    )
  await send('the first batch', 0, 0)
  await send('the same again', 0, 0)
  await send('the next', 0, 1, 3)
  await send('a gap', 0, 9)
  await send('an old one', 0, 0)
  for (let sequence = 4; sequence < 10; sequence++) await send(`sequence ${sequence}`, 0, sequence)
  await send('a duplicate of five batches ago', 0, 5)
  await send('a duplicate that is forgotten', 0, 1, 3)
  await send('part of a duplicate', 0, 8, 2)
  await send('a new epoch from 0', 1, 0)
  await send('the old epoch', 0, 10)
  await send('a new epoch not from 0', 2, 5)
  await send('a new epoch from 0 again', 2, 0)
  await send('an unknown producer not from 0', 0, 5, 1, 4001)
  await send('an unknown producer with an epoch', 7, 0, 1, 4002)
  await send('no epoch', -1, 0, 1, 4003)
  await send('no sequence', 0, -1, 1, 4003)
  await send('near the end of sequences', 0, 0x7fff_fffe, 1, 4004)
  await send('one that wraps', 0, 0x7fff_ffff, 2, 4004)
  await run.ask('of a topic', describeProducers, 0, { topics: [{ name: topic, partitionIndexes: [0, 7] }] })
  await run.ask('of no topic', describeProducers, 0, { topics: [{ name: 'nowhere', partitionIndexes: [0] }] })
  await run.ask('of nothing', describeProducers, 0, { topics: [] })
  await run.ask('of a topic with a bad name', describeProducers, 0, {
    topics: [{ name: 'not a name', partitionIndexes: [0] }],
  })
  const first = { transactionalId: null, transactionTimeoutMs: 1000 }
  // Kafka has to fetch a block of ids first.
  await run.ask('the first of all', initProducerId, 4, first, { settles: true })
  await run.askAll('an idempotent producer', initProducerId, () => ({
    transactionalId: null,
    transactionTimeoutMs: 1000,
  }))
  await run.askAll('an empty transactional id', initProducerId, () => ({
    transactionalId: '',
    transactionTimeoutMs: 1000,
  }))
  const odd = [
    ['a producer id without an epoch', { producerId: 7, producerEpoch: -1 }],
    ['an epoch without a producer id', { producerId: -1, producerEpoch: 7 }],
    ['both', { producerId: 7, producerEpoch: 7 }],
  ] as const
  for (const [says, ids] of odd)
    await run.askAll(says, initProducerId, () => ({ transactionalId: null, transactionTimeoutMs: 1000, ...ids }), {
      from: 3,
    })
}

interface ToFetch {
  readonly topic: string
  readonly partition?: number
  readonly offset?: number
  readonly maxBytes?: number
  readonly partitionMaxBytes?: number
  readonly isolationLevel?: number
  readonly sessionId?: number
  readonly sessionEpoch?: number
  readonly currentLeaderEpoch?: number
  readonly lastFetchedEpoch?: number
  readonly replicaId?: number
  readonly minBytes?: number
}

export function fetched(wanted: ToFetch): Asked<typeof fetch> {
  const { topic, partition = 0, offset = 0, maxBytes = 1_000_000, partitionMaxBytes = 1_000_000 } = wanted
  const { currentLeaderEpoch = -1, lastFetchedEpoch = -1, minBytes = 0 } = wanted
  return (side) => ({
    replicaId: -1,
    maxWaitMs: 10,
    minBytes,
    maxBytes,
    isolationLevel: wanted.isolationLevel ?? 0,
    sessionId: wanted.sessionId ?? 0,
    sessionEpoch: wanted.sessionEpoch ?? -1,
    topics: [
      {
        topic,
        topicId: side.topicIds.get(topic) ?? NO_TOPIC_ID,
        partitions: [{ partition, fetchOffset: offset, partitionMaxBytes, currentLeaderEpoch, lastFetchedEpoch }],
      },
    ],
    forgottenTopicsData: [],
  })
}

export async function fetching(run: Run): Promise<void> {
  const topic = await run.topic('fetched', 2)
  const records = [batch(10)]
  for (let i = 0; i < 3; i++) await run.ask('fills it', produce, 12, produced({ topic, records }))
  const cases: readonly (readonly [string, ToFetch, number?])[] = [
    ['from the start', { topic }],
    ['from the middle', { topic, offset: 15 }],
    ['from the end', { topic, offset: 30 }],
    ['beyond the end', { topic, offset: 31 }],
    ['before the start', { topic, offset: -1 }],
    ['offset −2', { topic, offset: -2 }],
    ['an empty partition', { topic, partition: 1 }],
    ['a partition that is not there', { topic, partition: 9 }],
    ['a topic that is not there', { topic: 'nowhere' }],
    ['no bytes', { topic, maxBytes: 0 }],
    ['no bytes of the partition', { topic, partitionMaxBytes: 0 }],
    ['one batch', { topic, partitionMaxBytes: 100 }],
    ['read_committed', { topic, isolationLevel: 1 }],
    ['an unknown isolation', { topic, isolationLevel: 2 }],
    ['more than there is, for a moment', { topic, offset: 25, minBytes: 1_000_000 }],
    ['a leader epoch to come', { topic, currentLeaderEpoch: 5 }, 9],
    ['the leader epoch', { topic, currentLeaderEpoch: 0 }, 9],
    ['a last epoch to come', { topic, lastFetchedEpoch: 5, offset: 10 }, 12],
    ['the last epoch', { topic, lastFetchedEpoch: 0, offset: 10 }, 12],
    ['an unknown session', { topic, sessionId: 12345, sessionEpoch: 3 }, 7],
    ['an unknown session is closed', { topic, sessionId: 12345, sessionEpoch: -1 }, 7],
    ['session 0 goes on', { topic, sessionId: 0, sessionEpoch: 1 }, 7],
  ]
  for (const [says, wanted, from] of cases) await run.askAll(says, fetch, () => fetched(wanted), { from })
  const other = await run.topic('fetched-too', 1)
  await run.askAll('two topics, each with a partition that is not there', fetch, () => (side) => ({
    replicaId: -1,
    maxWaitMs: 0,
    minBytes: 0,
    maxBytes: 1_000_000,
    topics: [topic, other].map((name) => ({
      topic: name,
      topicId: side.topicIds.get(name)!,
      partitions: [0, 9].map((partition) => ({ partition, fetchOffset: 0, partitionMaxBytes: 1_000_000 })),
    })),
    forgottenTopicsData: [],
  }))
  await run.askAll('nothing', fetch, () => ({
    replicaId: -1,
    maxWaitMs: 0,
    minBytes: 0,
    maxBytes: 100,
    topics: [],
    forgottenTopicsData: [],
  }))
  for (const version of run.versionsOf(fetch).filter((one) => one >= 7)) {
    const [ours, kafkas] = await run.ask('a session opens', fetch, version, fetched({ topic, sessionEpoch: 0 }))
    const ids = new Map(run.sides.map((side, index) => [side, [ours, kafkas][index]?.sessionId ?? 0]))
    const go = (says: string, sessionEpoch: number, change: object = {}) =>
      run.ask(says, fetch, version, (side) => ({
        replicaId: -1,
        maxWaitMs: 0,
        minBytes: 0,
        maxBytes: 1_000_000,
        sessionId: ids.get(side)!,
        sessionEpoch,
        topics: [],
        forgottenTopicsData: [],
        ...change,
      }))
    await go('its first round has the records again', 1)
    await go('a round goes on from the end', 2, {
      topics: [],
    })
    await go('an epoch that was', 1)
    await go('an epoch to come', 9)
    await go('the session closes', -1)
  }
  const deleted = deleteRecords
  await run.ask('up to 12', deleted, 2, {
    topics: [{ name: topic, partitions: [{ partitionIndex: 0, offset: 12 }] }],
    timeoutMs: 5000,
  })
  await run.askAll('before the log start', fetch, () => fetched({ topic, offset: 3 }))
  await run.askAll('inside the first batch left', fetch, () => fetched({ topic, offset: 12 }))
}

export async function listing(run: Run): Promise<void> {
  const topic = await run.topic('listed', 2)
  for (const time of [1000, 3000, 2000])
    await run.ask('fills it', produce, 12, produced({ topic, records: [batch(2, {}, time)] }))
  const asked = (
    partitions: readonly { partitionIndex: number; timestamp: number; currentLeaderEpoch?: number }[],
    more = {},
  ) => ({
    replicaId: -1,
    topics: [{ name: topic, partitions }],
    ...more,
  })
  for (const timestamp of [-1, -2, -3, -4, -5, -6, -7, 0, 1, 1000, 1001, 1002, 2500, 3000, 3001, 3002, 9999])
    await run.askAll(`the time ${timestamp}`, listOffsets, () => asked([{ partitionIndex: 0, timestamp }]))
  for (const timestamp of [-1, -2, -3, 5])
    await run.askAll(`the time ${timestamp} of an empty partition`, listOffsets, () =>
      asked([{ partitionIndex: 1, timestamp }]),
    )
  await run.askAll('a partition that is not there', listOffsets, () => asked([{ partitionIndex: 9, timestamp: -1 }]))
  await run.askAll('one partition twice', listOffsets, () =>
    asked([
      { partitionIndex: 0, timestamp: -1 },
      { partitionIndex: 0, timestamp: -2 },
    ]),
  )
  await run.askAll('no partitions', listOffsets, () => asked([]))
  await run.askAll('no topics', listOffsets, () => ({ replicaId: -1, topics: [] }))
  await run.askAll('a topic that is not there', listOffsets, () => ({
    replicaId: -1,
    topics: [{ name: 'nowhere', partitions: [{ partitionIndex: 0, timestamp: -1 }] }],
  }))
  await run.askAll(
    'read_committed',
    listOffsets,
    () => asked([{ partitionIndex: 0, timestamp: -1 }], { isolationLevel: 1 }),
    { from: 2 },
  )
  for (const currentLeaderEpoch of [0, 1, -2])
    await run.askAll(
      `leader epoch ${currentLeaderEpoch}`,
      listOffsets,
      () => asked([{ partitionIndex: 0, timestamp: -1, currentLeaderEpoch }]),
      { from: 4 },
    )
  for (const [leaderEpoch, currentLeaderEpoch] of [
    [0, -1],
    [0, 0],
    [0, 3],
    [1, 0],
    [-1, 0],
    [99, -1],
  ] as const)
    await run.askAll(`epoch ${leaderEpoch}, leader epoch ${currentLeaderEpoch}`, offsetForLeaderEpoch, () => ({
      topics: [{ topic, partitions: [{ partition: 0, currentLeaderEpoch, leaderEpoch }] }],
    }))
  await run.askAll('a partition that is not there', offsetForLeaderEpoch, () => ({
    topics: [
      { topic, partitions: [{ partition: 9, leaderEpoch: 0 }] },
      { topic: 'nowhere', partitions: [{ partition: 0, leaderEpoch: 0 }] },
    ],
  }))
  await run.askAll('nothing', offsetForLeaderEpoch, () => ({ topics: [] }))
  const remove = (says: string, name: string, partitionIndex: number, offset: number) =>
    run.askAll(says, deleteRecords, () => ({
      topics: [{ name, partitions: [{ partitionIndex, offset }] }],
      timeoutMs: 5000,
    }))
  await remove('up to 0', topic, 0, 0)
  await remove('up to 3', topic, 0, 3)
  await remove('up to 2, which is gone', topic, 0, 2)
  await remove('beyond the end', topic, 0, 99)
  await remove('below −1', topic, 0, -5)
  await remove('of a partition that is not there', topic, 9, 0)
  await remove('of a topic that is not there', 'nowhere', 0, 0)
  await remove('of an internal topic', '__consumer_offsets', 0, 0)
  await remove('up to the end', topic, 0, -1)
  const compacted = await run.topic('compacted-not-deleted', 1, { 'cleanup.policy': 'compact' })
  await remove('of a compacted topic', compacted, 0, 0)
  await run.askAll('nothing', deleteRecords, () => ({ topics: [], timeoutMs: 5000 }))
}
