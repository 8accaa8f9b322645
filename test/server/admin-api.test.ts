import { describe, expect, it } from 'vitest'
import type { PartitionStatus } from '../../src/mirror/status.ts'
import { HeliostatError } from '../../src/platform/errors.ts'
import { nodePlatform } from '../../src/platform/node-platform.ts'
import { adminApp } from '../../src/server/admin-api.ts'
import { metricsOf } from '../../src/server/metrics.ts'
import { Rates } from '../../src/server/rates.ts'
import { stillFlow } from './flow.ts'

function server(options: { tokens?: string[]; notReady?: string[]; partition?: Partial<PartitionStatus> } = {}) {
  const flow = stillFlow(options.partition)
  const flows = new Map([[flow.name, flow]])
  const app = adminApp({
    flows,
    rates: new Rates(nodePlatform().clock),
    metrics: metricsOf({ flows, version: '1.2.3', now: () => 0 }),
    notReady: () => options.notReady ?? [],
    tokens: () => options.tokens ?? [],
    reload: async (dryRun) => {
      if (!dryRun)
        throw new HeliostatError('HEL_RELOAD', 'server.listen cannot change while it runs: restart the daemon')
      return { applied: false, added: ['a->b'] }
    },
  })
  const call = (path: string, init: RequestInit = {}) =>
    app.request(path, { ...init, headers: { host: '127.0.0.1:8642', ...init.headers } })
  return { flow, call }
}

