// Every API × the rights that it takes: with all of them it is served, without any one of them refused as Kafka refuses, and a refused
// request changes nothing.
import { describe, expect, it, onTestFinished } from 'vitest'
import { servedApis } from '../../../src/broker/apis/index.ts'
import { Broker } from '../../../src/broker/broker.ts'
import { BrokerConfig } from '../../../src/broker/broker-config.ts'
import { Dispatcher } from '../../../src/broker/dispatcher.ts'
import { OPERATION, RESOURCE } from '../../../src/broker/security/authorizer.ts'
import { memoryDisk } from '../../../src/platform/memory-disk.ts'
import { nodePlatform } from '../../../src/platform/node-platform.ts'
import { decodeResponse, encodeRequest } from '../../../src/protocol/codec.ts'
import { createAcls } from '../../../src/protocol/messages/create-acls.ts'
import { createTopics } from '../../../src/protocol/messages/create-topics.ts'
import { fetch } from '../../../src/protocol/messages/fetch.ts'
import { findCoordinator } from '../../../src/protocol/messages/find-coordinator.ts'
import { metadata } from '../../../src/protocol/messages/metadata.ts'
import { offsetCommit } from '../../../src/protocol/messages/offset-commit.ts'
import { produce } from '../../../src/protocol/messages/produce.ts'
import type { Api, RequestInput, Response } from '../../../src/protocol/schema.ts'
import { batchOf, fetchOf } from '../requests.ts'
import { type Need, type Row, rows, type World } from './rights-rows.ts'

const AUTHORIZED = {
  'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
  'super.users': 'User:root',
}
const dispatcher = new Dispatcher(servedApis)

interface Scene {
  readonly broker: Broker
  readonly world: World
  /** Asks as somebody who has logged in. */
  ask<A extends Api>(who: string, api: A, request: RequestInput<A>, version?: number): Promise<Response<A>>
  grant(who: string, needs: readonly Need[]): Promise<void>
}

async function scene(): Promise<Scene> {
  const platform = { ...nodePlatform({ log: { level: 'error' } }), disk: memoryDisk() }
  const broker = await Broker.start({
    platform,
    nodeId: 1,
    clusterId: 'AAAAAAAAAAAAAAAAAAAAAQ',
    address: { host: '127.0.0.1', port: 0 },
    directory: '/memory/1',
    config: new BrokerConfig(AUTHORIZED),
    dispatcher,
  })
  onTestFinished(() => broker.stop())
  const ask: Scene['ask'] = async (who, api, request, version) => {
    const latest = servedApis.find((row) => row.api.key === api.key)!.maxVersion
    const frame = Buffer.concat(encodeRequest(api, version ?? latest, { correlationId: 1, clientId: 'test' }, request))
    const caller = { principal: { type: 'User', name: who }, host: '127.0.0.1' }
    const answer = await dispatcher.dispatch(broker, broker.log, caller, frame.subarray(4))
    if (!Array.isArray(answer)) throw new Error(`${api.name} was not answered`)
    return decodeResponse(api, version ?? latest, Buffer.concat(answer).subarray(4))
  }
  const world = await worldOf(ask)
  const grant: Scene['grant'] = async (who, needs) => {
    const creations = needs.map(({ operation, resource, name }) => ({
      resourceType: RESOURCE[resource],
      resourceName: name,
      principal: `User:${who}`,
      host: '*',
      operation: OPERATION[operation],
      permissionType: 3,
    }))
    await ask('root', createAcls, { creations })
  }
  return { broker, world, ask, grant }
}

async function worldOf(ask: Scene['ask']): Promise<World> {
  const shape = { numPartitions: 1, replicationFactor: 1, assignments: [], configs: [] }
  const { topics } = await ask('root', createTopics, {
    topics: [
      { name: 'topic', ...shape },
      { name: 'other', ...shape },
    ],
  })
  const topicData = [{ name: 'topic', partitionData: [{ index: 0, records: [batchOf(['first'])] }] }]
  await ask('root', produce, { acks: -1, timeoutMs: 5000, topicData }, 12)
  await ask('root', findCoordinator, { coordinatorKeys: ['group'] }, 4)
  const partitions = [{ partitionIndex: 0, committedOffset: 1, committedMetadata: '' }]
  const commit = { memberId: '', topics: [{ name: 'topic', partitions }] }
  for (const groupId of ['group', 'other']) await ask('root', offsetCommit, { groupId, ...commit }, 9)
  return { topic: 'topic', topicId: topics[0]!.topicId, group: 'group', fresh: 'fresh' }
}

