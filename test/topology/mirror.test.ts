// Whole flows between embedded clusters, over real sockets, in one process.
import '../support/least-rights.ts'
import { afterEach, describe, expect, test } from 'vitest'
import type { ClusterClient } from '../../src/client/cluster-client.ts'
import { type Flow, Mirror, type MirrorLimits } from '../../src/mirror/mirror.ts'
import type { PartitionStatus } from '../../src/mirror/status.ts'
import { nodePlatform } from '../../src/platform/node-platform.ts'
import { createPartitions } from '../../src/protocol/messages/create-partitions.ts'
import { deleteRecords } from '../../src/protocol/messages/delete-records.ts'
import { deleteTopics } from '../../src/protocol/messages/delete-topics.ts'
import { describeConfigs } from '../../src/protocol/messages/describe-configs.ts'
import { incrementalAlterConfigs } from '../../src/protocol/messages/incremental-alter-configs.ts'
import { ZERO_UUID } from '../../src/protocol/schema.ts'
import { buildBatch } from '../../src/records/batch-builder.ts'
import { TransactionalProducer } from '../broker/transactional-producer.ts'
import * as copies from '../support/copied.ts'
import { DelayProxy, isProduceTo } from '../support/delay-proxy.ts'
import { eastAndWest } from '../support/east-west.ts'
import { appendBatch, clientOf, endOffset, makeTopic, readAll, testPlatform, until } from '../support/log-content.ts'

const { source, target, east, west } = await eastAndWest()
let running: Mirror[] = []

afterEach(async () => {
  await Promise.all(running.map((mirror) => mirror.stop()))
  running = []
})

let aliases = 0

interface Setting {
  readonly flow?: Partial<Flow>
  readonly limits?: MirrorLimits
  readonly platform?: typeof testPlatform
  readonly alias?: string
}

/** A flow of its own name for these topics, so that tests share clusters and nothing else. */
async function mirrored(
  topics: string[],
  { flow, limits, alias, platform = testPlatform }: Setting = {},
): Promise<Mirror> {
  const name = alias ?? `east${++aliases}`
  const mirror = new Mirror(platform, {
    flow: {
      name: `${name}->west`,
      source: name,
      target: 'west',
      topics: { include: topics, exclude: [] },
      refreshMs: 50,
      ...flow,
    },
    source: clientOf(source.bootstrap, platform),
    target: clientOf(target.bootstrap, platform),
    limits: { lookAgainMs: 100, ...limits },
    slots: 2,
  })
  running.push(mirror)
  await mirror.start()
  return mirror
}

function partitionOf(mirror: Mirror, topic: string, partition = 0): PartitionStatus | undefined {
  return mirror.status().topics.find((status) => status.topic === topic)?.partitions[partition]
}

const seen = (mirror: Mirror) => () => JSON.stringify(mirror.status(), null, 1)

async function expectCopied(mirror: Mirror, topic: string, partition = 0): Promise<void> {
  const remote = { client: west, topic: mirror.policy.remoteTopic(topic), partition }
  await copies.expectCopied({ client: east, topic, partition }, remote, { what: seen(mirror) })
}

let clock = 1_700_000_000_000

function batchOf(values: readonly string[], key: string | null = 'key'): Buffer {
  return buildBatch(values.map((value) => ({ timestamp: clock++, key, value })))
}

function write(topic: string, partition: number, ...values: string[]): Promise<number> {
  return appendBatch(east, topic, partition, batchOf(values))
}

async function deleteBelow(client: ClusterClient, topic: string, offset: number): Promise<void> {
  const connection = await client.node(client.leaderOf(topic, 0)!.nodeId)
  const topics = [{ name: topic, partitions: [{ partitionIndex: 0, offset }] }]
  expect((await connection.send(deleteRecords, { topics, timeoutMs: 5_000 })).topics[0]!.partitions[0]!.errorCode).toBe(
    0,
  )
}

async function removeTopic(client: ClusterClient, topic: string): Promise<void> {
  const connection = await client.controller()
  const response = await connection.send(deleteTopics, {
    topics: [{ name: topic, topicId: ZERO_UUID }],
    topicNames: [topic],
    timeoutMs: 5_000,
  })
  expect(response.responses[0]!.errorCode).toBe(0)
  await client.refresh()
}

