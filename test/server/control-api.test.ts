import { expect, it } from 'vitest'
import { Faults } from '../../src/broker/faults/faults.ts'
import { nodePlatform } from '../../src/platform/node-platform.ts'
import { controlApp } from '../../src/server/control-api.ts'

function control(...names: string[]) {
  const { clock, random } = nodePlatform()
  const clusters = Object.fromEntries(
    names.map((name) => [name, { faults: new Faults({ name, apiNames: ['Produce', 'Fetch'], clock, random }) }]),
  )
  const app = controlApp({
    clusters,
    links: [],
    link: () => {
      throw new Error('there are no links here')
    },
  })
  const call = async (method: string, path: string, init: { body?: string; headers?: Record<string, string> } = {}) => {
    const headers = { host: '127.0.0.1:8643', 'content-type': 'application/json', ...init.headers }
    const answer = await app.request(path, { method, body: init.body, headers })
    const text = await answer.text()
    return { status: answer.status, json: text.startsWith('{') || text.startsWith('[') ? JSON.parse(text) : text }
  }
  const add = (fault: object) => call('POST', '/api/v1/faults', { body: JSON.stringify(fault) })
  return { clusters, call, add }
}

it('adds, lists and removes faults', async () => {
  const { clusters, call, add } = control('local')
  const spec = { api: 'Produce', error: 'NOT_LEADER_OR_FOLLOWER', times: 3 }
  const fault = { id: 'local-1', cluster: 'local', ...spec, hits: 0, isSpent: false }
  expect(await add(spec)).toEqual({ status: 201, json: fault })
  expect(await add({ drop: 'response' })).toMatchObject({ status: 201, json: { id: 'local-2' } })
  expect(clusters['local']!.faults.list()).toHaveLength(2)
  expect((await call('GET', '/api/v1/faults')).json).toMatchObject([fault, { id: 'local-2' }])
  expect(await call('DELETE', '/api/v1/faults/local-1')).toEqual({ status: 200, json: fault })
  expect(await call('DELETE', '/api/v1/faults/local-1')).toMatchObject({ status: 404 })
  expect((await call('DELETE', '/api/v1/faults')).json).toMatchObject([{ id: 'local-2' }])
  expect((await call('GET', '/api/v1/faults')).json).toEqual([])
})

it('names the fields that are wrong', async () => {
  const { add } = control('local')
  expect(await add({ api: 'Produec', error: 'OFFSET_OUT_OF_RANG' })).toEqual({
    status: 400,
    json: {
      error:
        'api: this broker serves no API Produec; did you mean Produce?; error: Kafka has no error OFFSET_OUT_OF_RANG; did you mean OFFSET_OUT_OF_RANGE?',
      problems: [
        { field: 'api', message: 'this broker serves no API Produec; did you mean Produce?' },
        { field: 'error', message: 'Kafka has no error OFFSET_OUT_OF_RANG; did you mean OFFSET_OUT_OF_RANGE?' },
      ],
    },
  })
})

it('wants the cluster named where there are several', async () => {
  const { add } = control('east', 'west')
  expect((await add({ delayMs: 1 })).json.problems).toEqual([
    { field: 'cluster', message: 'one of east, west must be named' },
  ])
  expect((await add({ delayMs: 1, cluster: 'wset' })).json.error).toBe(
    'cluster: there is no cluster wset; did you mean west?',
  )
  expect((await add({ delayMs: 1, cluster: 'west' })).json).toMatchObject({ id: 'west-1', cluster: 'west' })
})

it('refuses bodies that are none', async () => {
  const { call } = control('local')
  const post = (body: string, headers = {}) => call('POST', '/api/v1/faults', { body, headers })
  expect(await post('{')).toMatchObject({ status: 400, json: { error: expect.stringContaining('no JSON') } })
  expect(await post('[]')).toMatchObject({ status: 400 })
  expect(await post('{"__proto__":{"delayMs":1}}')).toMatchObject({ status: 400 })
  expect(await post(`{"topic":"${'x'.repeat(70_000)}"}`)).toMatchObject({ status: 413 })
  expect(await post('delayMs=1', { 'content-type': 'application/x-www-form-urlencoded' })).toMatchObject({
    status: 415,
  })
})

it('refuses pages of other origins and names that are not of this machine', async () => {
  const { clusters, call, add } = control('local')
  const body = '{"delayMs":1}'
  const from = (origin: string) => call('POST', '/api/v1/faults', { body, headers: { origin } })
  expect(await from('http://evil.example')).toMatchObject({ status: 403 })
  expect(await from('http://127.0.0.1:8643')).toMatchObject({ status: 201 })
  expect(await call('POST', '/api/v1/faults', { body, headers: { host: 'evil.example' } })).toMatchObject({
    status: 421,
  })
  expect(await call('DELETE', '/api/v1/faults', { headers: { origin: 'null' } })).toMatchObject({ status: 403 })
  expect(clusters['local']!.faults.list()).toHaveLength(1)
  expect(await add({ delayMs: 1 })).toMatchObject({ status: 201 })
  expect(await call('GET', '/healthz')).toMatchObject({ status: 200 })
  expect(await call('GET', '/api/v1/other')).toMatchObject({ status: 404 })
})
