// A cluster whose logs hold what clients cannot write: holes that compaction left, transaction markers, old formats. The
// batches are appended to the files while no broker runs, as a follower would have got them from a leader.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Cluster, startCluster } from '../../src/broker/cluster.ts'
import { LogDirectory } from '../../src/broker/log/log-directory.ts'
import { RecordBatch } from '../../src/records/record-batch.ts'
import { clientOf, makeTopic, testPlatform } from './log-content.ts'

export interface SeededTopic {
  readonly name: string
  readonly configs?: Readonly<Record<string, string>>
  /** The batches of each partition, with the offsets that they shall have. */
  readonly logs: readonly (readonly Buffer[])[]
}

export async function seededCluster(
  name: string,
  topics: readonly SeededTopic[],
  config: Readonly<Record<string, unknown>> = {},
): Promise<Cluster> {
  const data = mkdtempSync(join(tmpdir(), 'heliostat-seeded-'))
  const bare = await startCluster(testPlatform, { name, data, config })
  const client = clientOf(bare.bootstrap)
  await client.refresh()
  for (const topic of topics) await makeTopic(client, topic.name, topic.logs.length, topic.configs)
  const ids = new Map(topics.map(({ name: topic }) => [topic, client.topics().get(topic)!.topicId]))
  client.close()
  await bare.stop()
  const directory = LogDirectory.open(testPlatform, `${data}/1`)
  for (const topic of topics)
    topic.logs.forEach((batches, partition) => {
      for (const bytes of batches) {
        const appended = directory
          .getOrCreate(topic.name, partition, ids.get(topic.name)!)
          .append([new RecordBatch(bytes)], { leaderEpoch: 0, origin: 'replication' })
        if ('error' in appended && appended.error !== 0)
          throw new Error(`${topic.name}-${partition}: ${JSON.stringify(appended)}`)
      }
    })
  directory.close()
  const cluster = await startCluster(testPlatform, { name, data, config })
  return {
    ...cluster,
    stop: async () => {
      await cluster.stop()
      rmSync(data, { recursive: true, force: true })
    },
  }
}
