// CreateTopics (key 19), versions 2–7. The rules are in coordinator/controller/topic-creation.ts.
//
// - Names, collisions, partition counts, replication factors, assignments by hand and configs (name and value) are checked as by
//   Kafka; validateOnly stops there. v4+: −1 takes the broker's default (KIP-464). v5+: the answer has the topic's configs (KIP-525).
//   v7: topic ids.
// - Left out: create policies and quotas (v6).

import { ErrorCode } from '../../protocol/errors.ts'
import { createTopics } from '../../protocol/messages/create-topics.ts'
import type { Broker } from '../broker.ts'
import { describeTopicConfigs } from '../config-description.ts'
import type { CreatedTopic } from '../coordinator/controller/command.ts'
import { serve } from '../dispatcher.ts'

export const serveCreateTopics = serve(createTopics, [2, 7], async (broker, request) => {
  const wanted = request.topics.map((topic) => ({
    name: topic.name,
    numPartitions: topic.numPartitions,
    replicationFactor: topic.replicationFactor,
    assignments: topic.assignments,
    configs: new Map(topic.configs.map(({ name, value }) => [name, value])),
  }))
  const created = await broker.topicCreator.create(wanted, request.validateOnly)
  const topics = created.map((topic, index) => ({
    ...topic,
    configs: topic.errorCode === ErrorCode.NONE ? configsOf(broker, wanted[index]!.configs) : [],
  }))
  return { throttleTimeMs: 0, topics: oncePerName(topics) }
})

function configsOf(broker: Broker, own: ReadonlyMap<string, string | null>) {
  const set = new Map([...own].filter((entry): entry is [string, string] => entry[1] !== null))
  return describeTopicConfigs(set, broker.config).map(({ name, value, readOnly, configSource, isSensitive }) => ({
    name,
    value,
    readOnly,
    configSource,
    isSensitive,
  }))
}

/** A name that was given twice is answered once. */
function oncePerName<T extends CreatedTopic>(topics: readonly T[]): T[] {
  return [...new Map(topics.map((topic) => [topic.name, topic])).values()]
}
