// What consumers may rely on: groups that do not know of each other, offsets that outlive them, and the three orders in which work
// and commit can come.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Consumer, Kafka, logLevel } from 'kafkajs'
import { expect, it, onTestFinished, vi } from 'vitest'
import type { Connection } from '../../src/client/connection.ts'
import { fetch } from '../../src/protocol/messages/fetch.ts'
import { findCoordinator } from '../../src/protocol/messages/find-coordinator.ts'
import { offsetCommit } from '../../src/protocol/messages/offset-commit.ts'
import { offsetFetch } from '../../src/protocol/messages/offset-fetch.ts'
import { splitBatches } from '../../src/records/record-batch.ts'
import { embeddedCluster } from './embedded-cluster.ts'
import { batchOf, fetchOf, makeTopic, produceOf } from './requests.ts'

/** Where the group goes on. */
async function position(connection: Connection, groupId: string): Promise<number> {
  const topics = [{ name: 't', partitionIndexes: [0] }]
  const { groups } = await connection.send(offsetFetch, { groups: [{ groupId, topics }] }, { version: 8 })
  const { errorCode, committedOffset } = groups[0]!.topics[0]!.partitions[0]!
  expect(errorCode).toBe(0)
  return Math.max(committedOffset, 0)
}

async function commit(connection: Connection, groupId: string, committedOffset: number): Promise<void> {
  const topics = [{ name: 't', partitions: [{ partitionIndex: 0, committedOffset, committedMetadata: null }] }]
  const request = { groupId, generationIdOrMemberEpoch: -1, memberId: '', topics }
  const answer = await connection.send(offsetCommit, request, { version: 8 })
  expect(answer.topics[0]!.partitions[0]!.errorCode).toBe(0)
}

async function recordAt(connection: Connection, offset: number): Promise<string | undefined> {
  const { responses } = await connection.send(fetch, fetchOf('t', { offset }), { version: 12 })
  const { batches } = splitBatches(Buffer.concat(responses[0]!.partitions[0]!.records ?? []))
  return batches
    .flatMap((batch) => batch.records())
    .find((record) => record.offset === offset)
    ?.value?.toString()
}

class Death extends Error {}

type Work = (offset: number, value: string) => void | Promise<void>

/** A consumer that goes through the topic from where its group is, and dies once, between the two things that it does with `c`. */
async function consume(connection: Connection, groupId: string, order: 'commit first' | 'work first', work: Work) {
  for (let dies = true; ; ) {
    try {
      for (let offset = await position(connection, groupId); ; offset++) {
        const value = await recordAt(connection, offset)
        if (value === undefined) return
        const steps = [() => work(offset, value), () => commit(connection, groupId, offset + 1)]
        if (order === 'commit first') steps.reverse()
        await steps[0]!()
        if (value === 'c' && dies) throw new Death()
        await steps[1]!()
      }
    } catch (error) {
      if (!(error instanceof Death)) throw error
      dies = false
    }
  }
}

async function topicOfFive(): Promise<Connection> {
  const connection = await (await embeddedCluster()).connect()
  await connection.send(findCoordinator, { coordinatorKeys: ['g'] })
  await makeTopic(connection, 't')
  await produceOf(connection, 't', batchOf(['a', 'b', 'c', 'd', 'e']))
  return connection
}

it('at most once: who commits before the work loses what was under way when it died', async () => {
  const connection = await topicOfFive()
  const done: string[] = []
  await consume(connection, 'g', 'commit first', (_, value) => void done.push(value))
  expect(done).toEqual(['a', 'b', 'd', 'e'])
})

it('at least once: who commits after the work does the last of it again', async () => {
  const connection = await topicOfFive()
  const done: string[] = []
  await consume(connection, 'g', 'work first', (_, value) => void done.push(value))
  expect(done).toEqual(['a', 'b', 'c', 'c', 'd', 'e'])
})

it('exactly once outside of Kafka: who can tell what is done already does nothing twice', async () => {
  const connection = await topicOfFive()
  const done = new Map<number, string>()
  let twice = 0
  await consume(connection, 'g', 'work first', (offset, value) => {
    if (done.has(offset)) twice++
    else done.set(offset, value)
  })
  expect([...done.values()]).toEqual(['a', 'b', 'c', 'd', 'e'])
  expect(twice).toBe(1)
})

it('many groups read the same records, each where it is', async () => {
  const connection = await topicOfFive()
  const groups = Array.from({ length: 20 }, (_, index) => `group ${index}`)
  for (const [index, group] of groups.entries()) await commit(connection, group, index % 6)
  const rest = new Map<string, string[]>()
  for (const group of groups) {
    rest.set(group, [])
    for (let offset = await position(connection, group); offset < 5; offset++) {
      rest.get(group)!.push((await recordAt(connection, offset))!)
    }
  }
  for (const [index, group] of groups.entries()) {
    expect(rest.get(group)).toEqual(['a', 'b', 'c', 'd', 'e'].slice(index % 6))
  }
})

it('a consumer that stayed away goes on where it was, though the broker has been restarted', async () => {
  const data = mkdtempSync(join(tmpdir(), 'heliostat-consuming-'))
  onTestFinished(() => rmSync(data, { recursive: true, force: true }))
  const first = await embeddedCluster({ data })
  const before = await first.connect()
  await before.send(findCoordinator, { coordinatorKeys: ['g'] })
  await makeTopic(before, 't')
  await produceOf(before, 't', batchOf(['a', 'b', 'c']))
  await commit(before, 'g', 2)
  await produceOf(before, 't', batchOf(['d']))
  await first.stop()
  const after = await (await embeddedCluster({ data })).connect()
  await produceOf(after, 't', batchOf(['e']))
  const rest: string[] = []
  await consume(after, 'g', 'commit first', (_, value) => void rest.push(value))
  expect(rest.filter((value) => value !== 'c')).toEqual(['d', 'e'])
  expect(await position(after, 'g')).toBe(5)
})

it('members beyond the number of partitions have nothing to do, until one of the others goes', async () => {
  const cluster = await embeddedCluster()
  await makeTopic(await cluster.connect(), 'two', { partitions: 2 })
  const kafka = new Kafka({ brokers: [cluster.bootstrap], logLevel: logLevel.NOTHING, retry: { initialRetryTime: 20 } })
  const shares = new Map<Consumer, number[]>()
  for (const _member of [1, 2, 3]) {
    const member = kafka.consumer({
      groupId: 'workers',
      heartbeatInterval: 200,
      rebalanceTimeout: 10_000,
      maxWaitTimeInMs: 100,
    })
    onTestFinished(() => member.disconnect())
    member.on(member.events.GROUP_JOIN, ({ payload }) => shares.set(member, payload.memberAssignment['two'] ?? []))
    await member.connect()
    await member.subscribe({ topic: 'two' })
    await member.run({ eachMessage: async () => {} })
  }
  const sizes = () => [...shares.values()].map((share) => share.length).sort()
  await vi.waitFor(() => expect(sizes()).toEqual([0, 1, 1]), 15_000)
  const busy = [...shares].find(([, share]) => share.length === 1)![0]
  await busy.disconnect()
  shares.delete(busy)
  await vi.waitFor(() => expect(sizes()).toEqual([1, 1]), 15_000)
}, 40_000)
