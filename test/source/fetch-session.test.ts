import { describe, expect, test } from 'vitest'
import { TopicPartition } from '../../src/client/topic-partition.ts'
import { FetchSession, type FetchTarget } from '../../src/source/fetch-session.ts'

const ID = 'AAAAAAAAAAAAAAAAAAAAAg'
const OTHER_ID = 'AAAAAAAAAAAAAAAAAAAAAw'

function target(partition: number, fetchOffset: number, others: Partial<FetchTarget> = {}): FetchTarget {
  return {
    topicPartition: TopicPartition.of('orders', partition),
    topicId: ID,
    fetchOffset,
    currentLeaderEpoch: 1,
    lastFetchedEpoch: 0,
    ...others,
  }
}

const offsetsOf = (request: ReturnType<FetchSession['next']>) =>
  request.topics.flatMap(({ partitions }) => partitions.map(({ partition, fetchOffset }) => [partition, fetchOffset]))

describe('a fetch session', () => {
  test('begins by naming everything, then names only what changed', () => {
    const session = new FetchSession({ partitionMaxBytes: 100 })
    session.want(target(0, 5))
    session.want(target(1, 7))
    expect(session.next()).toMatchObject({ sessionId: 0, sessionEpoch: 0, forgottenTopicsData: [] })
    session.answered(42)
    session.want(target(1, 8))
    const second = session.next()
    expect(second).toMatchObject({ sessionId: 42, sessionEpoch: 1 })
    expect(offsetsOf(second)).toEqual([[1, 8]])
    session.answered(42)
    expect(session.next()).toMatchObject({ sessionEpoch: 2, topics: [] })
  })

  test('does not name a partition that is wanted again from where it was', () => {
    const session = new FetchSession({ partitionMaxBytes: 100 })
    session.want(target(0, 5))
    session.next()
    session.answered(42)
    session.want(target(0, 5))
    expect(session.next().topics).toEqual([])
  })

  test('forgets what is dropped, and names it again when it is wanted again', () => {
    const session = new FetchSession({ partitionMaxBytes: 100 })
    session.want(target(0, 5))
    session.next()
    session.answered(42)
    session.drop(TopicPartition.of('orders', 0))
    expect(session.next().forgottenTopicsData).toEqual([{ topic: 'orders', topicId: ID, partitions: [0] }])
    session.answered(42)
    session.want(target(0, 5))
    expect(offsetsOf(session.next())).toEqual([[0, 5]])
  })

  test('forgets a recreated topic under its old id and names it under the new one', () => {
    const session = new FetchSession({ partitionMaxBytes: 100 })
    session.want(target(0, 5))
    session.next()
    session.answered(42)
    session.want(target(0, 0, { topicId: OTHER_ID }))
    const request = session.next()
    expect(request.forgottenTopicsData).toMatchObject([{ topicId: ID }])
    expect(request.topics).toMatchObject([{ topicId: OTHER_ID }])
  })

  test('begins anew under its id after a failure, and under none on a new connection', () => {
    const session = new FetchSession({ partitionMaxBytes: 100 })
    session.want(target(0, 5))
    session.next()
    session.answered(42)
    session.next()
    session.failed()
    expect(session.next()).toMatchObject({ sessionId: 42, sessionEpoch: 0 })
    session.reset()
    const request = session.next()
    expect(request).toMatchObject({ sessionId: 0, sessionEpoch: 0 })
    expect(offsetsOf(request)).toEqual([[0, 5]])
  })

  test('asks in full each time of a broker that keeps no session', () => {
    const session = new FetchSession({ partitionMaxBytes: 100 })
    session.want(target(0, 5))
    session.next()
    session.answered(0)
    const request = session.next()
    expect(request).toMatchObject({ sessionId: 0, sessionEpoch: 0 })
    expect(offsetsOf(request)).toEqual([[0, 5]])
  })

  test('knows an answer to an older wish', () => {
    const session = new FetchSession({ partitionMaxBytes: 100 })
    const old = target(0, 5)
    session.want(old)
    session.next()
    expect(session.wasAskedFor(old)).toBe(true)
    const wanted = target(0, 9)
    session.want(wanted)
    expect(session.wasAskedFor(wanted)).toBe(false)
  })
})
