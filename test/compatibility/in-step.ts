// What is kept in step beside the records, with Apache Kafka as the target and as the source: configs, access rules, replicas, deletes. Its
// own tools are not asked here (test/compatibility/acls.test.ts does): what it answers to the same requests is what counts.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Acl, makeAcls, readAcls, removeAcls } from '../../src/client/acls.ts'
import type { ClusterClient } from '../../src/client/cluster-client.ts'
import { loadConfig } from '../../src/config/config.ts'
import { type Daemon, startDaemon } from '../../src/daemon.ts'
import { deleteTopics } from '../../src/protocol/messages/delete-topics.ts'
import { describeConfigs } from '../../src/protocol/messages/describe-configs.ts'
import { incrementalAlterConfigs } from '../../src/protocol/messages/incremental-alter-configs.ts'
import { ZERO_UUID } from '../../src/protocol/schema.ts'
import { batchOf } from '../broker/requests.ts'
import { checkAccess } from '../oracle/access.ts'
import { checkConfigs } from '../oracle/configs.ts'
import { appendBatch, clientOf, endOffset, makeTopic, testPlatform } from '../support/log-content.ts'
import { eventually } from './gathering.ts'
import { embedded, type RunningGround } from './ground.ts'

const caseMs = 30_000

const rule = (over: Partial<Acl>): Acl => ({
  resourceType: 2,
  resourceName: 'orders',
  patternType: 3,
  principal: 'User:bob',
  host: '*',
  operation: 2,
  permissionType: 3,
  ...over,
})

/** Between this cluster and an embedded one, each as source and as target; both have an authorizer and let strangers do all. */
export function inStep(config: Readonly<Record<string, string>>, kafka: () => RunningGround): void {
  describe('in step with Apache Kafka', { timeout: caseMs }, () => {
    let theirs: RunningGround
    let ours: RunningGround

    beforeAll(async () => {
      theirs = kafka()
      ours = await embedded.start(config)
    })

    afterAll(() => ours?.stop())

    it.each(['target', 'source'] as const)('as the %s', async (side) => {
      const [source, target] = side === 'target' ? [ours, theirs] : [theirs, ours]
      const [east, west] = [clientOf(source.bootstrap), clientOf(target.bootstrap)]
      await Promise.all([east.refresh(), west.refresh()])
      const topic = `orders-${side}`
      await makeTopic(east, topic, 1, { 'retention.ms': '1111111', 'min.insync.replicas': '2' })
      await makeTopic(east, `gone-${side}`, 1)
      const rules = [rule({ resourceName: topic }), rule({ resourceName: 'orders', patternType: 4, operation: 8 })]
      await makeAcls(east, [...rules, rule({ resourceName: topic, operation: 4, permissionType: 2 })])
      const daemon = await mirror(source, target, side)
      const copy = `${side}.${topic}`
      try {
        await eventually(async () => expect(await ownConfigs(west, copy)).toEqual({ 'retention.ms': '1111111' }))
        await alter(east, topic, { 'retention.ms': null, 'cleanup.policy': 'compact', 'segment.ms': '7777777' })
        await alter(west, copy, { 'max.message.bytes': '2000000' })
        const expected = { 'cleanup.policy': 'compact', 'segment.ms': '7777777' }
        await eventually(async () => expect(await ownConfigs(west, copy)).toEqual(expected))
        const all = [`allow 3 ${copy}`, `allow 8 ${side}.orders*`, `deny 4 ${copy}`]
        await eventually(async () => expect(await rulesAt(west)).toEqual(expect.arrayContaining(all)))
        // What was denied in the other case is denied for a copy of that name, too.
        const ofCopies = async () => (await rulesAt(west)).filter((text) => text.includes(` ${side}.orders`))
        expect(await ofCopies()).toEqual(all)
        const [inForce, carried] = await Promise.all([east, west].map((client) => readAcls(client, 2)))
        const resources = [
          { resourceType: 2, name: copy, source: topic },
          { resourceType: 2, name: 'orders' },
        ]
        // Rules of the other case's flow are somebody else's here.
        const byHand = carried!.filter(({ resourceName }) => !resourceName.startsWith(`${side}.`))
        const access = { where: copy, source: [inForce!], target: carried!, byHand, resources }
        expect(checkAccess(access)).toEqual([])
        const configs = { where: copy, source: await ownConfigs(east, topic), copy: await ownConfigs(west, copy) }
        expect(checkConfigs(configs)).toEqual([])
        await removeAcls(east, rules)
        await eventually(async () => expect(await ofCopies()).toEqual([`deny 4 ${copy}`]))
        const flow = [...daemon.flows.values()][0]!
        await eventually(async () =>
          expect(flow.sync().fewerReplicas).toContainEqual({ topic: copy, wanted: 3, given: 1 }),
        )
        await appendBatch(east, topic, 0, batchOf(['a', 'b']))
        await eventually(async () => expect(await endOffset(west, copy, 0)).toBe(2))
        await remove(east, `gone-${side}`)
        await eventually(async () => {
          await west.refresh()
          expect(west.topics().has(`${side}.gone-${side}`)).toBe(false)
        })
        expect(west.topics().has(copy)).toBe(true)
        expect(flow.sync().refusedConfigs).toEqual([])
      } finally {
        await daemon.stop()
        east.close()
        west.close()
      }
    })
  })
}

