import { expect, test } from 'vitest'
import { ClaimList } from '../../src/offset-translation/claim-list.ts'

const claim = (downstream: number, fingerprint: number, count = 1) => ({
  downstream,
  fingerprint,
  runs: Array.from({ length: count }, (_, run) => ({ upstream: downstream + run * 2, count: 1 })),
})

test('claims below a place are forgotten, and their runs no longer count', () => {
  const claims = new ClaimList()
  for (let place = 0; place < 3000; place++) claims.add(claim(place * 2, place, 2))
  expect(claims.runs).toBe(6000)
  expect(claims.dropBelow(4000)).toBe(false)
  expect(claims.runs).toBe(2000)
  expect([...claims.all()].map(({ fingerprint }) => fingerprint)).toEqual(
    Array.from({ length: 1000 }, (_, at) => 2000 + at),
  )
})

test('the same batch planned by several owners is one claim; different batches for one place are several', () => {
  const claims = new ClaimList()
  for (const fingerprint of [1, 1, 2]) {
    claims.add(claim(10, fingerprint))
    claims.makeStale()
  }
  expect(claims.staleAt(10).map(({ fingerprint }) => fingerprint)).toEqual([1, 2])
  expect(claims.runs).toBe(2)
  expect(claims.dropBelow(11)).toBe(true)
  expect(claims.runs).toBe(0)
})

test('stale claims are told by ascending place, whenever they were made', () => {
  const claims = new ClaimList()
  claims.add(claim(30, 1))
  claims.makeStale()
  claims.add(claim(20, 2))
  claims.makeStale()
  expect([...claims.stale()].map(({ downstream }) => downstream)).toEqual([20, 30])
})
