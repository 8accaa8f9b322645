// Whether a team can move: the Java classes that read MirrorMaker's topics read heliostat's, MirrorMaker works on with what heliostat writes,
// both do the same from the same file, and a MirrorMaker that is killed is gone on with.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { makeAcls, readAcls } from '../../src/client/acls.ts'
import { readLog } from '../../src/client/log-reader.ts'
import { TopicPartition } from '../../src/client/topic-partition.ts'
import { loadConfig } from '../../src/config/config.ts'
import { importMirrorMaker } from '../../src/config/mm2/import.ts'
import { type Daemon, startDaemon } from '../../src/daemon.ts'
import { groupsThatRun } from '../../src/mirror/connect-workers.ts'
import { liveMirrorMaker } from '../../src/mirror/live-mirrormaker.ts'
import { replicationPolicy } from '../../src/mirror/replication-policy.ts'
import { decodeCheckpoint } from '../../src/offset-translation/checkpoint.ts'
import { decodeOffsetSync } from '../../src/offset-translation/offset-sync.ts'
import { describeConfigs } from '../../src/protocol/messages/describe-configs.ts'
import { buildBatch } from '../../src/records/batch-builder.ts'
import { javaArguments } from '../support/apache-kafka.ts'
import { expectCopied } from '../support/copied.ts'
import { ExternalProcess } from '../support/external-process.ts'
import { appendBatch, endOffset, makeTopic, readAll, testPlatform } from '../support/log-content.ts'
import { eventually } from './gathering.ts'
import { commitAt, type Side } from './mirrormaker-scenarios.ts'

const MM2_STARTS_MS = 90_000
const ORDERS = 'acc-orders'
const PLAIN = 'acc-plain'

/** One JVM with MirrorMaker in it, which is asked line by line. */
class Session {
  readonly #process = new ExternalProcess(
    'java',
    javaArguments(join(import.meta.dirname, 'java', 'MirrorMakerSession.java'), []),
  )
  #read = 0

  async ask(...words: string[]): Promise<string[]> {
    this.#process.write(`${words.join('\t')}\n`)
    const answered = () => /^### .*\n/m.exec(this.#process.stdout.slice(this.#read))
    await this.#process.until(() => answered() !== null, words.join(' '), MM2_STARTS_MS)
    const [last] = answered()!
    const printed = this.#process.stdout.slice(this.#read, this.#read + answered()!.index)
    this.#read += answered()!.index + last.length
    if (!last.startsWith('### done')) throw new Error(`${words.join(' ')}: ${last}`)
    return printed.split('\n').filter(Boolean)
  }

  get log(): string {
    return this.#process.stderr.slice(-4_000)
  }

  kill() {
    return this.#process.kill('SIGKILL')
  }
}

/** For a MirrorMaker that reacts at once and lives on one broker; but for that the defaults. */
function mm2Properties(alias: string, source: string, target: string): string {
  const seconds = ['refresh.topics', 'sync.topic.configs', 'sync.topic.acls', 'refresh.groups', 'emit.checkpoints']
  const replicated = ['checkpoints.topic', 'heartbeats.topic', 'offset-syncs.topic', 'offset.storage', 'status.storage']
  return [
    `clusters = ${alias}, west`,
    `${alias}.bootstrap.servers = ${source}`,
    `west.bootstrap.servers = ${target}`,
    `${alias}->west.enabled = true`,
    `${alias}->west.topics = acc-.*`,
    `${alias}->west.groups = acc-.*`,
    `west->${alias}.emit.heartbeats.enabled = false`,
    'sync.group.offsets.enabled = true',
    'sync.group.offsets.interval.seconds = 1',
    ...seconds.map((what) => `${what}.interval.seconds = 1`),
    ...[...replicated, 'config.storage'].map((what) => `${what}.replication.factor = 1`),
    'replication.factor = 1',
    'west.offset.flush.interval.ms = 500',
    '',
  ].join('\n')
}

