// Our authorizer beside Kafka's: the same random rules on both, and what both say that people may do.
import fc from 'fast-check'
import { describe, expect, it, onTestFinished } from 'vitest'
import { OPERATION, RESOURCE } from '../../src/broker/security/authorizer.ts'
import { createAcls } from '../../src/protocol/messages/create-acls.ts'
import { deleteAcls } from '../../src/protocol/messages/delete-acls.ts'
import { describeCluster } from '../../src/protocol/messages/describe-cluster.ts'
import { describeGroups } from '../../src/protocol/messages/describe-groups.ts'
import { findCoordinator } from '../../src/protocol/messages/find-coordinator.ts'
import { initProducerId } from '../../src/protocol/messages/init-producer-id.ts'
import { metadata } from '../../src/protocol/messages/metadata.ts'
import type { RequestInput } from '../../src/protocol/schema.ts'
import { rightsBroker } from '../broker/security/rights-broker.ts'
import { type AskAs, makeWorld } from '../broker/security/rights-ground.ts'
import { eventually } from './gathering.ts'
import { apache, title } from './ground.ts'
import { countRules, startSecuredKafka } from './secured-kafka.ts'

const PEOPLE = ['alice', 'bob']
const NAMES = ['a', 'ab', 'abc', 'abd', 'b', 'ba', 'hardcode']
const ALL_OPERATIONS = 2
const ROUNDS = 60
const SEED = 20_261

type Creation = RequestInput<typeof createAcls>['creations'][number]

const rule: fc.Arbitrary<Creation> = fc
  .record({
    resourceType: fc.constantFrom<number>(RESOURCE.TOPIC, RESOURCE.TOPIC, RESOURCE.GROUP, RESOURCE.CLUSTER),
    resourceName: fc.constantFrom('*', '*', 'h', ...NAMES),
    resourcePatternType: fc.constantFrom(3, 4),
    principal: fc.constantFrom('User:alice', 'User:alice', 'User:bob', 'User:*', 'Group:alice'),
    host: fc.constantFrom('*', '*', '127.0.0.1', '10.0.0.1'),
    operation: fc.constantFrom<number>(ALL_OPERATIONS, ...Object.values(OPERATION)),
    permissionType: fc.constantFrom(2, 3, 3),
  })
  .map((one) => (one.resourceType === RESOURCE.CLUSTER ? { ...one, resourceName: 'kafka-cluster' } : one))
const rounds = fc.sample(fc.array(rule, { minLength: 1, maxLength: 14 }), { numRuns: ROUNDS, seed: SEED })

/** What each of the people is told about what they may. */
async function judgements(ask: AskAs, creations: readonly Creation[]): Promise<unknown> {
  const everything = {
    resourceTypeFilter: 1,
    resourceNameFilter: null,
    principalFilter: null,
    hostFilter: null,
    patternTypeFilter: 1,
    operation: 1,
    permissionType: 1,
  }
  await ask('root', deleteAcls, { filters: [everything] })
  await eventually(async () => expect(await countRules(ask, null)).toBe(0))
  await ask('root', createAcls, { creations })
  const different = new Set(creations.map((one) => JSON.stringify(Object.entries(one).sort()))).size
  await eventually(async () => expect(await countRules(ask, null)).toBe(different))
  return await Promise.all(PEOPLE.map((who) => judgement(ask, who)))
}

async function judgement(ask: AskAs, who: string): Promise<unknown> {
  const named = { topics: NAMES.map((name) => ({ name })), allowAutoTopicCreation: false }
  const { topics } = await ask(who, metadata, { ...named, includeTopicAuthorizedOperations: true }, 9)
  const { groups } = await ask(who, describeGroups, { groups: NAMES, includeAuthorizedOperations: true }, 5)
  const cluster = await ask(who, describeCluster, { includeClusterAuthorizedOperations: true }, 0)
  const producer = await ask(who, initProducerId, { transactionalId: null, transactionTimeoutMs: 1000 }, 4)
  const byName = <T>(list: readonly T[], nameOf: (item: T) => string) =>
    [...list].sort((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1))
  return {
    who,
    topics: byName(topics, ({ name }) => name ?? '').map((one) => [
      one.name,
      one.errorCode,
      one.topicAuthorizedOperations,
    ]),
    groups: byName(groups, ({ groupId }) => groupId).map((one) => [
      one.groupId,
      one.errorCode,
      one.authorizedOperations,
    ]),
    cluster: cluster.clusterAuthorizedOperations,
    idempotent: producer.errorCode,
  }
}

describe.skipIf(apache.reason)(title('random rules on Apache Kafka', apache.reason), () => {
  it('judges as Kafka does', { timeout: 180_000 }, async () => {
    const kafka = await startSecuredKafka(PEOPLE)
    onTestFinished(() => kafka.stop())
    const { ask: ours } = await rightsBroker()
    // Its coordinators must be there before anything is told of groups.
    for (const ask of [ours, kafka.ask]) {
      await makeWorld(ask, '')
      await ask('root', findCoordinator, { coordinatorKeys: NAMES }, 4)
    }
    for (const [round, creations] of rounds.entries()) {
      const theirs = await judgements(kafka.ask, creations)
      expect({ round, creations, says: await judgements(ours, creations) }).toEqual({ round, creations, says: theirs })
    }
  })
})
