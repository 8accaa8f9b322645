// `heliostat link` against a running `heliostat broker` with two datacenters, as processes.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { ExternalProcess, runExternal } from '../support/external-process.ts'
import { clientOf, makeTopic } from '../support/log-content.ts'

const main = join(import.meta.dirname, '..', '..', 'src', 'cli', 'main.ts')
const folder = mkdtempSync(join(tmpdir(), 'heliostat-link-'))
let broker: ExternalProcess
let ready: { control: string; clusters: Record<string, { bootstrap: string; via: Record<string, string> }> }

const link = (...args: string[]) => runExternal(process.execPath, [main, 'link', ...args, '--url', ready.control])

beforeAll(async () => {
  const file = join(folder, 'two.yaml')
  writeFileSync(
    file,
    `version: 1
clusters: { east: { datacenter: virginia }, west: { datacenter: oregon } }
links: { virginia<->oregon: { latency: 2ms, bandwidth: 1Gbit } }
`,
  )
  broker = new ExternalProcess(process.execPath, [main, 'broker', file, '--control', '0', '--log-level', 'warn'])
  await broker.until(({ stdout }) => stdout.includes('\n'), 'a ready line')
  ready = JSON.parse(broker.stdout)
})

afterAll(async () => {
  expect(await broker.kill('SIGTERM')).toEqual({ code: 0, signal: null })
  rmSync(folder, { recursive: true, force: true })
})

it('the ready line says how clients in another datacenter reach a cluster, and they are served there', async () => {
  const { east, west } = ready.clusters
  expect([Object.keys(east!.via), Object.keys(west!.via)]).toEqual([['oregon'], ['virginia']])
  const client = clientOf(east!.via['oregon']!)
  await makeTopic(client, 'orders', 1)
  client.close()
})

it('a link is listed, slowed down, cut and healed', async () => {
  const { stdout } = await link('list')
  expect(stdout.split('\n')[0]).toMatch(/^FROM {6}TO {8}STATE {2}LATENCY {2}BANDWIDTH {2,}SENT {2}HELD {2}CONNECTIONS$/)
  expect(stdout.split('\n')[1]).toMatch(/^oregon {4}virginia {2}open {3}2 ms {5}1 Gbit\/s {2}.* 0 B {12}0$/)
  const slowed = await link(
    'slow',
    'virginia',
    'oregon',
    '--latency',
    '300ms',
    '--bandwidth',
    '2Mbit',
    '--one-way',
    '-o',
    'json',
  )
  expect(JSON.parse(slowed.stdout)).toMatchObject([
    { link: 'oregon<->virginia', from: 'oregon', state: 'open', latencyMs: 2 },
    { from: 'virginia', state: 'slowed', latencyMs: 300, bitsPerSecond: 2_000_000 },
  ])
  expect((await link('cut', 'virginia')).stdout.match(/ cut /g)).toHaveLength(2)
  expect(await link('reset', 'virginia', 'oregon')).toMatchObject({ code: 0, stderr: '0 connections were broken\n' })
  expect((await link('heal')).stdout.match(/ open /g)).toHaveLength(2)
})

it('a fault of messages bites, is listed with its hits and removed', async () => {
  const [east] = [ready.clusters['east']!]
  const added = await link(
    'fault',
    'virginia',
    'oregon',
    '--api',
    'CreateTopics',
    '--close',
    '--times',
    'all',
    '-o',
    'json',
  )
  expect(JSON.parse(added.stdout)).toMatchObject([
    { id: 'oregon-virginia-1', api: ['CreateTopics'], close: true, times: 'all' },
  ])
  const client = clientOf(east.via['oregon']!)
  await expect(makeTopic(client, 'payments', 1)).rejects.toThrow()
  client.close()
  expect((await link('faults')).stdout.split('\n')[1]).toBe(
    'oregon-virginia-1  CreateTopics always over oregon<->virginia  breaks its connection     1',
  )
  expect(await link('remove', '--all', '-o', 'ndjson')).toMatchObject({ code: 0 })
  expect(await link('faults', '-o', 'json')).toMatchObject({ code: 0, stdout: '[]\n' })
})

it('wrong usage says what was perhaps meant', async () => {
  expect(await link('cut', 'virginia', 'oregno')).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('no datacenter oregno; did you mean oregon?'),
  })
  expect(await link('slow', 'virginia', 'oregon', '--bandwidth', '10')).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('10Mbit'),
  })
  expect(await link('cut', 'virgina')).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('did you mean virginia?'),
  })
  expect(await link('fault', 'virginia', 'oregon')).toMatchObject({ code: 2, stderr: expect.stringContaining('drop') })
})
