import { expect, it } from 'vitest'
import { FaultError, type FaultSpec } from '../../../src/broker/faults/fault.ts'
import { FaultedRequest } from '../../../src/broker/faults/faulted-request.ts'
import { Faults } from '../../../src/broker/faults/faults.ts'
import { decodeResponse, encodeResponse } from '../../../src/protocol/codec.ts'
import { alterConfigs } from '../../../src/protocol/messages/alter-configs.ts'
import { createAcls } from '../../../src/protocol/messages/create-acls.ts'
import { deleteTopics } from '../../../src/protocol/messages/delete-topics.ts'
import { fetch } from '../../../src/protocol/messages/fetch.ts'
import { heartbeat } from '../../../src/protocol/messages/heartbeat.ts'
import { apis } from '../../../src/protocol/messages/index.ts'
import { metadata } from '../../../src/protocol/messages/metadata.ts'
import { offsetFetch } from '../../../src/protocol/messages/offset-fetch.ts'
import { produce } from '../../../src/protocol/messages/produce.ts'
import type { Api, RequestInput, ResponseInput } from '../../../src/protocol/schema.ts'
import { FakeClock } from '../../support/fake-clock.ts'

const NOBODY = { clientId: '', principal: '', listener: '' }

function faultsOf(fractions: number[] = []) {
  const random = { bytes: () => Buffer.alloc(4), fraction: () => fractions.shift() ?? 0 }
  const clock = new FakeClock()
  return { clock, faults: new Faults({ name: 'c', apiNames: apis.map(({ name }) => name), clock, random }) }
}

const problemsOf = (spec: unknown) => {
  try {
    faultsOf().faults.add(spec as FaultSpec)
  } catch (error) {
    return (error as FaultError).problems
  }
  return []
}

it('a fault that cannot be is refused with every field at fault, and what was perhaps meant', () => {
  expect(problemsOf({ api: 'Prodcue', error: 'NOT_LEADER', partition: -1, topik: 'x', probability: 2 })).toEqual([
    { field: 'api', message: 'this broker serves no API Prodcue; did you mean Produce?' },
    { field: 'error', message: 'Kafka has no error NOT_LEADER; did you mean NOT_LEADER_OR_FOLLOWER?' },
    { field: 'partition', message: 'must be a whole number from 0 to 2147483647, not -1' },
    { field: 'topik', message: 'a fault has no such field; did you mean topic?' },
    { field: 'probability', message: 'must be above 0 and at most 1, not 2' },
  ])
  expect(problemsOf({ topic: '(', drop: 'response' })).toMatchObject([{ field: 'topic' }])
  expect(problemsOf({ api: 'Produce' })).toMatchObject([{ message: expect.stringContaining('must say what happens') }])
  expect(problemsOf({ error: 'NONE' })).toMatchObject([{ field: 'error', message: 'NONE is no error' }])
  expect(problemsOf({ drop: 'response', close: 'after' })).toMatchObject([{ field: 'close' }])
  expect(problemsOf({ drop: 'answers' })).toMatchObject([{ field: 'drop' }])
  for (const spec of [null, 'Produce', [], { api: [], close: 'after' }, { delayMs: 0 }, { delayMs: 1, times: 0 }]) {
    expect(problemsOf(spec), JSON.stringify(spec)).toHaveLength(1)
  }
  expect(() => faultsOf().faults.add({})).toThrow(FaultError)
})

/** What the faults make of a request: what is left of it, and the answer when what is left is answered so. */
function meet<A extends Api>(api: A, version: number, specs: readonly FaultSpec[], request: RequestInput<A>) {
  const { faults } = faultsOf()
  const planned = specs.map((spec) => faults.add(spec))
  const asked = new FaultedRequest({ api, version, request, topicName: (id) => (id === ID ? 'by-id' : undefined) })
  faults.judge(asked, { clientId: 'app-1', principal: 'User:alice', listener: 'EXTERNAL' })
  return {
    hits: planned.map(({ hits }) => hits),
    rest: asked.rest(),
    answer: (carried?: ResponseInput<A>) => {
      const frame = Buffer.concat(encodeResponse(api, version, 1, asked.answer(carried) as ResponseInput<A>))
      return decodeResponse(api, version, frame.subarray(4))
    },
  }
}

const ID = 'AAAAAAAAAAAAAAAAAAAAAQ'
const records = [Buffer.from('r')]
const twoTopics = (topic: (name: string) => { name: string } | { topicId: string }) => ({
  acks: -1,
  timeoutMs: 1,
  topicData: ['a', 'b'].map((name) => ({
    ...topic(name),
    partitionData: [0, 1].map((index) => ({ index, records })),
  })),
})