describe('the admin API', () => {
  it('reloads, or says why nothing was changed', async () => {
    const { call } = server()
    const dry = await call('/api/v1/config/reload?dryRun=true', { method: 'POST' })
    expect([dry.status, await dry.json()]).toEqual([200, { applied: false, added: ['a->b'] }])
    const refused = await call('/api/v1/config/reload', { method: 'POST' })
    expect([refused.status, await refused.json()]).toEqual([
      409,
      { error: 'server.listen cannot change while it runs: restart the daemon' },
    ])
  })

  it('says that the process lives, whatever Kafka does', async () => {
    const { call } = server({ notReady: ['flow east->west: source unreachable'] })
    expect((await call('/healthz')).status).toBe(200)
    expect((await call('/readyz')).status).toBe(503)
    expect(await (await call('/readyz?verbose')).text()).toContain('source unreachable')
  })

  it('is ready when nothing speaks against it', async () => {
    expect((await server().call('/readyz')).status).toBe(200)
  })

  it('lists flows with what would be lost now', async () => {
    const { call } = server()
    expect(await (await call('/api/v1/flows')).json()).toMatchObject([
      {
        flow: 'east->west',
        state: 'running',
        rpoRecords: 7,
        rpoSeconds: 1.5,
        rpoTargetSeconds: 10,
        drift: 2,
        partitions: 1,
        stoppedPartitions: 0,
      },
    ])
  })

  it('finds a flow by its name, written plainly or escaped', async () => {
    const { call } = server()
    for (const name of ['east->west', 'east-%3Ewest'])
      expect((await call(`/api/v1/flows/${name}/topics`)).status).toBe(200)
    const missing = await call('/api/v1/flows/nowhere/topics')
    expect(missing.status).toBe(404)
    expect(await missing.json()).toEqual({ error: 'there is no flow nowhere', flows: ['east->west'] })
  })

  it('translates offsets both ways, and says so when there is no exact answer', async () => {
    const { call } = server()
    const ask = async (query: string) => {
      const answer = await call(`/api/v1/flows/east->west/translate?${query}`)
      return [answer.status, await answer.json()]
    }
    expect(await ask('topic=orders&partition=0&offset=50')).toEqual([
      200,
      { topic: 'orders', partition: 0, offset: 30 },
    ])
    expect(await ask('topic=orders&partition=0&offset=30&reverse=true')).toEqual([
      200,
      { topic: 'orders', partition: 0, offset: 50 },
    ])
    expect(await ask('topic=orders&partition=0&offset=500')).toEqual([
      404,
      { topic: 'orders', partition: 0, reason: 'not mirrored yet' },
    ])
    expect((await ask('topic=orders&partition=x&offset=1'))[0]).toBe(400)
    expect((await ask('topic=orders'))[0]).toBe(400)
    expect((await ask('topic=orders&partition=0&offset='))[0]).toBe(400)
    expect((await ask('topic=orders&partition=0&offset=1&reverse=yes'))[0]).toBe(400)
  })

  it('translates many positions at once, in their order, and refuses what is none', async () => {
    const { call } = server()
    const ask = (body: unknown, type = 'application/json') =>
      call('/api/v1/flows/east->west/translate', {
        method: 'POST',
        body: JSON.stringify(body),
        headers: { 'content-type': type },
      })
    const position = { topic: 'orders', partition: 0 }
    const answer = await ask([
      { ...position, offset: 50 },
      { ...position, offset: 500 },
    ])
    expect(await answer.json()).toEqual([
      { ...position, offset: 50, translated: 30 },
      { ...position, offset: 500, reason: 'not mirrored yet' },
    ])
    for (const wrong of [{}, [1], [{ ...position, offset: -1 }], [{ ...position, offset: '1' }], 'x'])
      expect((await ask(wrong)).status).toBe(400)
    expect((await ask([], 'text/plain')).status).toBe(415)
    expect((await ask('x'.repeat(5 * 1024 * 1024))).status).toBe(413)
  })

  it('tells of flows as Connect tells of source connectors of MirrorMaker', async () => {
    const ask = async (path: string, { call } = server()) => {
      const answer = await call(`/api/v1/connect/connectors${path}`)
      return [answer.status, await answer.json()]
    }
    const name = 'east->west.MirrorSourceConnector'
    const running = { state: 'RUNNING', worker_id: 'heliostat' }
    const status = { name, connector: running, tasks: [{ id: 0, ...running }], type: 'source' }
    expect(await ask('')).toEqual([200, [name]])
    expect(await ask('?expand=info&expand=status')).toEqual([200, { [name]: { status } }])
    expect(await ask(`/${name}/status`)).toEqual([200, status])
    expect(await ask(`/${encodeURIComponent(name)}/status`)).toEqual([200, status])
    // The next record is 120.
    expect(await ask(`/${name}/offsets`)).toEqual([
      200,
      { offsets: [{ partition: { cluster: 'east', partition: 0, topic: 'orders "x"' }, offset: { offset: 119 } }] },
    ])
    expect(await ask('/other/status')).toMatchObject([404, { error_code: 404 }])
    const stopped = server({ partition: { state: 'stopped', reason: 'too large', upstream: 0 } })
    expect(await ask(`/${name}/status`, stopped)).toMatchObject([
      200,
      { connector: running, tasks: [{ state: 'FAILED', trace: 'orders "x"-0: too large' }] },
    ])
    expect(await ask(`/${name}/offsets`, stopped)).toEqual([200, { offsets: [] }])
  })

  it('pauses and resumes a flow or one topic', async () => {
    const { call, flow } = server()
    await call('/api/v1/flows/east->west/pause', { method: 'POST' })
    await call('/api/v1/flows/east->west/resume?topic=orders', { method: 'POST' })
    expect(flow.calls).toEqual(['pause undefined', 'resume orders'])
  })

  it('asks for a token when there are any, and only under /api', async () => {
    const { call } = server({ tokens: ['s3cret', 'other'] })
    expect((await call('/api/v1/flows')).status).toBe(401)
    expect((await call('/api/v1/flows', { headers: { authorization: 'Bearer wrong!' } })).status).toBe(401)
    expect((await call('/api/v1/flows?token=s3cret')).status).toBe(401)
    expect((await call('/api/v1/flows', { headers: { authorization: 'Bearer other' } })).status).toBe(200)
    expect((await call('/healthz')).status).toBe(200)
  })

  it('answers no page of another origin and no foreign host name', async () => {
    const { call } = server()
    const foreign = await call('/api/v1/flows/east->west/pause', {
      method: 'POST',
      headers: { origin: 'http://evil.example' },
    })
    expect(foreign.status).toBe(403)
    expect((await call('/api/v1/flows', { headers: { origin: 'http://127.0.0.1:8642' } })).status).toBe(200)
    expect((await call('/', { headers: { host: 'evil.example' } })).status).toBe(421)
  })

  it('serves a page of its own files only', async () => {
    const { call } = server()
    const page = await call('/')
    expect(page.headers.get('content-security-policy')).toContain("default-src 'self'")
    const files = [...(await page.text()).matchAll(/(?:src|href)="([^"]+)"/g)].map((match) => match[1]!)
    expect(files.length).toBeGreaterThan(1)
    for (const file of files) expect((await call(file)).status).toBe(200)
  })
})

describe('the metrics', () => {
  it('carry the state, the objective and what would be lost, with labels escaped', async () => {
    const text = await (await server().call('/metrics')).text()
    for (const line of [
      'heliostat_flow_rpo_records{flow="east->west"} 7',
      'heliostat_flow_rpo_seconds{flow="east->west"} 1.5',
      'heliostat_flow_rpo_target_seconds{flow="east->west"} 10',
      'heliostat_flow_state{flow="east->west",state="running"} 1',
      'heliostat_flow_state{flow="east->west",state="stopped"} 0',
      'heliostat_replication_lag_records{flow="east->west",topic="orders \\"x\\""} 7',
      'heliostat_rewritten_batches_total{flow="east->west",reason="holes"} 2',
      'heliostat_replication_latency_seconds_bucket{flow="east->west",le="0.01"} 6',
      'heliostat_replication_latency_seconds_bucket{flow="east->west",le="+Inf"} 7',
      'heliostat_errors_total{flow="east->west",class="HEL_UNREACHABLE"} 3',
      'heliostat_gap_records_total{flow="east->west",reason="retention"} 0',
    ]) {
      expect(text).toContain(`${line}\n`)
    }
    expect(text).toMatch(/heliostat_build_info\{version="1\.2\.3",node="[\d.]+"\} 1/)
    expect(text).toContain('process_cpu_seconds_total')
  })
})
