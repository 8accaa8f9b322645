// Configs as DescribeConfigs and CreateTopics show them: the value that holds, where it comes from, and what would hold without it.

import { BROKER_CONFIGS, type BrokerConfig, type BrokerConfigSource, brokerConfig, isDynamic } from './broker-config.ts'
import { CONFIG_TYPE_CODE } from './config-definition.ts'
import { TOPIC_CONFIGS, type TopicConfigDefinition } from './topic-config.ts'

/** As the protocol numbers them. */
const SOURCE_CODE: Readonly<Record<BrokerConfigSource | 'TOPIC_CONFIG', number>> = {
  TOPIC_CONFIG: 1,
  DYNAMIC_BROKER_CONFIG: 2,
  DYNAMIC_DEFAULT_BROKER_CONFIG: 3,
  STATIC_BROKER_CONFIG: 4,
  DEFAULT_CONFIG: 5,
}

export interface DescribedConfig {
  readonly name: string
  readonly value: string | null
  readonly readOnly: boolean
  readonly configSource: number
  readonly isSensitive: boolean
  readonly synonyms: readonly { readonly name: string; readonly value: string | null; readonly source: number }[]
  readonly configType: number
  readonly documentation: string
}

type Synonyms = DescribedConfig['synonyms']

/** Every config of a topic that sets these. */
export function describeTopicConfigs(own: ReadonlyMap<string, string>, broker: BrokerConfig): DescribedConfig[] {
  return TOPIC_CONFIGS.filter(({ internal, name }) => !internal || own.has(name)).map((definition) => {
    const synonyms = topicSynonyms(definition, own, broker)
    return {
      name: definition.name,
      value: own.get(definition.name) ?? broker.topicDefault(definition),
      readOnly: false,
      configSource: synonyms[0]?.source ?? SOURCE_CODE.DEFAULT_CONFIG,
      isSensitive: false,
      synonyms,
      configType: CONFIG_TYPE_CODE[definition.type],
      documentation: definition.doc,
    }
  })
}

function topicSynonyms(
  definition: TopicConfigDefinition,
  own: ReadonlyMap<string, string>,
  broker: BrokerConfig,
): Synonyms {
  const { name } = definition
  const value = own.get(name)
  const set = value === undefined ? [] : [{ name, value, source: SOURCE_CODE.TOPIC_CONFIG }]
  const inherited = definition.synonyms.flatMap((synonym) => broker.layers(synonym.name))
  const bySource = inherited
    .map((layer) => ({ name: layer.name, value: layer.value, source: SOURCE_CODE[layer.source] }))
    .sort((a, b) => a.source - b.source)
  return [...set, ...bySource]
}

/** The properties of this broker; `alteredForAll`: only what was altered for all brokers. */
export function describeBrokerConfigs(config: BrokerConfig, alteredForAll: boolean): DescribedConfig[] {
  return BROKER_CONFIGS.flatMap(({ name, type, doc }) => {
    const layers = config.layers(name)
    const shown = alteredForAll ? layers.filter(({ source }) => source === 'DYNAMIC_DEFAULT_BROKER_CONFIG') : layers
    if (alteredForAll && shown.length === 0) return []
    const isSensitive = type === 'PASSWORD'
    const seen = (value: string | null) => (isSensitive ? null : value)
    const synonyms = shown.map((layer) => ({ name, value: seen(layer.value), source: SOURCE_CODE[layer.source] }))
    return [
      {
        name,
        value: seen(shown[0]?.value ?? null),
        readOnly: !isDynamic(brokerConfig(name)!.name),
        configSource: synonyms[0]?.source ?? SOURCE_CODE.DEFAULT_CONFIG,
        isSensitive,
        synonyms,
        configType: CONFIG_TYPE_CODE[type],
        documentation: doc,
      },
    ]
  })
}