it('of a request for many partitions exactly those that match are refused, the others carried out', () => {
  const { rest, answer, hits } = meet(
    produce,
    9,
    [{ api: 'Produce', topic: 'a', partition: 1, error: 'NOT_LEADER_OR_FOLLOWER' }],
    twoTopics((name) => ({ name })),
  )
  expect(hits).toEqual([1])
  expect(rest).toMatchObject({
    acks: -1,
    topicData: [
      { name: 'a', partitionData: [{ index: 0 }] },
      { name: 'b', partitionData: [{ index: 0 }, { index: 1 }] },
    ],
  })
  const carried = ['a', 'b'].map((name) => ({
    name,
    partitionResponses: (name === 'a' ? [0] : [0, 1]).map((index) => ({ index, errorCode: 0, baseOffset: 7 })),
  }))
  const found = answer({ responses: carried }).responses.flatMap(({ name, partitionResponses }) =>
    partitionResponses.map(({ index, errorCode, baseOffset }) => [name, index, errorCode, baseOffset]),
  )
  expect(found).toEqual([
    ['a', 0, 0, 7],
    ['a', 1, 6, -1],
    ['b', 0, 0, 7],
    ['b', 1, 0, 7],
  ])
})

it('topics named by id are matched by their names', () => {
  const { rest, answer } = meet(
    produce,
    13,
    [{ topic: 'by-.*', error: 'KAFKA_STORAGE_ERROR' }],
    twoTopics((name) => ({ topicId: name === 'a' ? ID : 'AAAAAAAAAAAAAAAAAAAAAg' })),
  )
  expect(rest).toMatchObject({ topicData: [{ topicId: 'AAAAAAAAAAAAAAAAAAAAAg' }] })
  expect(answer({ responses: [] }).responses).toMatchObject([
    {
      topicId: ID,
      partitionResponses: [
        { index: 0, errorCode: 56 },
        { index: 1, errorCode: 56 },
      ],
    },
  ])
})

it('several errors share a request: each item has the first that wants it', () => {
  const { rest, answer, hits } = meet(
    produce,
    9,
    [
      { topic: 'a', partition: 0, error: 'CORRUPT_MESSAGE' },
      { topic: 'a', error: 'MESSAGE_TOO_LARGE' },
      { topic: 'a', partition: 0, error: 'NOT_ENOUGH_REPLICAS' },
      { error: 'NOT_LEADER_OR_FOLLOWER' },
    ],
    twoTopics((name) => ({ name })),
  )
  expect(hits).toEqual([1, 1, 0, 1])
  expect(rest).toBeUndefined()
  const codes = answer().responses.map(({ partitionResponses }) => partitionResponses.map(({ errorCode }) => errorCode))
  expect(codes).toEqual([
    [2, 10],
    [6, 6],
  ])
})

it('an API without items answers the error at its top', () => {
  const { rest, answer } = meet(heartbeat, 4, [{ error: 'REBALANCE_IN_PROGRESS' }], {
    groupId: 'g',
    generationId: 1,
    memberId: 'm',
  })
  expect(rest).toBeUndefined()
  expect(answer()).toMatchObject({ errorCode: 27 })
})

it('an error about a session stands at the top, one about a partition at the partitions', () => {
  const request: RequestInput<typeof fetch> = {
    maxWaitMs: 500,
    minBytes: 1,
    topics: [{ topic: 'a', partitions: [{ partition: 3, fetchOffset: 5, partitionMaxBytes: 1 }] }],
    forgottenTopicsData: [],
  }
  const session = meet(fetch, 12, [{ error: 'FETCH_SESSION_ID_NOT_FOUND' }], request)
  expect(session.rest).toBeUndefined()
  expect(session.answer()).toMatchObject({ errorCode: 70, responses: [] })
  const partition = meet(fetch, 12, [{ error: 'OFFSET_OUT_OF_RANGE' }], request)
  expect(partition.rest).toMatchObject({ maxWaitMs: 0 })
  const carried = {
    throttleTimeMs: 0,
    responses: [
      {
        topic: 'a',
        partitions: [{ partitionIndex: 3, errorCode: 0, highWatermark: 9, abortedTransactions: null, records }],
      },
    ],
  }
  expect(partition.answer(carried)).toMatchObject({
    errorCode: 0,
    responses: [{ topic: 'a', partitions: [{ partitionIndex: 3, errorCode: 1, highWatermark: -1, records: [] }] }],
  })
})