/** What a refused request must leave as it is: the ends of all logs, of which everything durable is made. */
function durable({ broker }: Scene): unknown {
  return [...broker.image.topics.keys()].flatMap((topic) =>
    [...broker.partitions.of(topic).values()].map(({ partitionId, log }) => [topic, partitionId, log.logEndOffset]),
  )
}

const look = async ({ ask, world }: Scene, row: Row, who: string) => {
  const response = await ask(who, row.api, row.request(world), row.version)
  return row.look(response as never, world)
}

it('has a row for every API that is served', () => {
  const named = new Set(rows.map(({ api }) => api.name))
  expect(servedApis.map(({ api }) => api.name).filter((name) => !named.has(name))).toEqual([])
})

describe.each(rows.map((row) => [`${row.api.name} ${row.what}`.trim(), row] as const))('%s', (_, row) => {
  it('is served to whoever has its rights, and to nobody without one of them', async () => {
    const needed = row.needs(await worldOfNames())
    for (const [index, missing] of needed.entries()) {
      const refusing = await scene()
      // Rights on something else are no help.
      await refusing.grant('alice', [
        ...needed.filter((_need, other) => other !== index),
        { operation: 'READ', resource: 'GROUP', name: 'nothing', refused: 0 },
      ])
      const before = durable(refusing)
      expect(await look(refusing, row, 'alice'), `without ${missing.operation} on ${missing.resource}`).toEqual(
        missing.refused,
      )
      if (changesNothing(missing, row)) expect(durable(refusing)).toEqual(before)
    }
    const serving = await scene()
    await serving.grant('alice', needed)
    expect(await look(serving, row, 'alice')).toEqual(row.served)
  })
})

/** The names are the same in every scene, whose topic has another id each time. */
async function worldOfNames(): Promise<World> {
  return { topic: 'topic', topicId: '', group: 'group', fresh: 'fresh' }
}

/** CreateTopics without the right to see configs creates the topic all the same. */
function changesNothing({ operation }: Need, { api }: Row): boolean {
  return !(api === createTopics && operation === 'DESCRIBE_CONFIGS')
}

it('refuses an ordinary client that fetches as a follower, and takes nothing from what it says', async () => {
  const { ask, grant, broker } = await scene()
  await grant('alice', [{ operation: 'READ', resource: 'TOPIC', name: 'topic', refused: 0 }])
  const asFollower = { ...fetchOf('topic', { offset: 1000 }), replicaId: 1 }
  const refused = await ask('alice', fetch, asFollower, 12)
  expect(refused.responses[0]!.partitions[0]).toMatchObject({ errorCode: 29, highWatermark: -1, records: [] })
  const { log } = broker.partitions.get('topic', 0)!
  expect([log.highWatermark, log.logEndOffset]).toEqual([1, 1])
  await grant('broker', [{ operation: 'CLUSTER_ACTION', resource: 'CLUSTER', name: 'kafka-cluster', refused: 0 }])
  // It leads alone, so nobody follows it.
  expect((await ask('broker', fetch, asFollower, 12)).responses[0]!.partitions[0]!.errorCode).toBe(6)
})

it('creates a topic on first use only for whoever may create it', async () => {
  const { ask, grant, broker } = await scene()
  const asked = { topics: [{ name: 'fresh' }], allowAutoTopicCreation: true }
  const onFresh = { resource: 'TOPIC', name: 'fresh', refused: 0 } as const
  await grant('alice', [{ operation: 'CREATE', ...onFresh }])
  expect((await ask('alice', metadata, asked)).topics[0]!.errorCode).toBe(29)
  await grant('bob', [{ operation: 'DESCRIBE', ...onFresh }])
  expect((await ask('bob', metadata, asked)).topics[0]!.errorCode).toBe(29)
  expect(broker.image.topics.has('fresh')).toBe(false)
  await grant('bob', [{ operation: 'CREATE', ...onFresh }])
  expect((await ask('bob', metadata, asked)).topics[0]!.errorCode).toBe(0)
})

it('takes a right back at once', async () => {
  const { ask, grant } = await scene()
  const may = async () => (await ask('alice', metadata, { topics: null })).topics.map(({ name }) => name)
  await grant('alice', [{ operation: 'READ', resource: 'TOPIC', name: 'topic', refused: 0 }])
  expect(await may()).toEqual(['topic'])
  const deny = { resourceType: 2, resourceName: 'top', resourcePatternType: 4, principal: 'User:*', host: '*' }
  await ask('root', createAcls, { creations: [{ ...deny, operation: 2, permissionType: 2 }] })
  expect(await may()).toEqual([])
})