async function setConfig(client: ClusterClient, topic: string, name: string, value: string): Promise<void> {
  await client.send(incrementalAlterConfigs, {
    resources: [{ resourceType: 2, resourceName: topic, configs: [{ name, configOperation: 0, value }] }],
    validateOnly: false,
  })
}

describe('a flow', () => {
  test('creates the topic with the partitions and configs of its source, and copies what comes', async () => {
    await makeTopic(east, 'orders', 3, { 'retention.ms': '12345678', 'cleanup.policy': 'compact,delete' })
    const mirror = await mirrored(['orders'])
    for (let partition = 0; partition < 3; partition++) {
      await write('orders', partition, 'a', 'b')
      await write('orders', partition, 'c')
      await expectCopied(mirror, 'orders', partition)
    }
    const remote = mirror.policy.remoteTopic('orders')
    expect(west.topics().get(remote)!.partitions).toHaveLength(3)
    const { results } = await west.send(describeConfigs, {
      resources: [{ resourceType: 2, resourceName: remote, configurationKeys: null }],
    })
    const configs = new Map(results[0]!.configs.map(({ name, value }) => [name, value]))
    expect([configs.get('retention.ms'), configs.get('cleanup.policy')]).toEqual(['12345678', 'compact,delete'])
    await until(() => mirror.status().state === 'running', seen(mirror))
    expect(mirror.status()).toMatchObject({ rpoRecords: 0, bufferedBytes: 0 })
    expect(mirror.status().rpoMs).toBeLessThan(10_000)
    expect(mirror.translate('orders', 1, 2)).toBe(2)
    expect(mirror.translate('orders', 1, 3)).toBe(3)
    expect(mirror.translate('orders', 1, 4)).toBeUndefined()
    expect(mirror.translate(remote, 1, 2, { reverse: true })).toBe(2)
  })

  test('finds new topics and new partitions, and misses none of their records', async () => {
    const mirror = await mirrored(['grow.*'])
    await makeTopic(east, 'grow', 1)
    await write('grow', 0, 'first')
    await expectCopied(mirror, 'grow')
    const controller = await east.controller()
    await controller.send(createPartitions, {
      topics: [{ name: 'grow', count: 2, assignments: null }],
      timeoutMs: 5_000,
      validateOnly: false,
    })
    await until(async () => {
      await east.refresh()
      return east.leaderOf('grow', 1) !== undefined
    }, seen(mirror))
    await write('grow', 1, 'of the new partition')
    await expectCopied(mirror, 'grow', 1)
  })

  test('begins at the end, or at a time, when told to', async () => {
    await makeTopic(east, 'late', 1)
    await write('late', 0, 'a', 'b')
    const time = clock
    await write('late', 0, 'c', 'd')
    const atTime = await mirrored(['late'], { flow: { start: { timestamp: time } } })
    const atEnd = await mirrored(['late'], { flow: { start: 'latest' } })
    await until(() => partitionOf(atEnd, 'late')?.upstream === 4, seen(atEnd))
    await write('late', 0, 'e')
    const values = async (mirror: Mirror) => {
      const records = west.topics().has(mirror.policy.remoteTopic('late'))
        ? await readAll(west, mirror.policy.remoteTopic('late'), 0)
        : []
      return records.map(({ value }) => String(value)).join('')
    }
    await west.refresh()
    await until(async () => (await values(atTime)) === 'cde' && (await values(atEnd)) === 'e', seen(atEnd))
    expect(atEnd.translate('late', 0, 4)).toBe(0)
  })

  test('goes on after a stop where it was, and after a pause', async () => {
    await makeTopic(east, 'restart', 1)
    await write('restart', 0, 'a')
    const first = await mirrored(['restart'], { alias: 'again' })
    await expectCopied(first, 'restart')
    await first.stop()
    await write('restart', 0, 'b')
    const second = await mirrored(['restart'], { alias: 'again' })
    await expectCopied(second, 'restart')
    second.pause('restart')
    await write('restart', 0, 'c')
    expect(partitionOf(second, 'restart')!.state).toBe('paused')
    second.resume('restart')
    await expectCopied(second, 'restart')
  })

  test('joins small batches that have gathered, and counts them', async () => {
    await makeTopic(east, 'small', 1)
    for (let at = 0; at < 200; at++) await write('small', 0, `value ${at}`)
    const mirror = await mirrored(['small'])
    await expectCopied(mirror, 'small')
    expect(partitionOf(mirror, 'small')!.rewritten).toEqual({ joined: 200 })
    expect(partitionOf(mirror, 'small')!.runs).toBe(1)
  })

  test('keeps the times that a LogAppendTime source shows', async () => {
    await makeTopic(east, 'stamped', 1, { 'message.timestamp.type': 'LogAppendTime' })
    await write('stamped', 0, 'a', 'b')
    const mirror = await mirrored(['stamped'])
    await expectCopied(mirror, 'stamped')
    expect(partitionOf(mirror, 'stamped')!.rewritten).toEqual({ logAppendTime: 1 })
  })
})