it('a group of OffsetFetch fails whole, or in the topics that match', () => {
  const groups = [
    { groupId: 'g', topics: [{ name: 'a', partitionIndexes: [0, 1] }] },
    { groupId: 'h', topics: null },
  ]
  const whole = meet(offsetFetch, 8, [{ error: 'NOT_COORDINATOR' }], { groups: [groups[0]!] })
  expect(whole.rest).toBeUndefined()
  expect(whole.answer()).toMatchObject({ groups: [{ groupId: 'g', topics: [], errorCode: 16 }] })
  const part = meet(offsetFetch, 8, [{ topic: 'a', partition: 1, error: 'UNSTABLE_OFFSET_COMMIT' }], {
    groups: [groups[0]!],
  })
  expect(part.rest).toMatchObject({ groups: [{ groupId: 'g', topics: [{ name: 'a', partitionIndexes: [0] }] }] })
  const committed = { partitionIndex: 0, committedOffset: 4, metadata: '', errorCode: 0 }
  const carried = { groups: [{ groupId: 'g', topics: [{ name: 'a', partitions: [committed] }] }] }
  expect(part.answer(carried).groups[0]!.topics[0]!.partitions).toMatchObject([
    { partitionIndex: 0, committedOffset: 4, errorCode: 0 },
    { partitionIndex: 1, committedOffset: -1, errorCode: 88 },
  ])
})

it('who asks for all topics finds the error at those of the answer that match', () => {
  const { rest, answer, hits } = meet(metadata, 9, [{ topic: 'a', error: 'LEADER_NOT_AVAILABLE' }], { topics: null })
  expect(hits).toEqual([1])
  expect(rest).toEqual({ topics: null })
  const topicOf = (name: string) => ({
    errorCode: 0,
    name,
    partitions: [
      { errorCode: 0, partitionIndex: 0, leaderId: 1, replicaNodes: [1], isrNodes: [1], offlineReplicas: [] },
    ],
  })
  const brokers = [{ nodeId: 1, host: 'h', port: 1 }]
  const answered = answer({ brokers, topics: [topicOf('a'), topicOf('b')] })
  expect(answered.brokers).toHaveLength(1)
  expect(answered.topics).toMatchObject([
    { name: 'a', errorCode: 5, partitions: [] },
    { name: 'b', errorCode: 0, partitions: [{ leaderId: 1 }] },
  ])
})

it('Metadata answers a single partition with the error, and always its brokers', () => {
  const one = meet(metadata, 9, [{ partition: 1, error: 'LEADER_NOT_AVAILABLE' }], { topics: [{ name: 'a' }] })
  const partitions = [0, 1].map((partitionIndex) => ({
    errorCode: 0,
    partitionIndex,
    leaderId: 1,
    replicaNodes: [1],
    isrNodes: [1],
    offlineReplicas: [],
  }))
  const { topics } = one.answer({ brokers: [], topics: [{ errorCode: 0, name: 'a', partitions }] })
  expect(topics[0]!.partitions).toMatchObject([
    { partitionIndex: 0, errorCode: 0, leaderId: 1 },
    { partitionIndex: 1, errorCode: 5, leaderId: -1 },
  ])
  const all = meet(metadata, 9, [{ error: 'TOPIC_AUTHORIZATION_FAILED' }], { topics: [{ name: 'a' }] })
  expect(all.rest).toMatchObject({ topics: [] })
})

it('items that repeat nothing are answered one for one, and names without a struct by name', () => {
  const creation = {
    resourceType: 2,
    resourceName: 't',
    principal: 'User:a',
    host: '*',
    operation: 3,
    permissionType: 3,
  }
  const acls = meet(createAcls, 3, [{ error: 'SECURITY_DISABLED' }], { creations: [creation, creation] })
  expect(acls.answer().results).toMatchObject([{ errorCode: 54 }, { errorCode: 54 }])
  const deleted = meet(deleteTopics, 5, [{ topic: 'a', error: 'TOPIC_DELETION_DISABLED' }], {
    topicNames: ['a', 'b'],
    timeoutMs: 1,
  })
  expect(deleted.rest).toMatchObject({ topicNames: ['b'] })
  expect(deleted.answer({ throttleTimeMs: 0, responses: [{ name: 'b', errorCode: 0 }] }).responses).toMatchObject([
    { name: 'b', errorCode: 0 },
    { name: 'a', errorCode: 73, errorMessage: 'a fault on purpose (c-1)' },
  ])
})

