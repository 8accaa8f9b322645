// Configs as DescribeConfigs and CreateTopics show them: the value that holds, where it comes from, and what would hold without it.

import {
  BROKER_CONFIGS,
  type BrokerConfig,
  type BrokerConfigSource,
  brokerConfig,
  isDynamic,
  synonymsOf,
} from './broker-config.ts'
import { CLIENT_METRICS_CONFIGS } from './client-metrics-config.ts'
import { CONFIG_TYPE_CODE, type ConfigDefinition } from './config-definition.ts'
import { GROUP_CONFIGS } from './group-resource-config.ts'
import { listenerOverride } from './listeners/listener-properties.ts'
import { TOPIC_CONFIGS, type TopicConfigDefinition } from './topic-config.ts'

/** As the protocol numbers them. */
const SOURCE_CODE: Readonly<Record<BrokerConfigSource | OwnSource, number>> = {
  TOPIC_CONFIG: 1,
  DYNAMIC_BROKER_CONFIG: 2,
  DYNAMIC_DEFAULT_BROKER_CONFIG: 3,
  STATIC_BROKER_CONFIG: 4,
  DEFAULT_CONFIG: 5,
  DYNAMIC_BROKER_LOGGER_CONFIG: 6,
  CLIENT_METRICS_CONFIG: 7,
  GROUP_CONFIG: 8,
}
type OwnSource = 'TOPIC_CONFIG' | 'DYNAMIC_BROKER_LOGGER_CONFIG' | 'CLIENT_METRICS_CONFIG' | 'GROUP_CONFIG'
const UNKNOWN_TYPE = 0

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
  const nearest = definition.synonyms[0]
  return nearest === undefined ? set : [...set, ...brokerSynonyms(broker, nearest.name)]
}

/** What was given for the property and those that stand in for it; as in Kafka nothing that stands before the property itself. */
function brokerSynonyms(broker: BrokerConfig, name: string): DescribedConfig['synonyms'][number][] {
  const layers = synonymsOf(name)
    .flatMap((synonym) => broker.layers(synonym))
    .sort((a, b) => SOURCE_CODE[a.source] - SOURCE_CODE[b.source])
  const first = layers.findIndex((layer) => layer.name === name)
  const shown = first < 0 ? [] : layers.slice(first)
  return shown.map((layer) => {
    const isSensitive = brokerConfig(layer.name)!.type === 'PASSWORD'
    return { name: layer.name, value: isSensitive ? null : layer.value, source: SOURCE_CODE[layer.source] }
  })
}

/** Every config of a group that sets these. */
export function describeGroupConfigs(own: ReadonlyMap<string, string>, broker: BrokerConfig): DescribedConfig[] {
  return GROUP_CONFIGS.map((definition) => {
    const inherited = definition.default === null ? brokerSynonyms(broker, `group.${definition.name}`) : []
    return described(definition, own, 'GROUP_CONFIG', inherited, inherited[0]?.value ?? definition.default)
  })
}

/** Every config of a client metrics subscription that sets these. */
export function describeClientMetrics(own: ReadonlyMap<string, string>): DescribedConfig[] {
  return CLIENT_METRICS_CONFIGS.map((definition) => {
    return described(definition, own, 'CLIENT_METRICS_CONFIG', [], definition.default)
  })
}

function described(
  { name, type, doc }: ConfigDefinition,
  own: ReadonlyMap<string, string>,
  source: OwnSource,
  inherited: Synonyms,
  byDefault: string | null,
): DescribedConfig {
  const value = own.get(name)
  const set = value === undefined ? [] : [{ name, value, source: SOURCE_CODE[source] }]
  const synonyms = [...set, ...inherited]
  return {
    name,
    value: value ?? byDefault,
    readOnly: false,
    configSource: synonyms[0]?.source ?? SOURCE_CODE.DEFAULT_CONFIG,
    isSensitive: false,
    synonyms,
    configType: CONFIG_TYPE_CODE[type],
    documentation: doc,
  }
}

export function describeLoggers(levels: Iterable<[name: string, level: string]>): DescribedConfig[] {
  return [...levels].map(([name, value]) => ({
    name,
    value,
    readOnly: false,
    configSource: SOURCE_CODE.DYNAMIC_BROKER_LOGGER_CONFIG,
    isSensitive: false,
    synonyms: [],
    configType: UNKNOWN_TYPE,
    documentation: '',
  }))
}

/** The properties of this broker; `alteredForAll`: only what was altered for all brokers. */
export function describeBrokerConfigs(config: BrokerConfig, alteredForAll: boolean): DescribedConfig[] {
  const ofBroker = BROKER_CONFIGS.flatMap(({ name, type, doc }) => {
    const layers = config.layers(name)
    const altered = layers.filter(({ source }) => source === 'DYNAMIC_DEFAULT_BROKER_CONFIG')
    if (alteredForAll && altered.length === 0) return []
    const [held] = alteredForAll ? altered : layers
    const isSensitive = type === 'PASSWORD'
    const seen = (value: string | null) => (isSensitive ? null : value)
    const synonyms = alteredForAll
      ? altered.map((layer) => ({ name, value: seen(layer.value), source: SOURCE_CODE[layer.source] }))
      : brokerSynonyms(config, name)
    return [
      {
        name,
        value: seen(held?.value ?? null),
        readOnly: !isDynamic(name),
        configSource: synonyms[0]?.source ?? SOURCE_CODE.DEFAULT_CONFIG,
        isSensitive,
        synonyms,
        configType: CONFIG_TYPE_CODE[type],
        documentation: doc,
      },
    ]
  })
  return alteredForAll ? ofBroker : [...ofBroker, ...describeListenerConfigs(config)]
}

/** What was given for one listener alone. */
function describeListenerConfigs(config: BrokerConfig): DescribedConfig[] {
  return [...config.staticNames].flatMap((name) => {
    const override = listenerOverride(name)
    if (!override?.definition) return []
    const { type, doc } = override.definition
    const isSensitive = type === 'PASSWORD'
    const value = isSensitive ? null : (config.given(name) ?? null)
    const configSource = SOURCE_CODE.STATIC_BROKER_CONFIG
    return [
      {
        name,
        value,
        readOnly: true,
        configSource,
        isSensitive,
        synonyms: [{ name, value, source: configSource }, ...brokerSynonyms(config, override.property)],
        configType: CONFIG_TYPE_CODE[type],
        documentation: doc,
      },
    ]
  })
}