export function acceptance(both: () => readonly Side[]): void {
  describe('beside MirrorMaker itself', { timeout: 120_000 }, () => {
    let source: Side
    let target: Side
    let session: Session
    let folder: string
    let daemon: Daemon
    let number = 0

    const file = (name: string, text: string) => {
      writeFileSync(join(folder, name), text)
      return join(folder, name)
    }
    const write = (topic: string, partition: number, count: number) => {
      const records = Array.from({ length: count }, () => {
        const value = `${number++}`
        return { timestamp: Date.now(), key: value, value, headers: [{ key: 'h', value: Buffer.from(value) }] }
      })
      return appendBatch(source.client, topic, partition, buildBatch(records))
    }
    const commit = (group: string, topic: string, offsets: readonly number[]) => commitAt(source, group, topic, offsets)
    /** What its file becomes, started. */
    const start = (alias: string, over: Readonly<Record<string, unknown>>) => {
      const { yaml } = importMirrorMaker(mm2Properties(alias, source.bootstrap, target.bootstrap), 'mm2.properties')
      const { config } = loadConfig(yaml, 'imported.yaml', {})
      const mirrors = config.mirrors.map((mirror) => ({ ...mirror, ...over }))
      const server = { ...config.server, listen: { host: '127.0.0.1', port: 0 } }
      const compat = { ...config.compat, mm2Metrics: true }
      return startDaemon(testPlatform, { ...config, mirrors, server, compat }, { version: 'test', directory: '.' })
    }

    beforeAll(async () => {
      ;[source, target] = both() as [Side, Side]
      folder = mkdtempSync(join(tmpdir(), 'heliostat-mm2-'))
      session = new Session()
      await makeTopic(source.client, ORDERS, 2, { 'retention.ms': '123456789', 'min.insync.replicas': '1' })
      await makeTopic(source.client, PLAIN, 3)
      const rule = { resourceType: 2, patternType: 3, host: '*', permissionType: 3 }
      await makeAcls(source.client, [
        { ...rule, resourceName: ORDERS, principal: 'User:reader', operation: 3 },
        { ...rule, resourceName: ORDERS, principal: 'User:owner', operation: 2 },
        { ...rule, resourceName: ORDERS, principal: 'User:writer', operation: 4 },
        { ...rule, resourceName: PLAIN, principal: 'User:nobody', operation: 3, permissionType: 2 },
      ])
      for (const partition of [0, 1]) await write(ORDERS, partition, 40)
      await write(PLAIN, 2, 5)
      await commit('acc-billing', ORDERS, [25, 40])
      await session.ask('mirrormaker', file('mm2.properties', mm2Properties('mm', source.bootstrap, target.bootstrap)))
      daemon = await start('he', { heartbeats: 'both' })
    }, 120_000)

    afterAll(async () => {
      await session?.kill()
      await daemon?.stop()
      rmSync(folder, { recursive: true, force: true })
    })

    const copies = async (alias: string) => {
      // A topic that MirrorMaker has just made may have no leader yet.
      for (const [topic, partitions] of [
        [ORDERS, [0, 1]],
        [PLAIN, [2]],
      ] as const)
        for (const partition of partitions)
          await eventually(
            () =>
              expectCopied(
                { client: source.client, topic, partition },
                { client: target.client, topic: `${alias}.${topic}`, partition },
                { timeoutMs: 5_000, what: () => session.log },
              ),
            MM2_STARTS_MS,
          )
    }

    const settingsOf = async (alias: string) => {
      await target.client.refresh()
      const rules = (await readAcls(target.client, 2))!
      return Promise.all(
        [ORDERS, PLAIN].map(async (topic) => {
          const resources = [{ resourceType: 2, resourceName: `${alias}.${topic}`, configurationKeys: null }]
          const { results } = await target.client.send(describeConfigs, { resources })
          const own = results[0]!.configs.filter(({ configSource }) => configSource === 1)
          return {
            partitions: target.client.topics().get(`${alias}.${topic}`)?.partitions.length,
            configs: own.map(({ name, value }) => `${name}=${value}`).toSorted(),
            rules: rules
              .filter(({ resourceName }) => resourceName === `${alias}.${topic}`)
              .map(({ principal, operation, permissionType }) => `${principal} ${operation} ${permissionType}`)
              .toSorted(),
          }
        }),
      )
    }

    test('both make the same of one file: topics, partitions, configs, access rules and records', async () => {
      await copies('he')
      await copies('mm')
      await eventually(async () => expect((await settingsOf('mm'))[0]!.rules).toHaveLength(2), 30_000)
      await eventually(async () => expect(await settingsOf('he')).toEqual(await settingsOf('mm')), 30_000)
      expect((await settingsOf('he'))[0]).toMatchObject({ partitions: 2, configs: ['retention.ms=123456789'] })
    })

    test('RemoteClusterUtils, MirrorClient and the formatters read what heliostat writes', async () => {
      await eventually(async () =>
        expect((await session.ask('translate', target.bootstrap, 'he', 'acc-billing')).toSorted()).toEqual([
          `he.${ORDERS}-0 25`,
          `he.${ORDERS}-1 40`,
        ]),
      )
      // Many groups at once (KIP-1239); those of the pattern alone.
      await commit('acc-other', PLAIN, [0, 0, 3])
      await eventually(async () =>
        expect((await session.ask('translate-all', target.bootstrap, 'he', 'acc-(billing|other)')).toSorted()).toEqual(
          expect.arrayContaining([
            `acc-billing he.${ORDERS}-0 25`,
            `acc-billing he.${ORDERS}-1 40`,
            `acc-other he.${PLAIN}-2 3`,
          ]),
        ),
      )
      expect(await session.ask('translate-all', target.bootstrap, 'he', 'none-.*')).toEqual([])
      await eventually(async () =>
        expect(await session.ask('client', target.bootstrap, 'he')).toEqual([
          'hops 1',
          'upstream true',
          'heartbeats true',
          'checkpoints true',
          'of all true',
          `topics he.${ORDERS} he.${PLAIN} he.heartbeats`,
        ]),
      )
      const printed = (topic: string) => session.ask('print', target.bootstrap, topic)
      expect(await printed('he.heartbeats')).toContainEqual(
        expect.stringMatching(/^Heartbeat\{sourceClusterAlias=west, targetClusterAlias=he, timestamp=\d+\}$/),
      )
      expect(await printed('he.checkpoints.internal')).toContain(
        `Checkpoint{consumerGroupId=acc-billing, topicPartition=he.${ORDERS}-0, upstreamOffset=25, downstreamOffset=25, metadata=}`,
      )
      await eventually(async () =>
        expect(await printed('mm2-offset-syncs.he.internal')).toContain(
          `OffsetSync{topicPartition=${ORDERS}-0, upstreamOffset=39, downstreamOffset=39}`,
        ),
      )
    })

    test('that it lives is seen: by its group, its workers by their connector, its offset syncs by their producer ids', async () => {
      await eventually(async () =>
        expect(await groupsThatRun(target.client, 'MirrorSourceConnector')).toEqual(['mm-mm2']),
      )
      const pair = { source: source.client, target: target.client, sourceAlias: 'mm', targetAlias: 'west' }
      const policy = replicationPolicy({ naming: 'prefix', source: 'mm' })
      expect(await liveMirrorMaker(testPlatform, { ...pair, policy })).toMatch(/^group mm-mm2 on /)
      const haveIds = async ({ client }: Side, topic: string) => {
        const to = await endOffset(client, topic, 0)
        const found = new Set<boolean>()
        for await (const batch of readLog(client, TopicPartition.of(topic, 0), { from: 0, to }))
          found.add(batch.producerId >= 0)
        return [...found]
      }
      expect(await haveIds(source, 'mm2-offset-syncs.west.internal')).toEqual([true])
      expect(await haveIds(target, 'mm2-offset-syncs.he.internal')).toEqual([false])
    })

    test("MirrorMaker's checkpoint connector, fed with heliostat's offset syncs, writes checkpoints that are true", async () => {
      const worker = {
        'bootstrap.servers': target.bootstrap,
        'key.converter': 'org.apache.kafka.connect.converters.ByteArrayConverter',
        'value.converter': 'org.apache.kafka.connect.converters.ByteArrayConverter',
        'offset.storage.file.filename': join(folder, 'offsets'),
        'plugin.discovery': 'service_load',
        listeners: 'http://127.0.0.1:0',
      }
      const connector = {
        name: 'checkpoints',
        'connector.class': 'org.apache.kafka.connect.mirror.MirrorCheckpointConnector',
        'source.cluster.alias': 'he',
        'target.cluster.alias': 'west',
        'source.cluster.bootstrap.servers': source.bootstrap,
        'target.cluster.bootstrap.servers': target.bootstrap,
        'offset-syncs.topic.location': 'target',
        topics: 'acc-.*',
        groups: 'fed',
        'emit.checkpoints.interval.seconds': '1',
        'refresh.groups.interval.seconds': '1',
        'checkpoints.topic.replication.factor': '1',
      }
      const lines = (properties: object) =>
        Object.entries(properties)
          .map(([key, value]) => `${key}=${value}\n`)
          .join('')
      // Heliostat's own filter has no group of this name: who writes its checkpoints is MirrorMaker.
      await commit('fed', ORDERS, [40, 40])
      await session.ask(
        'connect',
        file('worker.properties', lines(worker)),
        file('connector.properties', lines(connector)),
      )
      await eventually(async () => {
        const records = await readAll(target.client, 'he.checkpoints.internal', 0)
        const fed = records.map(decodeCheckpoint).filter((checkpoint) => checkpoint?.group === 'fed')
        expect(
          fed.map((one) => [one!.topic, one!.partition, one!.upstreamOffset, one!.downstreamOffset]).toSorted(),
        ).toEqual([
          [`he.${ORDERS}`, 0, 40, 40],
          [`he.${ORDERS}`, 1, 40, 40],
        ])
      }, MM2_STARTS_MS)
    })

    test('each metric that MirrorMaker shows in JMX stands in Prometheus, by the usual rules for names, with its labels', async () => {
      const shown = await session.ask('metrics')
      const types = new Set(shown.map((line) => line.split(' ')[0]))
      expect(types).toEqual(new Set(['MirrorSourceConnector', 'MirrorCheckpointConnector']))
      // Latencies are those of the last minute or so: of what happens now.
      await write(ORDERS, 0, 1)
      await commit('acc-billing', ORDERS, [26, 40])
      await eventually(async () => {
        const scraped = await (await fetch(`${daemon.url}/metrics`)).text()
        const missing = shown.filter((line) => {
          const [type, labels, attribute] = line.split(' ') as [string, string, string]
          const name = `kafka_connect_mirror_${type.toLowerCase()}_${attribute.replaceAll('-', '_')}`
          const series = scraped.split('\n').find((text) => text.startsWith(`${name}{`))
          return !series || labels.split(',').some((label) => !series.includes(`${label}="`))
        })
        expect(missing).toEqual([])
      })
    })

    test('every key that the definitions of MirrorMaker, Connect and the Java clients know is answered by name', async () => {
      const keys = await session.ask('keys')
      expect(keys.length).toBeGreaterThan(300)
      const written = keys.map((line) => {
        const [place, name] = line.split(' ') as [string, string]
        if (place === 'connector') return `A->B.${name}`
        if (place === 'worker') return `B.${name}`
        return `${place === 'consumer' ? 'A' : 'B'}.${place}.${name}`
      })
      const text = `clusters = A, B\nA.bootstrap.servers = a:1\nB.bootstrap.servers = b:1\n${written.map((key) => `${key} = x\n`).join('')}`
      const { answers } = importMirrorMaker(text, 'mm2.properties')
      const silent = written.filter(
        (key) => !answers.some((answer) => answer.key === key && answer.verdict !== 'unknown' && answer.message !== ''),
      )
      expect(silent).toEqual([])
    })

    test('a MirrorMaker that is killed in the middle is gone on with: no gap, nothing twice, and no group re-reads', async () => {
      let isKilled = false
      const killed = eventually(async () => expect(number).toBeGreaterThan(400))
        .then(() => session.kill())
        .then(() => {
          isKilled = true
        })
      for (let more = 30; more > 0; more -= isKilled ? 1 : 0) {
        for (const partition of [0, 1]) await write(ORDERS, partition, 10)
        await new Promise((resolve) => testPlatform.clock.setTimer(5, () => resolve(undefined)))
      }
      await killed
      const remote = `mm.${ORDERS}`
      const before = await readAll(target.client, remote, 0)
      const original = await readAll(source.client, ORDERS, 0)
      expect(before.length).toBeLessThan(original.length)
      const at = before.length - 3
      await commit('acc-late', ORDERS, [at, at])
      const goneOn = await start('mm', { takeOver: 'mirrormaker' })
      try {
        await copies('mm')
        const flow = [...goneOn.flows.values()][0]!
        for (const offset of [at, before.length, original.length - 1])
          expect(flow.translate({ topic: ORDERS, partition: 0, offset, reverse: false })).toMatchObject({ offset })
        await eventually(async () => {
          const [answer] = await target.admin.fetchOffsets({ groupId: 'acc-late', topics: [remote] })
          expect(answer!.partitions.find(({ partition }) => partition === 0)?.offset).toBe(`${at}`)
        })
        // Fed with MirrorMaker's offset syncs it gives the numbers that stand in them.
        const syncs = (await readAll(source.client, 'mm2-offset-syncs.west.internal', 0)).flatMap(
          (record) => decodeOffsetSync(record) ?? [],
        )
        const translated = syncs
          .filter((sync) => sync.topic === ORDERS && sync.partition === 0)
          .map(({ upstreamOffset, downstreamOffset }) => ({
            ours: flow.translate({ topic: ORDERS, partition: 0, offset: upstreamOffset, reverse: false }).offset,
            theirs: downstreamOffset,
          }))
          .filter(({ ours }) => ours !== undefined)
        expect(translated.length).toBeGreaterThan(0)
        for (const { ours, theirs } of translated) expect(ours).toBe(theirs)
        // MirrorMaker's own word on a group is never ahead of the truth, and heliostat's is the truth.
        const said = (await readAll(target.client, 'mm.checkpoints.internal', 0)).map(decodeCheckpoint)
        for (const checkpoint of said.filter((one) => one?.topic === remote))
          expect(checkpoint!.downstreamOffset).toBeLessThanOrEqual(checkpoint!.upstreamOffset)
      } finally {
        await goneOn.stop()
      }
    })
  })
}
