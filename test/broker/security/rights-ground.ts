// Where rows of rights are asked: any broker with an authorizer, its super user, and others who can ask as themselves.
import { OPERATION, RESOURCE } from '../../../src/broker/security/authorizer.ts'
import { createAcls } from '../../../src/protocol/messages/create-acls.ts'
import { createTopics } from '../../../src/protocol/messages/create-topics.ts'
import { findCoordinator } from '../../../src/protocol/messages/find-coordinator.ts'
import { initProducerId } from '../../../src/protocol/messages/init-producer-id.ts'
import { offsetCommit } from '../../../src/protocol/messages/offset-commit.ts'
import { produce } from '../../../src/protocol/messages/produce.ts'
import type { Api, RequestInput, Response } from '../../../src/protocol/schema.ts'
import { batchOf } from '../requests.ts'
import type { Need, Row, World } from './rights-rows.ts'

export const AUTHORIZER = 'org.apache.kafka.metadata.authorizer.StandardAuthorizer'

/** Asks as somebody who has logged in; `root` is the super user. */
export type AskAs = <A extends Api>(
  who: string,
  api: A,
  request: RequestInput<A>,
  version?: number,
) => Promise<Response<A>>

/** A topic with a record, an empty group with an offset of it, and an idle transaction, under names that end in `suffix`. */
export async function makeWorld(ask: AskAs, suffix: string): Promise<World> {
  const topic = `topic${suffix}`
  const group = `group${suffix}`
  const transaction = `transaction${suffix}`
  const shape = { numPartitions: 1, replicationFactor: 1, assignments: [], configs: [] }
  const { topics } = await ask('root', createTopics, { topics: [{ name: topic, ...shape }] })
  const topicData = [{ name: topic, partitionData: [{ index: 0, records: [batchOf(['first'])] }] }]
  await until(async () => {
    const { responses } = await ask('root', produce, { acks: -1, timeoutMs: 5000, topicData }, 12)
    return responses[0]!.partitionResponses[0]!.errorCode
  })
  await until(async () => {
    const { coordinators } = await ask('root', findCoordinator, { coordinatorKeys: [group] }, 4)
    return coordinators[0]!.errorCode
  })
  await until(async () => {
    const { coordinators } = await ask('root', findCoordinator, { keyType: 1, coordinatorKeys: [transaction] }, 4)
    return coordinators[0]!.errorCode
  })
  for (const transactionalId of [null, transaction]) {
    const producer = { transactionalId, transactionTimeoutMs: 1000 }
    await until(async () => (await ask('root', initProducerId, producer, 4)).errorCode)
  }
  const partitions = [{ partitionIndex: 0, committedOffset: 1, committedMetadata: '' }]
  const commit = { groupId: group, memberId: '', topics: [{ name: topic, partitions }] }
  await until(async () => (await ask('root', offsetCommit, commit, 9)).topics[0]!.partitions[0]!.errorCode)
  return { topic, topicId: topics[0]!.topicId, group, transaction, fresh: `fresh${suffix}` }
}

/** A broker may need a moment to hear of its own topics. */
async function until(attempt: () => Promise<number>): Promise<void> {
  for (let left = 200; ; left--) {
    const errorCode = await attempt()
    if (errorCode === 0) return
    if (left === 0) throw new Error(`error ${errorCode} does not go away`)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

export async function grant(ask: AskAs, who: string, needs: readonly Need[]): Promise<void> {
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

/** What the row shows to somebody. */
export async function look(ask: AskAs, row: Row, who: string, world: World): Promise<unknown> {
  const response = await ask(who, row.api, row.request(world), row.version)
  return row.look(response as never, world)
}
