// The configs of many topics of one cluster, as its brokers tell them.
import type { ClusterClient } from '../client/cluster-client.ts'
import { HeliostatError } from '../platform/errors.ts'
import { ErrorCode, errorOf } from '../protocol/errors.ts'
import { describeConfigs } from '../protocol/messages/describe-configs.ts'
import type { ConfigEntry, TopicConfigs } from './config-rules.ts'

const TOPIC = 2
const TOPICS_PER_REQUEST = 100

/** Topics whose configs may not be read are left out; `names` null: all configs. Throws while one is unknown there. */
export async function readTopicConfigs(
  client: ClusterClient,
  topics: readonly string[],
  names: readonly string[] | null = null,
): Promise<Map<string, TopicConfigs>> {
  const found = new Map<string, TopicConfigs>()
  for (let at = 0; at < topics.length; at += TOPICS_PER_REQUEST) {
    const response = await client.send(describeConfigs, {
      resources: topics.slice(at, at + TOPICS_PER_REQUEST).map((resourceName) => ({
        resourceType: TOPIC,
        resourceName,
        configurationKeys: names,
      })),
      includeSynonyms: false,
      includeDocumentation: false,
    })
    for (const { errorCode, resourceName, configs } of response.results) {
      if (errorCode === ErrorCode.NONE) found.set(resourceName, entriesOf(configs))
      else if (errorOf(errorCode).retriable)
        throw new HeliostatError('HEL_CONFIGS_UNREADABLE', `the configs of ${resourceName} cannot be read yet`, {
          retriable: true,
        })
    }
  }
  return found
}

interface DescribedConfig {
  readonly name: string
  readonly value: string | null
  readonly readOnly: boolean
  readonly configSource: number
  readonly isSensitive: boolean
}

/** One by one: there are thousands, again and again. */
function entriesOf(configs: readonly DescribedConfig[]): TopicConfigs {
  const entries = new Map<string, ConfigEntry>()
  for (const { name, value, readOnly, configSource: source, isSensitive: sensitive } of configs)
    entries.set(name, { value, source, readOnly, sensitive })
  return entries
}
