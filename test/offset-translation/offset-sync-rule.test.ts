import { expect, test } from 'vitest'
import { OffsetSyncRule } from '../../src/offset-translation/offset-sync.ts'

test('the first record since start is due at once', () => {
  expect(new OffsetSyncRule(100).update(500, 20, 1)).toEqual({ upstream: 500, downstream: 20 })
})

test('then one is due when as many records as the allowed lag have followed', () => {
  const rule = new OffsetSyncRule(100)
  rule.update(0, 0, 1)
  expect(rule.update(1, 1, 99)).toBeUndefined()
  expect(rule.update(100, 100, 1)).toBeUndefined()
  expect(rule.update(101, 101, 1)).toEqual({ upstream: 101, downstream: 101 })
  expect(rule.update(102, 102, 100)).toBeUndefined()
  expect(rule.update(202, 202, 5)).toEqual({ upstream: 206, downstream: 206 })
})

test('a gap is due with its far side', () => {
  const rule = new OffsetSyncRule(100)
  rule.update(0, 0, 10)
  expect(rule.update(11, 10, 10)).toEqual({ upstream: 11, downstream: 10 })
})

test('a target that went back is due', () => {
  const rule = new OffsetSyncRule(100)
  rule.update(0, 50, 10)
  expect(rule.update(10, 3, 1)).toEqual({ upstream: 10, downstream: 3 })
})

test('the newest pair of a quiet partition is handed out once', () => {
  const rule = new OffsetSyncRule(100)
  rule.update(0, 0, 1)
  expect(rule.takeLatest()).toBeUndefined()
  rule.update(1, 1, 20)
  expect(rule.takeLatest()).toEqual({ upstream: 20, downstream: 20 })
  expect(rule.takeLatest()).toBeUndefined()
})
