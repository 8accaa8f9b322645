// What a flow writes down on its target beside the copies: the topics of its progress and of its gaps.
import type { ClusterClient } from '../client/cluster-client.ts'
import { HeliostatError } from '../platform/errors.ts'
import { TopicWriter } from '../sink/topic-writer.ts'
import type { ReplicationPolicy } from './replication-policy.ts'

const REPLICAS = 3

/**
 * Makes those that are missing, on a target whose metadata were just read. Resolves to the number of slots: `slots` where the topic is made
 * here, and what it has where it was there. A progress topic that cannot be seen yet is an error that passes.
 */
export async function makeFlowTopics(
  target: ClusterClient,
  { progressTopic, gapsTopic }: ReplicationPolicy,
  slots: number,
): Promise<number> {
  const configs = new Map([['cleanup.policy', 'compact']])
  const replicationFactor = Math.min(REPLICAS, Math.max(1, target.nodes().size))
  const missing = [
    { name: progressTopic, partitions: slots, replicationFactor, configs },
    { name: gapsTopic, partitions: 1, replicationFactor, configs },
  ].filter(({ name }) => !target.topics().has(name))
  const refused = await new TopicWriter(target).create(missing)
  for (const error of refused.values()) throw error
  if (missing.length > 0) await target.refresh()
  const progress = target.topics().get(progressTopic)
  if (!progress || progress.partitions.length === 0)
    throw new HeliostatError('HEL_TOPIC_NOT_VISIBLE', `${progressTopic} cannot be seen yet`, { retriable: true })
  return progress.partitions.length
}
