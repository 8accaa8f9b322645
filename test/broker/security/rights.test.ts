// Every API × the rights that it takes: with all of them it is served, without any one of them refused as Kafka refuses, and a refused
// request changes nothing.
import { describe, expect, it } from 'vitest'
import { servedApis } from '../../../src/broker/apis/index.ts'
import type { Broker } from '../../../src/broker/broker.ts'
import { createAcls } from '../../../src/protocol/messages/create-acls.ts'
import { createTopics } from '../../../src/protocol/messages/create-topics.ts'
import { fetch } from '../../../src/protocol/messages/fetch.ts'
import { findCoordinator } from '../../../src/protocol/messages/find-coordinator.ts'
import { metadata } from '../../../src/protocol/messages/metadata.ts'
import { fetchOf } from '../requests.ts'
import { rightsBroker } from './rights-broker.ts'
import { type AskAs, grant, look, makeWorld } from './rights-ground.ts'
import { type Need, type Row, rows, type World } from './rights-rows.ts'

interface Scene {
  readonly broker: Broker
  readonly world: World
  readonly ask: AskAs
}

async function scene(): Promise<Scene> {
  const { broker, ask } = await rightsBroker()
  const world = await makeWorld(ask, '')
  await makeWorld(ask, '-other')
  return { broker, ask, world }
}

/** What a refused request must leave as it is: the ends of all logs, of which everything durable is made. */
function durable({ broker }: Scene): unknown {
  return [...broker.image.topics.keys()].flatMap((topic) =>
    [...broker.partitions.of(topic).values()].map(({ partitionId, log }) => [topic, partitionId, log.logEndOffset]),
  )
}

it('has a row for every API that is served', () => {
  const named = new Set(rows.map(({ api }) => api.name))
  expect(servedApis.map(({ api }) => api.name).filter((name) => !named.has(name))).toEqual([])
})

describe.each(rows.map((row) => [`${row.api.name} ${row.what}`.trim(), row] as const))('%s', (_, row) => {
  it('is served to whoever has its rights, and to nobody without one of them', async () => {
    const needed = row.needs(NAMES)
    for (const [index, missing] of needed.entries()) {
      const refusing = await scene()
      await grant(
        refusing.ask,
        'alice',
        needed.filter((_need, other) => other !== index),
      )
      // The same right for somebody else is no help.
      await grant(refusing.ask, 'bob', needed)
      const before = durable(refusing)
      const shown = await look(refusing.ask, row, 'alice', refusing.world)
      expect(shown, `without ${missing.operation} on ${missing.resource}`).toEqual(missing.refused)
      if (changesNothing(missing, row)) expect(durable(refusing)).toEqual(before)
    }
    const serving = await scene()
    await grant(serving.ask, 'alice', needed)
    expect(await look(serving.ask, row, 'alice', serving.world)).toEqual(row.served)
  })
})

/** The same in every scene; only the topic has another id each time. */
const NAMES: World = { topic: 'topic', topicId: '', group: 'group', transaction: 'transaction', fresh: 'fresh' }

/** CreateTopics without the right to see configs creates the topic all the same. */
function changesNothing({ operation }: Need, { api }: Row): boolean {
  return !(api === createTopics && operation === 'DESCRIBE_CONFIGS')
}

it('refuses an ordinary client that fetches as a follower, and takes nothing from what it says', async () => {
  const { ask, broker } = await scene()
  await grant(ask, 'alice', [{ operation: 'READ', resource: 'TOPIC', name: 'topic', refused: 0 }])
  const asFollower = { ...fetchOf('topic', { offset: 1000 }), replicaId: 1 }
  const refused = await ask('alice', fetch, asFollower, 12)
  expect(refused.responses[0]!.partitions[0]).toMatchObject({ errorCode: 29, highWatermark: -1, records: [] })
  const { log } = broker.partitions.get('topic', 0)!
  expect([log.highWatermark, log.logEndOffset]).toEqual([1, 1])
  await grant(ask, 'broker', [{ operation: 'CLUSTER_ACTION', resource: 'CLUSTER', name: 'kafka-cluster', refused: 0 }])
  // It leads alone, so nobody follows it.
  expect((await ask('broker', fetch, asFollower, 12)).responses[0]!.partitions[0]!.errorCode).toBe(6)
})

it('creates a topic on first use only for whoever may create it', async () => {
  const { ask, broker } = await scene()
  const asked = { topics: [{ name: 'fresh' }], allowAutoTopicCreation: true }
  const onFresh = { resource: 'TOPIC', name: 'fresh', refused: 0 } as const
  await grant(ask, 'alice', [{ operation: 'CREATE', ...onFresh }])
  expect((await ask('alice', metadata, asked)).topics[0]!.errorCode).toBe(29)
  await grant(ask, 'bob', [{ operation: 'DESCRIBE', ...onFresh }])
  expect((await ask('bob', metadata, asked)).topics[0]!.errorCode).toBe(29)
  expect(broker.image.topics.has('fresh')).toBe(false)
  await grant(ask, 'bob', [{ operation: 'CREATE', ...onFresh }])
  expect((await ask('bob', metadata, asked)).topics[0]!.errorCode).toBe(0)
})

it('takes a right back at once', async () => {
  const { ask } = await scene()
  const may = async () => (await ask('alice', metadata, { topics: null })).topics.map(({ name }) => name)
  await grant(ask, 'alice', [{ operation: 'READ', resource: 'TOPIC', name: 'topic', refused: 0 }])
  expect(await may()).toEqual(['topic'])
  const deny = { resourceType: 2, resourceName: 'top', resourcePatternType: 4, principal: 'User:*', host: '*' }
  await ask('root', createAcls, { creations: [{ ...deny, operation: 2, permissionType: 2 }] })
  expect(await may()).toEqual([])
})

it('makes no topic of its own for a stranger who looks for coordinators', async () => {
  const { broker, ask } = await rightsBroker()
  for (const keyType of [0, 1]) await ask('stranger', findCoordinator, { keyType, coordinatorKeys: ['x'] }, 4)
  expect([...broker.image.topics.keys()]).toEqual([])
})
