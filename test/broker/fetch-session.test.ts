import { expect, it } from 'vitest'
import { type FetchPartition, FetchSessions } from '../../src/broker/fetch-session.ts'
import { ErrorCode } from '../../src/protocol/errors.ts'

const partition = (number: number): FetchPartition => ({
  topic: 't',
  topicId: '',
  partition: number,
  fetchOffset: 0,
  maxBytes: 1,
  currentLeaderEpoch: -1,
  lastFetchedEpoch: -1,
  logStartOffset: -1,
})
const partitions = (count: number) => Array.from({ length: count }, (_, i) => partition(i))
const told = { errorCode: 0, highWatermark: 5, logStartOffset: 0, bytes: 0, diverges: false }

function sessions(slots: number) {
  let id = 0
  return new FetchSessions({ slots, minEvictionMs: 1000 }, () => ++id)
}

function opened(all: FetchSessions, count: number, nowMs = 0) {
  const session = all.open(false, count, nowMs)
  session?.update(partitions(count), [])
  return session
}

it('tells only what is news, and everything again after an error', () => {
  const session = opened(sessions(1), 1)!
  expect(session.isNews(partition(0), told)).toBe(true)
  expect(session.isNews(partition(0), told)).toBe(false)
  expect(session.isNews(partition(0), { ...told, highWatermark: 6 })).toBe(true)
  expect(session.isNews(partition(0), { ...told, highWatermark: 6, logStartOffset: 2 })).toBe(true)
  expect(session.isNews(partition(0), { ...told, highWatermark: 6, logStartOffset: 2, diverges: true })).toBe(true)
  expect(session.isNews(partition(0), { ...told, errorCode: ErrorCode.UNKNOWN_LEADER_EPOCH })).toBe(true)
  expect(session.isNews(partition(0), told)).toBe(true)
})

it('reads a partition that gave records after all others the next time', () => {
  const session = opened(sessions(1), 3)!
  session.isNews(partition(0), { ...told, bytes: 10 })
  expect(session.partitions().map((asked) => asked.partition)).toEqual([1, 2, 0])
})

it('adds, changes and forgets partitions', () => {
  const session = opened(sessions(1), 2)!
  session.update([{ ...partition(1), fetchOffset: 9 }, partition(7)], [{ topicKey: 't', partition: 0 }])
  expect(session.partitions().map((asked) => [asked.partition, asked.fetchOffset])).toEqual([
    [1, 9],
    [7, 0],
  ])
})

it('goes on only with the epoch that is due and the same kind of topic names', () => {
  const all = sessions(1)
  const { id } = opened(all, 1)!
  expect(all.resume(id, 2, false, 0)).toBe(ErrorCode.INVALID_FETCH_SESSION_EPOCH)
  expect(all.resume(id, 1, true, 0)).toBe(ErrorCode.FETCH_SESSION_TOPIC_ID_ERROR)
  expect(all.resume(id, 1, false, 0)).toMatchObject({ id, epoch: 2 })
  expect(all.resume(id, 2, false, 0)).toMatchObject({ id, epoch: 3 })
  all.close(id)
  expect(all.resume(id, 3, false, 0)).toBe(ErrorCode.FETCH_SESSION_ID_NOT_FOUND)
})

it('evicts a session that is stale, or else one that is smaller than the newcomer, or makes none', () => {
  const all = sessions(2)
  const [small, large] = [opened(all, 2)!, opened(all, 5)!]
  expect(opened(all, 1, 10)).toBeUndefined()
  const third = opened(all, 3, 10)!
  expect(all.resume(small.id, 1, false, 10)).toBe(ErrorCode.FETCH_SESSION_ID_NOT_FOUND)
  expect(all.resume(large.id, 1, false, 500)).toMatchObject({ id: large.id })
  expect(opened(all, 1, 1200)).toBeDefined()
  expect(all.resume(third.id, 1, false, 1200)).toBe(ErrorCode.FETCH_SESSION_ID_NOT_FOUND)
  expect(all.size).toBe(2)
})

it('makes no session where there are no slots', () => {
  expect(opened(sessions(0), 1)).toBeUndefined()
})
