import { expect, it } from 'vitest'
import { ACKNOWLEDGE, DELIVERY_STATE, Delivery, type ReadRange } from '../../../src/broker/share/delivery.ts'

const limit = 3
const batch = (firstOffset: number, lastOffset: number, isHidden = false): ReadRange => {
  return { firstOffset, lastOffset, isHidden }
}
const upTo = (maxRecords: number, { isExact = false, lockedUntilMs = 100 } = {}) => {
  return { maxRecords, isExact, lockedUntilMs }
}
const all = upTo(1000)
const said = (firstOffset: number, lastOffset: number, ...acknowledgeTypes: number[]) => {
  return { firstOffset, lastOffset, acknowledgeTypes }
}

it('gives every record to one member only, whole batches at a time', () => {
  const delivery = new Delivery(0, [])
  const batches = [batch(0, 4), batch(5, 9), batch(10, 14)]
  expect(delivery.acquire('a', 0, batches, upTo(6))).toEqual([
    { firstOffset: 0, lastOffset: 4, deliveryCount: 1 },
    { firstOffset: 5, lastOffset: 9, deliveryCount: 1 },
  ])
  expect(delivery.nextFetchOffset).toBe(10)
  expect(delivery.acquire('b', 10, [batch(10, 14)], all)).toEqual([
    { firstOffset: 10, lastOffset: 14, deliveryCount: 1 },
  ])
  expect(delivery.acquire('c', 0, batches, all)).toEqual([])
})

it('cuts a batch for who wants not one record more', () => {
  const delivery = new Delivery(0, [])
  expect(delivery.acquire('a', 0, [batch(0, 9)], upTo(3, { isExact: true }))).toEqual([
    { firstOffset: 0, lastOffset: 2, deliveryCount: 1 },
  ])
  expect(delivery.nextFetchOffset).toBe(3)
})

it('moves the start over what is done, and counts what is done beyond it', () => {
  const delivery = new Delivery(0, [])
  delivery.acquire('a', 0, [batch(0, 9)], all)
  expect(delivery.acknowledge([said(4, 6, ACKNOWLEDGE.ACCEPT)], limit, 0)).toEqual([
    { firstOffset: 4, lastOffset: 6, deliveryState: DELIVERY_STATE.ACKNOWLEDGED, deliveryCount: 1 },
  ])
  expect([delivery.startOffset, delivery.completeCount]).toEqual([0, 3])
  delivery.acknowledge(
    [said(0, 3, ACKNOWLEDGE.ACCEPT, ACKNOWLEDGE.GAP, ACKNOWLEDGE.REJECT, ACKNOWLEDGE.ACCEPT)],
    limit,
    0,
  )
  expect([delivery.startOffset, delivery.completeCount]).toEqual([7, 0])
})

it('gives what was released again, until it was given too often', () => {
  const delivery = new Delivery(0, [])
  for (const deliveryCount of [1, 2, 3]) {
    const [taken] = delivery.acquire('a', delivery.nextFetchOffset, [batch(0, 1)], all)
    expect(taken).toEqual({ firstOffset: 0, lastOffset: 1, deliveryCount })
    delivery.acknowledge([said(0, 1, ACKNOWLEDGE.RELEASE)], limit, 0)
  }
  expect([delivery.startOffset, delivery.nextFetchOffset]).toEqual([2, 2])
})

it('lets nobody acknowledge what he does not have', () => {
  const delivery = new Delivery(0, [])
  delivery.acquire('a', 0, [batch(0, 4)], all)
  expect(delivery.refusal('a', [said(0, 4)])).toBeUndefined()
  expect(delivery.refusal('b', [said(0, 4)])?.message).toBe('Member is not the owner of offset')
  expect(delivery.refusal('a', [said(0, 5)])?.message).toContain('last offset in request is past')
  expect(delivery.refusal('a', [said(5, 6)])?.code).toBe('INVALID_REQUEST')
  expect(delivery.refusal('a', [said(0, 1), said(1, 2)])?.message).toContain('not acquired')
  delivery.acknowledge([said(0, 1, ACKNOWLEDGE.ACCEPT), said(3, 3, ACKNOWLEDGE.RELEASE)], limit, 0)
  expect(delivery.refusal('a', [said(0, 2)])).toBeUndefined()
  expect(delivery.refusal('a', [said(2, 3)])?.code).toBe('INVALID_RECORD_STATE')
})

it('takes back what is not acknowledged in time, unless the lock was renewed', () => {
  const delivery = new Delivery(0, [])
  delivery.acquire('a', 0, [batch(0, 4)], upTo(10, { lockedUntilMs: 100 }))
  delivery.acknowledge([said(2, 2, ACKNOWLEDGE.RENEW)], limit, 200)
  expect(delivery.nextLockEndMs).toBe(100)
  expect(delivery.releaseExpired(99, limit)).toEqual([])
  expect(delivery.releaseExpired(100, limit).map(({ firstOffset, lastOffset }) => [firstOffset, lastOffset])).toEqual([
    [0, 1],
    [3, 4],
  ])
  expect(delivery.nextLockEndMs).toBe(200)
  expect(delivery.acquire('b', 0, [batch(0, 4)], all)).toEqual([
    { firstOffset: 0, lastOffset: 1, deliveryCount: 2 },
    { firstOffset: 3, lastOffset: 4, deliveryCount: 2 },
  ])
})

it('gives back what a member has that goes', () => {
  const delivery = new Delivery(0, [])
  delivery.acquire('a', 0, [batch(0, 4)], all)
  delivery.acquire('b', 5, [batch(5, 9)], all)
  delivery.releaseOf('b', limit)
  expect(delivery.nextFetchOffset).toBe(5)
  expect(delivery.refusal('a', [said(0, 4)])).toBeUndefined()
})

it('passes over holes of compaction and what is not to be seen', () => {
  const delivery = new Delivery(0, [])
  const read = [batch(3, 4), batch(5, 5, true), batch(8, 9)]
  expect(delivery.acquire('a', 0, read, all).map(({ firstOffset }) => firstOffset)).toEqual([3, 8])
  expect(delivery.startOffset).toBe(3)
  delivery.acknowledge([said(3, 4, ACKNOWLEDGE.ACCEPT)], limit, 0)
  expect(delivery.startOffset).toBe(8)
})

it('goes on from what was kept of it, and from where the log begins', () => {
  const { AVAILABLE, ACKNOWLEDGED } = DELIVERY_STATE
  const delivery = new Delivery(10, [
    { firstOffset: 12, lastOffset: 13, deliveryState: ACKNOWLEDGED, deliveryCount: 1 },
    { firstOffset: 16, lastOffset: 16, deliveryState: AVAILABLE, deliveryCount: 2 },
  ])
  expect([delivery.startOffset, delivery.nextFetchOffset, delivery.endOffset]).toEqual([10, 10, 17])
  expect(delivery.acquire('a', 10, [batch(10, 16)], all)).toEqual([
    { firstOffset: 10, lastOffset: 11, deliveryCount: 1 },
    { firstOffset: 14, lastOffset: 15, deliveryCount: 1 },
    { firstOffset: 16, lastOffset: 16, deliveryCount: 3 },
  ])
  expect(delivery.startAtLeast(15)).toBe(true)
  expect(delivery.startAtLeast(15)).toBe(false)
  expect(delivery.refusal('a', [said(15, 16)])).toBeUndefined()
  delivery.startAtLeast(40)
  expect([delivery.startOffset, delivery.endOffset]).toEqual([40, 40])
})
