// Instances that share a Redis for their background jobs: each job runs once for all of them, and a Redis that is not there, or dies,
// stops nothing.
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { loadConfig } from '../../src/config/config.ts'
import { type Daemon, startDaemon } from '../../src/daemon.ts'
import type { JobStatus } from '../../src/jobs/jobs.ts'
import { batchOf } from '../broker/requests.ts'
import { eventually } from '../compatibility/gathering.ts'
import { title } from '../compatibility/ground.ts'
import { eastAndWest } from '../support/east-west.ts'
import { appendBatch, endOffset, makeTopic, testPlatform } from '../support/log-content.ts'
import { redisUnavailable, startRedis } from '../support/redis.ts'
import { readSourceTree } from '../support/source-tree.ts'

const reason = redisUnavailable()
const NOBODY = 'redis://127.0.0.1:1'

const { source, target, east, west } = await eastAndWest()

beforeAll(async () => {
  await makeTopic(east, 'orders', 1)
})

async function daemonWith(redis: string): Promise<Daemon> {
  const yaml = `
version: 1
clusters:
  east: { bootstrap: ["${source.bootstrap}"] }
  west: { bootstrap: ["${target.bootstrap}"] }
mirrors: [{ from: east, to: west, refresh: 100ms }]
queue: { redis: "${redis}" }
server: { listen: 127.0.0.1:0 }
`
  const { config } = loadConfig(yaml, 'test.yaml', {})
  const daemon = await startDaemon(testPlatform, config, { version: 'test', directory: '.' })
  onTestFinished(() => daemon.stop())
  return daemon
}

async function jobOf(daemon: Daemon, kind: string): Promise<JobStatus> {
  const jobs = (await (await fetch(`${daemon.url}/api/v1/jobs`)).json()) as JobStatus[]
  return jobs.find(({ name }) => name === `east->west/${kind}`)!
}

async function write(value: string): Promise<void> {
  await appendBatch(east, 'orders', 0, batchOf([value]))
  await eventually(async () => expect(await endOffset(west, 'east.orders', 0)).toBe(await endOffset(east, 'orders', 0)))
}

test('a Redis that is not there delays neither the start nor the data, and after a while not the jobs', async () => {
  const began = performance.now()
  const daemon = await daemonWith(NOBODY)
  expect(performance.now() - began).toBeLessThan(4_500)
  await write('a')
  await eventually(async () => expect((await jobOf(daemon, 'heartbeat')).runs).toBeGreaterThan(1))
  const stopping = performance.now()
  await daemon.stop()
  expect(performance.now() - stopping).toBeLessThan(4_500)
})

test('BullMQ is loaded only where a Redis is configured', () => {
  const tree = readSourceTree(new URL('../../src', import.meta.url).pathname)
  const importers = [...tree].filter(([, text]) => /\bfrom '[^']*bullmq-queue\.ts'/.test(text))
  expect(importers).toEqual([])
  expect(tree.get('daemon.ts')).toContain("await import('./jobs/bullmq-queue.ts')")
})

describe.skipIf(reason)(title('two daemons on one Redis', reason), () => {
  test('beat once for both, and go on beating and mirroring when Redis dies', async () => {
    const redis = await startRedis()
    onTestFinished(() => redis.stop())
    const [a, b] = await Promise.all([daemonWith(redis.url), daemonWith(redis.url)])
    await write('b')
    await eventually(async () => expect((await jobOf(a!, 'heartbeat')).runs).toBeGreaterThan(1))
    const [runs, beats, at] = [await jobOf(a!, 'heartbeat'), await endOffset(west, 'heartbeats', 0), performance.now()]
    await eventually(async () => expect((await jobOf(b!, 'heartbeat')).runs).toBeGreaterThan(runs.runs + 2))
    const seconds = (performance.now() - at) / 1_000
    expect((await endOffset(west, 'heartbeats', 0)) - beats).toBeLessThanOrEqual(seconds + 2)
    await redis.kill()
    await write('c')
    const alone = await endOffset(west, 'heartbeats', 0)
    await eventually(async () => expect(await endOffset(west, 'heartbeats', 0)).toBeGreaterThan(alone + 2))
  })
})
