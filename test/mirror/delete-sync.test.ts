// When a copy is deleted, and all that speaks against it, with clusters that say what a case wants.
import { expect, test } from 'vitest'
import type { ClusterClient } from '../../src/client/cluster-client.ts'
import { DeleteSync } from '../../src/mirror/delete-sync.ts'
import type { Platform } from '../../src/platform/platform.ts'
import { ErrorCode } from '../../src/protocol/errors.ts'
import { FakeClock } from '../support/fake-clock.ts'

const UNKNOWN = ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
const PROGRESS = 'progress'

interface Scene {
  readonly nodes: readonly (number | Error)[]
  readonly targetTopicId?: string
  readonly isShared?: boolean
  /** Another instance of the flow has the topic's first partition. */
  readonly isTheirs?: boolean
}

/** A copy of `orders` that was mirrored into as `id`; the source lists nothing, and its nodes answer so when asked by name. */
function scene(options: Scene) {
  const clock = new FakeClock()
  const platform = { clock, log: { warn: () => {} } } as unknown as Platform
  const deleted: unknown[] = []
  const gone: string[] = []
  const source = {
    refresh: async () => {},
    topics: () => new Map(),
    nodes: () => new Map(options.nodes.map((_, index) => [index, {}])),
    node: async (nodeId: number) => ({
      send: async () => {
        const answer = options.nodes[nodeId]
        if (answer instanceof Error) throw answer
        return { topics: [{ errorCode: answer }] }
      },
    }),
  }
  const remote = { topicId: options.targetTopicId ?? 'id', partitions: [] }
  const copies = new Map<string, object>([
    [PROGRESS, { partitions: [] }],
    ['east.orders', remote],
  ])
  const target = {
    refresh: async () => {},
    topics: () => copies,
    controller: async () => ({
      versionOf: () => 6,
      send: async (_: unknown, { topics }: { topics: unknown[] }) => {
        deleted.push(...topics)
        return { responses: [{ errorCode: 0 }] }
      },
    }),
  }
  const sync = new DeleteSync(platform, {
    source: source as unknown as ClusterClient,
    target: target as unknown as ClusterClient,
    progressTopic: PROGRESS,
    afterMs: 1_000,
    topics: () => [{ topic: 'orders', remoteTopic: 'east.orders', targetTopicId: 'id' }],
    isShared: () => options.isShared ?? false,
    isOurs: () => !options.isTheirs,
    gone: async (topic) => void gone.push(topic),
  })
  return { clock, sync, deleted, gone, copies }
}

test('a copy is deleted by its id when every node says that its source is gone, after the delay and not before', async () => {
  const { clock, sync, deleted, gone } = scene({ nodes: [UNKNOWN, UNKNOWN] })
  await sync.sync()
  await clock.advance(999)
  expect(await sync.sync()).toBe('0 topics deleted, 1 waiting')
  expect(deleted).toEqual([])
  await clock.advance(1)
  expect(await sync.sync()).toBe('1 topics deleted, 0 waiting')
  expect([deleted, gone]).toEqual([[{ name: null, topicId: 'id' }], ['orders']])
})

test.each([
  ['one node has it still', [UNKNOWN, 0]],
  ['we may not see it any more', [ErrorCode.TOPIC_AUTHORIZATION_FAILED]],
])('nothing is deleted when %s', async (_, nodes) => {
  const { clock, sync, deleted, gone } = scene({ nodes })
  await sync.sync()
  await clock.advance(5_000)
  expect(await sync.sync()).toBe('0 topics deleted, 1 waiting')
  expect([deleted, gone]).toEqual([[], []])
})

test('nothing is deleted while a node cannot be asked', async () => {
  const { clock, sync, deleted } = scene({ nodes: [UNKNOWN, new Error('no route')] })
  await sync.sync()
  await clock.advance(5_000)
  await expect(sync.sync()).rejects.toThrow('no route')
  expect(deleted).toEqual([])
})

test('a topic that was made anew under the name of the copy stays, and is let go of', async () => {
  const { clock, sync, deleted, gone } = scene({ nodes: [UNKNOWN], targetTopicId: 'another' })
  await sync.sync()
  await clock.advance(5_000)
  expect(await sync.sync()).toBe('0 topics deleted, 0 waiting')
  expect([deleted, gone]).toEqual([[], ['orders']])
})

test('a copy into which others mirror, too, stays', async () => {
  const { clock, sync, deleted, gone } = scene({ nodes: [UNKNOWN], isShared: true })
  await sync.sync()
  await clock.advance(5_000)
  expect(await sync.sync()).toBe('0 topics deleted, 0 waiting')
  expect([deleted, gone]).toEqual([[], []])
})

test('of the instances of a flow one deletes a copy; the others let go of it when it is gone', async () => {
  const { clock, sync, deleted, gone, copies } = scene({ nodes: [UNKNOWN], isTheirs: true })
  await sync.sync()
  await clock.advance(5_000)
  expect(await sync.sync()).toBe('0 topics deleted, 1 waiting')
  expect([deleted, gone]).toEqual([[], []])
  copies.delete('east.orders')
  expect(await sync.sync()).toBe('0 topics deleted, 0 waiting')
  expect([deleted, gone]).toEqual([[], ['orders']])
})

test('a look before the topic of progress is made finds nothing to delete yet, and asks again', async () => {
  const { sync, copies } = scene({ nodes: [UNKNOWN] })
  copies.delete(PROGRESS)
  expect(await sync.sync()).toBe('0 topics deleted, 1 waiting')
  copies.set(PROGRESS, { partitions: [] })
  expect(await sync.sync()).toBe('0 topics deleted, 1 waiting')
})
