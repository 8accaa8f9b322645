// Quotas as clients feel them, on both brokers: who is paused, for how long, and who is not.
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { Connection } from '../../src/client/connection.ts'
import { nodePlatform } from '../../src/platform/node-platform.ts'
import { ErrorCode } from '../../src/protocol/errors.ts'
import { alterClientQuotas } from '../../src/protocol/messages/alter-client-quotas.ts'
import { apiVersions } from '../../src/protocol/messages/api-versions.ts'
import { createTopics } from '../../src/protocol/messages/create-topics.ts'
import { describeClientQuotas } from '../../src/protocol/messages/describe-client-quotas.ts'
import { fetch } from '../../src/protocol/messages/fetch.ts'
import { metadata } from '../../src/protocol/messages/metadata.ts'
import { produce } from '../../src/protocol/messages/produce.ts'
import { batchOf, fetchOf } from '../broker/requests.ts'
import { eventually } from './gathering.ts'
import { grounds, type RunningGround, title } from './ground.ts'

const platform = nodePlatform({ log: { level: 'silent' } })
const software = { clientSoftwareName: 'test', clientSoftwareVersion: '1' }
const GET_TELEMETRY_SUBSCRIPTIONS = 71

describe.each(grounds)('quotas', (ground) => {
  describe.skipIf(ground.reason)(title(`quotas on ${ground.name}`, ground.reason), () => {
    let cluster: RunningGround

    beforeAll(async () => {
      cluster = await ground.start()
      await cluster.createTopic('limited', 1)
    }, 60_000)
    afterAll(() => cluster?.stop())

    async function connect(clientId: string): Promise<Connection> {
      const [host, port] = cluster.bootstrap.split(':')
      const connection = await Connection.open(platform, { host: host!, port: Number(port), clientId })
      onTestFinished(() => connection.close())
      return connection
    }

    /** Resolves once the broker can be asked for the quota; a moment later it also obeys it. */
    async function limit(entity: Readonly<Record<string, string | null>>, key: string, value: number | null) {
      const admin = await connect('admin')
      const parts = Object.entries(entity).map(([entityType, entityName]) => ({ entityType, entityName }))
      const ops = [{ key, value: value ?? 0, remove: value === null }]
      const { entries } = await admin.send(alterClientQuotas, {
        entries: [{ entity: parts, ops }],
        validateOnly: false,
      })
      expect(entries[0]!.errorCode).toBe(0)
      const components = parts.map(({ entityType, entityName }) => {
        return { entityType, matchType: entityName === null ? 1 : 0, match: entityName }
      })
      await eventually(async () => {
        const { entries: found } = await admin.send(describeClientQuotas, { components, strict: true })
        const held = found![0]?.values.find((one) => one.key === key)?.value ?? null
        expect(held).toBe(value)
      })
    }

    const send = async (connection: Connection, bytes: number, topic = 'limited') => {
      const partitionData = [{ index: 0, records: [batchOf(['x'.repeat(bytes)])] }]
      const request = { acks: -1, timeoutMs: 5000, topicData: [{ name: topic, partitionData }] }
      const answer = await connection.send(produce, request, { version: 9 })
      expect(answer.responses[0]!.partitionResponses[0]!.errorCode).toBe(0)
      return answer.throttleTimeMs
    }

    it('lets a producer begin with what ten seconds allow, and pauses it for what goes beyond', async () => {
      await limit({ 'client-id': 'writer' }, 'producer_byte_rate', 1000)
      const writer = await connect('writer')
      await eventually(async () => expect(await send(await connect('writer-2'), 10)).toBe(0))
      expect(await send(writer, 9000)).toBe(0)
      const pauseMs = await send(writer, 3000)
      // (9000 + 3000 + frames of some hundred bytes) / 1000 a second, less the ten seconds.
      expect(pauseMs).toBeGreaterThan(1900)
      expect(pauseMs).toBeLessThan(3000)
      const begun = platform.clock.monotonic()
      await writer.send(metadata, { topics: [] })
      expect(platform.clock.monotonic() - begun).toBeGreaterThan(pauseMs - 200)
      expect(await send(await connect('another'), 9000)).toBe(0)
    })

    it('takes the quota of a user and client before that of the client', async () => {
      await limit({ 'client-id': 'nearest' }, 'producer_byte_rate', 1)
      await limit({ user: 'ANONYMOUS', 'client-id': 'nearest' }, 'producer_byte_rate', 1_000_000)
      const connection = await connect('nearest')
      expect(await send(connection, 5000)).toBe(0)
      await limit({ user: 'ANONYMOUS', 'client-id': 'nearest' }, 'producer_byte_rate', null)
      expect(await send(connection, 100)).toBeGreaterThan(50_000)
      connection.close()
    })

    it('gives a consumer nothing for as long as it must pause', async () => {
      await cluster.createTopic('read', 1)
      await send(await connect('filler'), 6000, 'read')
      await limit({ 'client-id': 'reader' }, 'consumer_byte_rate', 1000)
      const read = async () => {
        const reader = await connect('reader')
        const answer = await reader.send(fetch, fetchOf('read', { maxWaitMs: 10, partitionMaxBytes: 1 }), {
          version: 11,
        })
        return { pauseMs: answer.throttleTimeMs, partitions: answer.responses.length }
      }
      expect(await read()).toEqual({ pauseMs: 0, partitions: 1 })
      const second = await read()
      expect(second.partitions).toBe(0)
      expect(second.pauseMs).toBeGreaterThan(0)
    })

    it('refuses to create more partitions than the quota has, to clients that know the error', async () => {
      await limit({ 'client-id': 'maker' }, 'controller_mutation_rate', 1)
      const create = async (name: string, numPartitions: number, version: number) => {
        const topic = { name, numPartitions, replicationFactor: 1, assignments: [], configs: [] }
        // One that pauses must not keep the next waiting.
        const maker = await connect('maker')
        const { topics, throttleTimeMs } = await maker.send(
          createTopics,
          { topics: [topic], timeoutMs: 5000 },
          { version },
        )
        return { errorCode: topics[0]!.errorCode, throttleTimeMs }
      }
      // Eleven partitions may be saved up, and the last request may go beyond.
      expect(await create('made-1', 14, 7)).toEqual({ errorCode: 0, throttleTimeMs: 0 })
      const refused = await create('made-2', 1, 7)
      expect(refused.errorCode).toBe(ErrorCode.THROTTLING_QUOTA_EXCEEDED)
      expect(refused.throttleTimeMs).toBeGreaterThan(1500)
      expect(refused.throttleTimeMs).toBeLessThan(3001)
      const old = await create('made-3', 1, 5)
      expect(old.errorCode).toBe(0)
      expect(old.throttleTimeMs).toBeGreaterThan(refused.throttleTimeMs - 500)
    })

    it('does not speak of telemetry, as nothing takes it', async () => {
      const { apiKeys } = await (await connect('asker')).send(apiVersions, software)
      expect(apiKeys.map(({ apiKey }) => apiKey)).not.toContain(GET_TELEMETRY_SUBSCRIPTIONS)
    })
  })
})
