import { expect, test } from 'vitest'
import type { Token } from '../../src/client/sasl/token.ts'
import { TokenSource } from '../../src/client/sasl/token-source.ts'
import { nodePlatform } from '../../src/platform/node-platform.ts'
import { FakeClock } from '../support/fake-clock.ts'

const LIFE_MS = 100_000

function scene({ isOpaque = false } = {}) {
  const clock = new FakeClock()
  const warnings: string[] = []
  const log = { level: 'warn', pretty: false, write: (line: string) => warnings.push(line) } as const
  const state = { asked: 0, isDown: false }
  const ask = async (): Promise<Token> => {
    const number = ++state.asked
    if (state.isDown) throw new Error('the endpoint is down')
    return { text: `token-${number}`, expiresAtMs: isOpaque ? undefined : clock.now() + LIFE_MS }
  }
  return { clock, warnings, state, source: new TokenSource({ ...nodePlatform({ log }), clock }, ask) }
}

test('logins share a token for four fifths of its life; of those who need the next, one asks', async () => {
  const { clock, state, source } = scene()
  expect(await Promise.all([source.token(), source.token()])).toEqual(['token-1', 'token-1'])
  await clock.advance(0.8 * LIFE_MS - 1)
  expect(await source.token()).toBe('token-1')
  await clock.advance(1)
  expect(await Promise.all([source.token(), source.token()])).toEqual(['token-2', 'token-2'])
  expect(state.asked).toBe(2)
})

test('an endpoint that is down costs no login while the token holds, and is asked once a second', async () => {
  const { clock, warnings, state, source } = scene()
  await source.token()
  state.isDown = true
  await clock.advance(0.9 * LIFE_MS)
  expect(await Promise.all([source.token(), source.token()])).toEqual(['token-1', 'token-1'])
  await clock.advance(999)
  expect([await source.token(), state.asked]).toEqual(['token-1', 2])
  await clock.advance(1)
  expect([await source.token(), state.asked]).toEqual(['token-1', 3])
  expect(warnings).toHaveLength(2)
  expect(warnings[0]).toContain('the endpoint is down; the one before holds until 2023-11-14T22:15:00.000Z')
  await clock.advance(0.1 * LIFE_MS)
  await expect(source.token()).rejects.toThrow('the endpoint is down')
  state.isDown = false
  expect(await source.token()).toBe('token-5')
})

test('a token that does not say how long it holds is good for one login', async () => {
  const { source } = scene({ isOpaque: true })
  expect([await source.token(), await source.token()]).toEqual(['token-1', 'token-2'])
})
