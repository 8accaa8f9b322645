import { expect, test } from 'vitest'
import { type PendingDelete, pendingDeletes } from '../../src/mirror/delete-rules.ts'

const orders = { topic: 'orders', remoteTopic: 'east.orders', targetTopicId: 'id' }

function look(before: readonly PendingDelete[], nowMs: number, isThere: boolean) {
  return pendingDeletes(before, { known: [orders], isThere: () => isThere }, 100, nowMs)
}

test('a topic is due when it was missing at every look for the whole delay', () => {
  const first = look([], 1_000, false)
  expect(first).toEqual([{ ...orders, missingSince: 1_000, dueAt: 1_100 }])
  expect(look(first, 1_099, false)).toEqual(first)
})

test('a topic that was there in between begins anew', () => {
  const back = look(look([], 1_000, false), 1_050, true)
  expect(back).toEqual([])
  expect(look(back, 1_090, false)[0]!.dueAt).toBe(1_190)
})
