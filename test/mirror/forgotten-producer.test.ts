// A target forgets a producer that has been silent for long, and takes any sequence from it then: what it is sent must be right all the
// same, and a foreign write that came meanwhile must be seen.
import { expect, onTestFinished, test } from 'vitest'
import { startCluster } from '../../src/broker/cluster.ts'
import type { ClusterClient } from '../../src/client/cluster-client.ts'
import type { Flow } from '../../src/mirror/flow.ts'
import { Mirror } from '../../src/mirror/mirror.ts'
import { describeProducers } from '../../src/protocol/messages/describe-producers.ts'
import { listTransactions } from '../../src/protocol/messages/list-transactions.ts'
import { buildBatch } from '../../src/records/batch-builder.ts'
import { expectCopied } from '../support/copied.ts'
import { appendBatch, clientOf, makeTopic, readAll, testPlatform, until } from '../support/log-content.ts'

const CONFIG = { 'producer.id.expiration.ms': 200, 'log.flush.offset.checkpoint.interval.ms': 20 }

/** A mirror of `orders`, to a target of this configuration. */
async function mirrored(config: Readonly<Record<string, number>>, flow: Partial<Flow>) {
  const source = await startCluster(testPlatform, { name: 'east' })
  const target = await startCluster(testPlatform, { name: 'west', config })
  const [east, west] = [clientOf(source.bootstrap), clientOf(target.bootstrap)]
  await Promise.all([east.refresh(), west.refresh()])
  await makeTopic(east, 'orders', 1)
  const mirror = new Mirror(testPlatform, {
    flow: {
      name: 'east->west',
      source: 'east',
      target: 'west',
      topics: { include: ['orders'], exclude: [] },
      refreshMs: 30_000,
      ...flow,
    },
    source: clientOf(source.bootstrap),
    target: clientOf(target.bootstrap),
    slots: 1,
  })
  onTestFinished(async () => {
    await mirror.stop()
    east.close()
    west.close()
    await Promise.all([source.stop(), target.stop()])
  })
  await mirror.start()
  const write = (client: ClusterClient, topic: string, value: string) =>
    appendBatch(client, topic, 0, buildBatch([{ timestamp: testPlatform.clock.now(), key: value, value }]))
  return { mirror, east, west, write }
}

test('a producer that was forgotten goes on where it was, and sees who wrote meanwhile', async () => {
  const { mirror, east, west, write } = await mirrored(CONFIG, { onDataLoss: 'skip' })
  const remote = { client: west, topic: 'east.orders' }
  await write(east, 'orders', 'first')
  await expectCopied({ client: east, topic: 'orders' }, remote)

  const known = async () => {
    const connection = await west.node(west.leaderOf('east.orders', 0)!.nodeId)
    const { topics } = await connection.send(describeProducers, {
      topics: [{ name: 'east.orders', partitionIndexes: [0] }],
    })
    return topics[0]!.partitions[0]!.activeProducers.length
  }
  const forgotten = () =>
    until(
      async () => (await known()) === 0,
      () => 'the target never forgets',
    )
  await forgotten()
  await write(east, 'orders', 'second')
  await expectCopied({ client: east, topic: 'orders' }, remote)

  await forgotten()
  await write(west, 'east.orders', 'not ours')
  await write(east, 'orders', 'third')
  await until(
    async () => (await readAll(west, 'east.orders', 0)).length === 4 && mirror.gaps().length === 1,
    () => JSON.stringify(mirror.status()),
  )
  await write(east, 'orders', 'fourth')
  await until(
    async () => (await readAll(west, 'east.orders', 0)).length === 5,
    () => JSON.stringify(mirror.status()),
  )
  const values = (await readAll(west, 'east.orders', 0)).map(({ value }) => String(value))
  expect(values).toEqual(['first', 'second', 'not ours', 'third', 'fourth'])
  expect(mirror.gaps()).toMatchObject([{ reason: 'foreign-write', downstream: { from: 2, to: 3 } }])
  expect([0, 1, 2, 3].map((offset) => mirror.translate('orders', 0, offset))).toEqual([0, 1, 3, 4])
})

test('in transactions, too, and when the target has forgotten even the transactional id', async () => {
  const config = {
    ...CONFIG,
    // Longer than it takes to begin anew after that.
    'transactional.id.expiration.ms': 1_500,
    'transaction.remove.expired.transaction.cleanup.interval.ms': 50,
  }
  const { mirror, east, west, write } = await mirrored(config, { transactional: { commitIntervalMs: 20 } })
  const ids = async () => {
    const { transactionStates } = await west.send(listTransactions, { stateFilters: [], producerIdFilters: [] })
    return transactionStates.length
  }
  const arrived = (values: string[]) =>
    until(
      async () => {
        await west.refresh()
        if (!west.leaderOf('east.orders', 0)) return false
        return String((await readAll(west, 'east.orders', 0)).map(({ value }) => String(value))) === String(values)
      },
      () => JSON.stringify(mirror.status()),
    )
  await write(east, 'orders', 'first')
  await arrived(['first'])
  await until(
    async () => (await ids()) === 0,
    () => 'the target never forgets',
  )
  await write(west, 'east.orders', 'not ours')
  await write(east, 'orders', 'second')
  await arrived(['first', 'not ours', 'second'])
  await write(east, 'orders', 'third')
  await arrived(['first', 'not ours', 'second', 'third'])
  expect(mirror.gaps()).toEqual([])
  const places = (await readAll(west, 'east.orders', 0)).map(({ offset }) => offset)
  await until(
    () => mirror.translate('orders', 0, 2) === places[3],
    () => JSON.stringify(mirror.status()),
  )
  expect([0, 1, 2].map((offset) => mirror.translate('orders', 0, offset))).toEqual([places[0], places[2], places[3]])
})
