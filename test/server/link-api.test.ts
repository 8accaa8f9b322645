import { expect, it } from 'vitest'
import { HeliostatError } from '../../src/platform/errors.ts'
import { nodePlatform } from '../../src/platform/node-platform.ts'
import { controlApp } from '../../src/server/control-api.ts'
import { TwoWayLink } from '../../src/topology/link.ts'
import { UNLIMITED } from '../../src/topology/way.ts'

function control() {
  const speeds = [{ ...UNLIMITED, latencyMs: 35 }, UNLIMITED] as const
  const twoWay = new TwoWayLink(nodePlatform(), { ends: ['oregon', 'virginia'], speeds, clusters: ['east', 'west'] })
  const link = (from: string, to: string) => {
    if (from === 'oregon' && to === 'virginia') return twoWay.seenFrom(from)
    if (from === 'virginia' && to === 'oregon') return twoWay.seenFrom(from)
    throw new HeliostatError('HEL_TOPOLOGY', 'there is no such datacenter')
  }
  const app = controlApp({ clusters: {}, links: [twoWay.seenFrom('oregon')], link })
  return async (method: string, path: string, body?: unknown) => {
    const headers = { host: '127.0.0.1:8643', 'content-type': 'application/json' }
    const sent = body === undefined ? undefined : JSON.stringify(body)
    const answer = await app.request(`/api/v1/${path}`, { method, body: sent, headers })
    return { status: answer.status, json: (await answer.json()) as { ways: unknown } }
  }
}

it('shows how the links stand, and changes them', async () => {
  const call = control()
  const there = { from: 'oregon', to: 'virginia', state: 'open', latencyMs: 35, jitterMs: 0, bitsPerSecond: null }
  const back = { from: 'virginia', to: 'oregon', state: 'open', latencyMs: 0 }
  expect(await call('GET', 'links')).toMatchObject({
    status: 200,
    json: [{ name: 'oregon<->virginia', connections: 0, ways: [{ ...there, bytes: 0, bytesHeld: 0 }, back] }],
  })
  expect(await call('POST', 'links/virginia/oregon/cut', { direction: 'one-way' })).toMatchObject({
    status: 200,
    json: { ways: [there, { ...back, state: 'cut' }] },
  })
  const slow = { latencyMs: 200, bitsPerSecond: 1_000_000 }
  expect((await call('POST', 'links/oregon/virginia/slow', slow)).json.ways).toMatchObject([
    { ...slow, state: 'slowed' },
    { ...slow, state: 'cut' },
  ])
  expect((await call('POST', 'links/oregon/virginia/reset')).json).toMatchObject({ broken: 0 })
  expect((await call('POST', 'links/oregon/virginia/stall', {})).status).toBe(200)
  expect((await call('POST', 'links/oregon/virginia/heal')).json.ways).toMatchObject([there, back])
})

it('adds, lists and removes faults of messages', async () => {
  const call = control()
  const spec = { api: 'EndTxn', direction: 'answer', nth: 3, drop: true }
  const fault = { id: 'oregon-virginia-1', link: 'oregon<->virginia', ...spec, hits: 0, isSpent: false }
  expect(await call('POST', 'links/virginia/oregon/faults', spec)).toEqual({ status: 201, json: fault })
  await call('POST', 'links/virginia/oregon/faults', { close: true })
  expect((await call('GET', 'link-faults')).json).toMatchObject([fault, { id: 'oregon-virginia-2' }])
  expect(await call('DELETE', 'link-faults/oregon-virginia-1')).toEqual({ status: 200, json: fault })
  expect((await call('DELETE', 'link-faults/oregon-virginia-1')).status).toBe(404)
  expect((await call('DELETE', 'link-faults')).json).toHaveLength(1)
  expect((await call('GET', 'link-faults')).json).toEqual([])
})

it('says what is wrong', async () => {
  const call = control()
  const refused: [path: string, body: unknown, status: number, error: string][] = [
    ['virginia/ohio/cut', {}, 404, 'there is no such datacenter'],
    ['virginia/oregon/burn', {}, 404, 'a link cannot burn; it can cut, stall, reset, slow, heal'],
    ['virginia/oregon/cut', { direction: 'sideways' }, 400, 'direction: must be both or one-way, not "sideways"'],
    ['virginia/oregon/slow', {}, 400, 'latencyMs: one of latencyMs, jitterMs, bitsPerSecond must say what changes'],
    ['virginia/oregon/slow', { latncyMs: 1 }, 400, 'latncyMs: there is no such field here; did you mean latencyMs?'],
    ['virginia/oregon/slow', { jitterMs: '2' }, 400, 'jitterMs: must be a number'],
    ['virginia/oregon/slow', { latencyMs: -2 }, 400, "a link's latencyMs must be"],
    ['virginia/oregon/faults', { api: 'Fech', drop: true }, 400, 'api: no API Fech is served; did you mean Fetch?'],
    ['virginia/oregon/cut', [], 400, 'the body must be a JSON object'],
  ]
  for (const [path, body, status, error] of refused) {
    expect(await call('POST', `links/${path}`, body)).toMatchObject({
      status,
      json: { error: expect.stringContaining(error) },
    })
  }
})