async function mirror(source: RunningGround, target: RunningGround, alias: string): Promise<Daemon> {
  const yaml = `
version: 1
clusters:
  ${alias}: { bootstrap: ["${source.bootstrap}"] }
  other: { bootstrap: ["${target.bootstrap}"] }
mirrors:
  - from: ${alias}
    to: other
    topics: { include: [".*-${alias}"] }
    refresh: 100ms
    replicationFactor: 3
    sync: { topicConfigs: { every: 200ms }, acls: { every: 200ms }, deletes: { after: 500ms } }
server: { listen: 127.0.0.1:0 }
`
  return startDaemon(testPlatform, loadConfig(yaml, 'test.yaml', {}).config, { version: 'test', directory: '.' })
}

async function ownConfigs(client: ClusterClient, topic: string): Promise<Record<string, string | null>> {
  const resources = [{ resourceType: 2, resourceName: topic, configurationKeys: null }]
  const { results } = await client.send(describeConfigs, { resources })
  const own = results[0]!.configs.filter(({ configSource }) => configSource === 1)
  return Object.fromEntries(own.map(({ name, value }) => [name, value]))
}

async function alter(client: ClusterClient, topic: string, values: Record<string, string | null>): Promise<void> {
  const configs = Object.entries(values).map(([name, value]) => ({
    name,
    configOperation: value === null ? 1 : 0,
    value,
  }))
  const resources = [{ resourceType: 2, resourceName: topic, configs }]
  const { responses } = await client.send(incrementalAlterConfigs, { resources, validateOnly: false })
  expect(responses[0]).toMatchObject({ errorCode: 0 })
}

async function rulesAt(client: ClusterClient): Promise<string[]> {
  const rules = (await readAcls(client, 2))!.filter(({ principal }) => principal === 'User:bob')
  const text = ({ permissionType, operation, resourceName, patternType }: Acl) =>
    `${permissionType === 3 ? 'allow' : 'deny'} ${operation} ${resourceName}${patternType === 4 ? '*' : ''}`
  return rules.map(text).toSorted()
}

async function remove(client: ClusterClient, topic: string): Promise<void> {
  const request = { topics: [{ name: topic, topicId: ZERO_UUID }], topicNames: [topic], timeoutMs: 5_000 }
  expect((await (await client.controller()).send(deleteTopics, request)).responses[0]!.errorCode).toBe(0)
  await client.refresh()
}
