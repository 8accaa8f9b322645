import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { createTopics } from '../../src/protocol/messages/create-topics.ts'
import { metadata } from '../../src/protocol/messages/metadata.ts'
import { embeddedCluster } from './embedded-cluster.ts'
import { batchOf, produceOf } from './requests.ts'

it('holds 2,000 topics of 5 partitions, which cost the disk nothing before they are used, over a restart', async () => {
  const data = mkdtempSync(join(tmpdir(), 'heliostat-many-'))
  onTestFinished(() => rmSync(data, { recursive: true, force: true }))
  const names = Array.from({ length: 2000 }, (_, index) => `topic.${index}`)
  const first = await embeddedCluster({ data })
  const connection = await first.connect()
  const shape = { numPartitions: 5, replicationFactor: 1, assignments: [], configs: [] }
  for (let from = 0; from < names.length; from += 500) {
    const topics = names.slice(from, from + 500).map((name) => ({ name, ...shape }))
    const made = await connection.send(createTopics, { topics })
    expect(made.topics.filter(({ errorCode }) => errorCode !== 0)).toEqual([])
  }
  expect(await produceOf(connection, 'topic.1234', batchOf(['x']), { partition: 3 })).toMatchObject({ baseOffset: 0 })
  const folders = () => readdirSync(join(data, '1')).filter((name) => name.startsWith('topic.'))
  expect(folders()).toEqual(['topic.1234-3'])
  await first.stop()
  const again = await (await embeddedCluster({ data })).connect()
  const { topics } = await again.send(metadata, { topics: null })
  expect(topics.map(({ name }) => name).sort()).toEqual(names.sort())
  expect(topics.every(({ partitions }) => partitions.length === 5)).toBe(true)
  expect(await produceOf(again, 'topic.1234', batchOf(['y']), { partition: 3 })).toMatchObject({ baseOffset: 1 })
  expect(await produceOf(again, 'topic.7', batchOf(['y']), { partition: 0 })).toMatchObject({ baseOffset: 0 })
}, 60_000)