describe('trouble', () => {
  test('connections that break again and again cost nothing but time', { timeout: 60_000 }, async () => {
    await makeTopic(east, 'cut', 2)
    const [host, port] = target.bootstrap.split(':')
    const [sourceHost, sourcePort] = source.bootstrap.split(':')
    const proxies = [
      await DelayProxy.start({ host: host!, port: Number(port) }),
      await DelayProxy.start({ host: sourceHost!, port: Number(sourcePort) }),
    ]
    const via = new Map([
      [Number(port), proxies[0]!],
      [Number(sourcePort), proxies[1]!],
    ])
    const platform = {
      ...testPlatform,
      network: {
        ...testPlatform.network,
        connect: (...[address, handler, tls]: Parameters<typeof testPlatform.network.connect>) => {
          const [viaHost, viaPort] = via.get(address.port)!.address.split(':')
          return testPlatform.network.connect({ host: viaHost!, port: Number(viaPort) }, handler, tls)
        },
      },
    }
    const mirror = await mirrored(['cut'], { platform, limits: { fetchPartitionBytes: 2_000, settleMs: 50 } })
    let cuts = 0
    for (let round = 0; round < 300; round++) {
      await write('cut', round % 2, ...Array.from({ length: 1 + (round % 7) }, (_, at) => `${round} ${at}`))
      if (round % 20 === 19) {
        proxies[cuts++ % 2]!.cut()
        await until(() => partitionOf(mirror, 'cut')?.state === 'running' || cuts < 2, seen(mirror)).catch(
          () => undefined,
        )
      }
    }
    await expectCopied(mirror, 'cut', 0)
    await expectCopied(mirror, 'cut', 1)
    expect(mirror.status().errors).toHaveProperty('HEL_CONNECTION_LOST')
    await mirror.stop()
    await Promise.all(proxies.map((proxy) => proxy.stop()))
  })

  test('a transaction that is left open at the source is told of, ages what would be lost, and passes', async () => {
    await makeTopic(east, 'hanging', 1)
    await write('hanging', 0, 'before')
    const mirror = await mirrored(['hanging'], { limits: { lookAgainMs: 300 } })
    await until(() => partitionOf(mirror, 'hanging')?.upstream === 1, seen(mirror))
    const producer = await TransactionalProducer.begin(await east.anyNode(), 'hanging')
    await producer.produce('hanging', ['open'])
    await write('hanging', 0, 'behind')
    await until(() => partitionOf(mirror, 'hanging')?.reason !== undefined, seen(mirror))
    const { state, reason, rpoMs, lagRecords } = partitionOf(mirror, 'hanging')!
    expect({ state, lagRecords }).toEqual({ state: 'running', lagRecords: 0 })
    expect(reason).toMatch(/^A transaction has been open at the source since offset 1, for \d+ s: .* 2 offsets so far/)
    expect(rpoMs).toBeGreaterThan(300)
    await producer.end(true)
    await until(() => partitionOf(mirror, 'hanging')?.records === 3, seen(mirror))
    expect(partitionOf(mirror, 'hanging')!.reason).toBeUndefined()
  })

  test('a topic of progress that somebody deletes is missed aloud, once', async () => {
    await makeTopic(east, 'placeless', 1)
    await write('placeless', 0, 'a')
    const log: string[] = []
    const platform = nodePlatform({ log: { level: 'warn', pretty: false, write: (line) => log.push(line) } })
    const mirror = await mirrored(['placeless'], { platform })
    await until(() => partitionOf(mirror, 'placeless')?.upstream === 1, seen(mirror))
    await removeTopic(west, mirror.policy.progressTopic)
    await until(() => (mirror.status().errors['HEL_PROGRESS_GONE'] ?? 0) > 2, seen(mirror))
    expect(log.filter((line) => line.includes('the places of all copies are in memory alone'))).toHaveLength(1)
  })

  test('a record too large stops its partition after all before it, and nothing else, until the limit is raised', async () => {
    await makeTopic(east, 'large', 2, { 'max.message.bytes': '200000' })
    const mirror = await mirrored(['large'], { flow: { configs: false } })
    const remote = mirror.policy.remoteTopic('large')
    await write('large', 0, 'small')
    await expectCopied(mirror, 'large')
    await setConfig(west, remote, 'max.message.bytes', '10000')
    await mirror.stop()
    const second = await mirrored(['large'], { alias: mirror.flow.source, flow: { configs: false } })
    await write('large', 0, 'before')
    await write('large', 0, 'x'.repeat(20_000))
    await write('large', 0, 'after')
    await write('large', 1, 'elsewhere')
    await expectCopied(second, 'large', 1)
    await until(() => partitionOf(second, 'large')?.state === 'stopped', seen(second))
    expect(partitionOf(second, 'large')!.reason).toMatch(
      /source offset 2 needs \d+ bytes, and the target topic takes 10000/,
    )
    expect(await endOffset(west, remote, 0)).toBe(2)
    await setConfig(west, remote, 'max.message.bytes', '100000')
    await expectCopied(second, 'large')
  })

  test('a batch larger than the target takes is split', async () => {
    await makeTopic(east, 'split', 1)
    const mirror = await mirrored(['split'], { flow: { configs: false } })
    await write('split', 0, 'a')
    await expectCopied(mirror, 'split')
    await mirror.stop()
    await setConfig(west, mirror.policy.remoteTopic('split'), 'max.message.bytes', '3000')
    const second = await mirrored(['split'], { alias: mirror.flow.source })
    await write('split', 0, ...Array.from({ length: 20 }, (_, at) => `${at}`.repeat(500)))
    await expectCopied(second, 'split')
    expect(partitionOf(second, 'split')!.rewritten).toEqual({ oversize: 1 })
  })

  test.each(['stop', 'skip', 'restart'] as const)(
    'records that the source deleted unseen are reported exactly, then: %s',
    async (onDataLoss) => {
      const topic = `lost-${onDataLoss}`
      await makeTopic(east, topic, 2)
      await write(topic, 0, 'a', 'b')
      const mirror = await mirrored([topic], { flow: { onDataLoss } })
      await expectCopied(mirror, topic)
      mirror.pause()
      await write(topic, 0, 'c', 'd', 'e')
      await deleteBelow(east, topic, 4)
      await write(topic, 0, 'f')
      mirror.resume()
      await until(() => (partitionOf(mirror, topic)?.gaps.length ?? 0) > 0, seen(mirror))
      expect(partitionOf(mirror, topic)!.gaps).toMatchObject([
        { topic, partition: 0, from: 2, to: 4, reason: 'retention', action: onDataLoss },
      ])
      await write(topic, 1, 'elsewhere')
      await expectCopied(mirror, topic, 1)
      const values = async () =>
        (await readAll(west, mirror.policy.remoteTopic(topic), 0)).map(({ value }) => String(value)).join('')
      if (onDataLoss === 'stop') {
        expect(partitionOf(mirror, topic)).toMatchObject({
          state: 'stopped',
          reason: expect.stringContaining('source offsets 2 to 3'),
        })
        expect(await values()).toBe('ab')
      } else await until(async () => (await values()) === 'abef', seen(mirror))
      const ledger = await readAll(west, mirror.policy.gapsTopic, 0)
      expect(ledger.map(({ value }) => JSON.parse(String(value)))).toMatchObject([{ topic, from: 2, to: 4 }])
    },
  )

  test('a partition that was never mirrored and starts above 0 has no gap', async () => {
    await makeTopic(east, 'old', 1)
    await write('old', 0, 'a', 'b', 'c')
    await deleteBelow(east, 'old', 2)
    const mirror = await mirrored(['old'])
    await expectCopied(mirror, 'old')
    expect(partitionOf(mirror, 'old')).toMatchObject({ gaps: [], upstream: 3, downstream: 1 })
  })

  test.each(['stop', 'restart'] as const)('a source topic that was recreated is seen, then: %s', async (onDataLoss) => {
    const topic = `recreated-${onDataLoss}`
    await makeTopic(east, topic, 1)
    await write(topic, 0, 'a', 'b')
    const mirror = await mirrored([topic], { flow: { onDataLoss } })
    await expectCopied(mirror, topic)
    await removeTopic(east, topic)
    await makeTopic(east, topic, 1)
    await write(topic, 0, 'c', 'd', 'e')
    await until(() => partitionOf(mirror, topic)?.gaps[0]?.reason === 'recreated', seen(mirror))
    const values = async () =>
      (await readAll(west, mirror.policy.remoteTopic(topic), 0)).map(({ value }) => String(value)).join('')
    if (onDataLoss === 'stop') {
      await until(() => partitionOf(mirror, topic)?.state === 'stopped', seen(mirror))
      expect(await values()).toBe('ab')
      return
    }
    await until(async () => (await values()) === 'abcde', seen(mirror))
    expect(mirror.translate(topic, 0, 1)).toBe(3)
  })

  test('a source topic that is gone is said to be gone, and its copy is kept', async () => {
    await makeTopic(east, 'gone', 1)
    await write('gone', 0, 'a')
    const mirror = await mirrored(['gone'])
    await expectCopied(mirror, 'gone')
    mirror.pause()
    await write('gone', 0, 'b', 'c')
    await until(() => partitionOf(mirror, 'gone')?.sourceEnd === 3, seen(mirror))
    await removeTopic(east, 'gone')
    mirror.resume()
    await until(() => partitionOf(mirror, 'gone')?.state === 'stopped', seen(mirror))
    expect(partitionOf(mirror, 'gone')!.reason).toMatch(/has no topic gone any more.* Source offsets 1 to 2 were not/)
    expect(await endOffset(west, mirror.policy.remoteTopic('gone'), 0)).toBe(1)
  })

  test('a null key that a compacted target refuses stops its partition with a sentence', async () => {
    await makeTopic(east, 'nulls', 1)
    const mirror = await mirrored(['nulls'])
    await write('nulls', 0, 'a')
    await expectCopied(mirror, 'nulls')
    await setConfig(west, mirror.policy.remoteTopic('nulls'), 'cleanup.policy', 'compact')
    await appendBatch(east, 'nulls', 0, batchOf(['b'], null))
    await until(() => partitionOf(mirror, 'nulls')?.state === 'stopped', seen(mirror))
    expect(partitionOf(mirror, 'nulls')!.reason).toContain('source offset 1')
  })

  test('a target that does not answer holds the source back: what is buffered stays within its limit', async () => {
    await makeTopic(east, 'slow', 2)
    const value = 'x'.repeat(50_000)
    for (let at = 0; at < 80; at++) await write('slow', at % 2, value)
    const [host, port] = target.bootstrap.split(':')
    const brake = { isOn: true }
    const proxy = await DelayProxy.start({
      host: host!,
      port: Number(port),
      holds: (frame) => brake.isOn && isProduceTo(frame, 'east.slow'),
    })
    const platform = {
      ...testPlatform,
      network: {
        ...testPlatform.network,
        connect: (...[address, handler, tls]: Parameters<typeof testPlatform.network.connect>) => {
          const [viaHost, viaPort] = proxy.address.split(':')
          const to = address.port === Number(port) ? { host: viaHost!, port: Number(viaPort) } : address
          return testPlatform.network.connect(to, handler, tls)
        },
      },
    }
    const bufferBytes = 600_000
    const fetchBytes = 200_000
    const mirror = await mirrored(['slow'], {
      alias: 'east',
      platform,
      limits: { bufferBytes, fetchBytes, fetchPartitionBytes: 100_000, windowBytes: 300_000 },
    })
    await until(() => mirror.status().bufferedBytes > bufferBytes - fetchBytes, seen(mirror))
    await new Promise((resolve) => setTimeout(resolve, 200))
    expect(mirror.status().bufferedBytes).toBeLessThanOrEqual(bufferBytes)
    brake.isOn = false
    proxy.release()
    await expectCopied(mirror, 'slow', 0)
    await expectCopied(mirror, 'slow', 1)
    await until(() => mirror.status().bufferedBytes === 0, seen(mirror))
    await mirror.stop()
    await proxy.stop()
  })
})