it('a topic is also met where it is a resource among others', () => {
  const resources = [2, 4].map((resourceType) => ({ resourceType, resourceName: '1', configs: [] }))
  const { rest, answer } = meet(alterConfigs, 2, [{ topic: '1', error: 'POLICY_VIOLATION' }], {
    resources,
    validateOnly: false,
  })
  expect(rest).toMatchObject({ resources: [{ resourceType: 4 }] })
  const carried = {
    throttleTimeMs: 0,
    responses: [{ errorCode: 0, errorMessage: null, resourceType: 4, resourceName: '1' }],
  }
  expect(answer(carried).responses.map(({ resourceType, errorCode }) => [resourceType, errorCode])).toEqual([
    [4, 0],
    [2, 44],
  ])
})

it('what does not match is left alone', () => {
  const request = twoTopics((name) => ({ name }))
  for (const spec of [
    { api: 'Fetch' },
    { api: ['Fetch', 'Metadata'] },
    { topic: 'c' },
    { topic: 'aa?b' },
    { partition: 2 },
    { clientId: 'app' },
    { principal: 'User:bob' },
    { listener: 'INTERNAL' },
  ]) {
    const { hits, rest } = meet(
      produce,
      9,
      [
        { ...spec, error: 'CORRUPT_MESSAGE' },
        { ...spec, drop: 'response' },
      ],
      request,
    )
    expect(hits, JSON.stringify(spec)).toEqual([0, 0])
    expect(rest).toBe(request)
  }
  const matching = {
    api: ['Fetch', 'Produce'],
    clientId: 'app-.',
    principal: 'User:(alice|bob)',
    listener: 'EX.*',
    delayMs: 5,
  }
  expect(meet(produce, 9, [matching], request).hits).toEqual([1])
})

function hitsOf(spec: FaultSpec, requests: number, fractions: number[] = []): boolean[] {
  const { faults } = faultsOf(fractions)
  const fault = faults.add(spec)
  return Array.from({ length: requests }, () => {
    const before = fault.hits
    const asked = new FaultedRequest({ api: heartbeat, version: 0, request: {}, topicName: () => undefined })
    faults.judge(asked, NOBODY)
    return fault.hits > before
  })
}

it('a fault meets as many requests as it should, after as many as it lets pass', () => {
  expect(hitsOf({ delayMs: 1, times: 2, skip: 1 }, 5)).toEqual([false, true, true, false, false])
  expect(hitsOf({ delayMs: 1 }, 3)).toEqual([true, true, true])
})

it('a probability is drawn for each request, and only hits count', () => {
  expect(hitsOf({ delayMs: 1, probability: 0.5, times: 2 }, 5, [0.5, 0.49, 0.9, 0, 0])).toEqual([
    false,
    true,
    false,
    true,
    false,
  ])
})

it('what is spent stays listed and costs nothing; what is removed is gone', () => {
  const { faults } = faultsOf()
  const once = faults.add({ delayMs: 1, times: 1 })
  const ever = faults.add({ delayMs: 1 })
  const asked = () => new FaultedRequest({ api: heartbeat, version: 0, request: {}, topicName: () => undefined })
  expect(faults.judge(asked(), NOBODY)).toMatchObject({ delayMs: 2 })
  expect([once.isSpent, ever.isSpent]).toEqual([true, false])
  ever.remove()
  expect(faults.isIdle).toBe(true)
  expect(faults.list().map(({ id, hits }) => [id, hits])).toEqual([['c-1', 1]])
  faults.clear()
  expect(faults.list()).toEqual([])
})

it('after a request that is dropped or closed no other fault is asked', () => {
  const { faults } = faultsOf()
  const [late, closing, never] = [{ delayMs: 3 }, { close: 'before' }, { delayMs: 1 }].map((spec) =>
    faults.add(spec as FaultSpec),
  )
  const asked = new FaultedRequest({ api: heartbeat, version: 0, request: {}, topicName: () => undefined })
  expect(faults.judge(asked, NOBODY)).toMatchObject({ close: 'before', delayMs: 3 })
  expect([late!.hits, closing!.hits, never!.hits]).toEqual([1, 1, 0])
})

it('what is held back is let go when the cluster stops', async () => {
  const { faults, clock } = faultsOf()
  const held = faults.hold(60_000)
  expect(clock.timers).toBe(1)
  faults.close()
  await held
  expect(clock.timers).toBe(0)
})
