// CreateTopics (key 19), versions 2–7. The rules are in coordinator/controller/topic-creation.ts.
//
// - Names, collisions, partition counts, replication factors, assignments by hand and configs (name and value) are checked as by
//   Kafka; validateOnly stops there. v4+: −1 takes the broker's default (KIP-464). v5+: the answer has the topic's configs (KIP-525).
//   v7: topic ids.
// - Needs CREATE on the cluster or the topic: TOPIC_AUTHORIZATION_FAILED. To whom may not DESCRIBE_CONFIGS the answer has neither
//   configs nor counts.
// - Partitions count against the client's controller_mutation_rate, also when they are only validated: from v6 on
//   THROTTLING_QUOTA_EXCEEDED for the topics beyond it (KIP-599). Topics that come into being by use do not count.
// - Left out: create policies.

import { ErrorCode } from '../../protocol/errors.ts'
import { createTopics } from '../../protocol/messages/create-topics.ts'
import type { Broker } from '../broker.ts'
import { describeTopicConfigs } from '../config-description.ts'
import type { CreatedTopic } from '../coordinator/controller/command.ts'
import { CLUSTER_METADATA } from '../coordinator/controller/topic-name.ts'
import { type Call, forwarded, serve } from '../dispatcher.ts'
import { mutationRequester } from '../quota/mutation-requester.ts'
import { CLUSTER_NAME } from '../security/authorizer.ts'

const STRICT_SINCE = 6

export const serveCreateTopics = forwarded(
  serve(createTopics, [2, 7], async (broker, request, call) => {
    const names = request.topics.map(({ name }) => name)
    const refused = new Set(names.filter((name) => isRefused(call, names, name)))
    const wanted = request.topics
      .filter(({ name }) => !refused.has(name))
      .map((topic) => ({
        name: topic.name,
        numPartitions: topic.numPartitions,
        replicationFactor: topic.replicationFactor,
        assignments: topic.assignments,
        configs: new Map(topic.configs.map(({ name, value }) => [name, value])),
      }))
    const requester = mutationRequester(broker.config, call, STRICT_SINCE)
    const created = await broker.topicCreator.create(wanted, request.validateOnly, requester)
    call.pause(created.pauseMs)
    const topics = created.topics.map((topic, index) => ({
      ...topic,
      ...(topic.errorCode === ErrorCode.NONE ? shapeOf(broker, call, topic, wanted[index]!.configs) : { configs: [] }),
    }))
    return { throttleTimeMs: 0, topics: [...oncePerName(topics), ...[...refused].map(refusal)] }
  }),
)

/** What is wrong about the request itself is told to everybody. */
function isRefused(call: Call, names: readonly string[], name: string): boolean {
  if (names.indexOf(name) !== names.lastIndexOf(name) || name === CLUSTER_METADATA) return false
  return !call.may('CREATE', 'CLUSTER', CLUSTER_NAME) && !call.may('CREATE', 'TOPIC', name)
}

function refusal(name: string) {
  const errorCode = ErrorCode.TOPIC_AUTHORIZATION_FAILED
  return {
    name,
    errorCode,
    errorMessage: 'Authorization failed.',
    numPartitions: -1,
    replicationFactor: -1,
    configs: [],
  }
}

function shapeOf(broker: Broker, call: Call, topic: CreatedTopic, own: ReadonlyMap<string, string | null>) {
  if (call.may('DESCRIBE_CONFIGS', 'TOPIC', topic.name)) return { configs: configsOf(broker, own) }
  const topicConfigErrorCode = ErrorCode.TOPIC_AUTHORIZATION_FAILED
  return { numPartitions: -1, replicationFactor: -1, configs: [], topicConfigErrorCode }
}

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
