import { describe, expect, it } from 'vitest'
import { type FetchPosition, FollowerSession } from '../../../src/broker/replication/follower-session.ts'

function position(partition: number, changes: Partial<FetchPosition> = {}): FetchPosition {
  const epochs = { currentLeaderEpoch: 0, lastFetchedEpoch: -1 }
  return { topicId: 't', partition, ...epochs, fetchOffset: 0, logStartOffset: 0, ...changes }
}

function named({ topics }: ReturnType<FollowerSession['request']>): number[] {
  return topics.flatMap(({ partitions }) => partitions.map(({ partition }) => partition))
}

describe('FollowerSession', () => {
  it('names everything once, then only what is new, and forgets what is not wanted any more', () => {
    const session = new FollowerSession()
    const first = session.request([position(0), position(1)])
    expect(first).toMatchObject({ sessionId: 0, sessionEpoch: 0 })
    expect(named(first)).toEqual([0, 1])
    session.answered(77)
    const second = session.request([position(0), position(1, { fetchOffset: 5 }), position(2)])
    expect(second).toMatchObject({ sessionId: 77, sessionEpoch: 1, forgottenTopicsData: [] })
    expect(named(second)).toEqual([1, 2])
    const third = session.request([position(0)])
    expect(named(third)).toEqual([])
    expect(third).toMatchObject({ sessionEpoch: 2, forgottenTopicsData: [{ topicId: 't', partitions: [1, 2] }] })
    expect(named(session.request([position(0), position(1)]))).toEqual([1])
  })

  it('reads an answer by what its request had told, not by what a later one says', () => {
    const session = new FollowerSession()
    const first = session.request([position(0), position(1)])
    session.answered(77)
    const second = session.request([position(0), position(1, { currentLeaderEpoch: 1 })])
    expect(session.told('t', 0, first.number)).toEqual(position(0))
    expect(session.told('t', 1, first.number)).toBeUndefined()
    expect(session.told('t', 1, second.number)).toEqual(position(1, { currentLeaderEpoch: 1 }))
  })

  it('begins anew after a failure, and without a session names everything each time', () => {
    const session = new FollowerSession()
    session.request([position(0)])
    session.answered(77)
    session.failed()
    expect(session.isOpen).toBe(false)
    expect(named(session.request([position(0)]))).toEqual([0])
    session.answered(0)
    expect(session.request([position(0)])).toMatchObject({ sessionId: 0, sessionEpoch: 0 })
  })
})
