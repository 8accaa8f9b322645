// DescribeConfigs (key 32), versions 1–4.
//
// - Topics (resource type 2), brokers (4; empty name: what was altered for all brokers), the levels of this broker's loggers (8),
//   client metrics subscriptions (16) and groups (32), whether or not these exist. Values with their source, synonyms when asked for
//   (KIP-226), and from v3 type and documentation (KIP-569). No keys: all.
// - Unknown topic: UNKNOWN_TOPIC_OR_PARTITION; another broker's id, an empty name, another resource type: INVALID_REQUEST.
// - Needs DESCRIBE_CONFIGS on the topic or group, or else on the cluster: TOPIC_, GROUP_ and CLUSTER_AUTHORIZATION_FAILED.
// - Of the broker's properties only those are shown that this broker obeys, of a group's those of the protocol of KIP-848. The loggers
//   are the first parts of the names of this broker's events.

import { ErrorCode } from '../../protocol/errors.ts'
import { describeConfigs } from '../../protocol/messages/describe-configs.ts'
import type { Request } from '../../protocol/schema.ts'
import type { Broker } from '../broker.ts'
import {
  type DescribedConfig,
  describeBrokerConfigs,
  describeClientMetrics,
  describeGroupConfigs,
  describeLoggers,
  describeTopicConfigs,
} from '../config-description.ts'
import { configRefusal } from '../config-guard.ts'
import type { ItemError } from '../coordinator/controller/command.ts'
import { RESOURCE_TYPE } from '../coordinator/controller/metadata-image.ts'
import { invalid } from '../coordinator/controller/topic-creation.ts'
import { whyInvalidName } from '../coordinator/controller/topic-name.ts'
import { serve } from '../dispatcher.ts'

type Resource = Request<typeof describeConfigs>['resources'][number]

/** One of another kind, and nothing in the request is answered. */
const TYPES: ReadonlySet<number> = new Set(Object.values(RESOURCE_TYPE))

export const serveDescribeConfigs = serve(describeConfigs, [1, 4], (broker, request, call) => ({
  throttleTimeMs: 0,
  results: request.resources.map((resource) => {
    const { resourceType, resourceName, configurationKeys } = resource
    const strange = request.resources.find((one) => !TYPES.has(one.resourceType))
    if (strange) {
      const refusal = invalid('INVALID_REQUEST', `Unsupported resource type: ${strange.resourceType}`)
      return { ...refusal, resourceType, resourceName, configs: [] }
    }
    const found = configRefusal(call, 'DESCRIBE_CONFIGS', resource) ?? describe(broker, resource)
    if ('errorCode' in found) return { ...found, resourceType, resourceName, configs: [] }
    const configs = found
      .filter(({ name }) => !configurationKeys?.length || configurationKeys.includes(name))
      .map((config) => ({
        ...config,
        synonyms: request.includeSynonyms ? config.synonyms : [],
        // Of loggers, whose types are not known either, it is empty and not absent.
        documentation: request.includeDocumentation || config.documentation === '' ? config.documentation : null,
      }))
    return { errorCode: ErrorCode.NONE, errorMessage: '', resourceType, resourceName, configs }
  }),
}))

type Described = readonly DescribedConfig[] | ItemError

function describe(broker: Broker, { resourceType, resourceName }: Resource): Described {
  const own = broker.image.configs(resourceType, resourceName)
  switch (resourceType) {
    case RESOURCE_TYPE.TOPIC:
      return topicError(broker, resourceName) ?? describeTopicConfigs(own, broker.config)
    case RESOURCE_TYPE.BROKER:
      if (resourceName === '') return describeBrokerConfigs(broker.config, true)
      return brokerError(broker, resourceName, ' or empty string,') ?? describeBrokerConfigs(broker.config, false)
    case RESOURCE_TYPE.BROKER_LOGGER:
      if (resourceName === '') return invalid('INVALID_REQUEST', 'Broker id must not be empty')
      return brokerError(broker, resourceName, '') ?? describeLoggers(broker.logLevels.levels)
    case RESOURCE_TYPE.CLIENT_METRICS:
      if (resourceName !== '') return describeClientMetrics(own)
      return invalid('INVALID_REQUEST', 'Client metrics subscription name must not be empty')
    case RESOURCE_TYPE.GROUP:
      if (resourceName !== '') return describeGroupConfigs(own, broker.config)
      return invalid('INVALID_REQUEST', 'Group name must not be empty')
    default:
      return invalid('INVALID_REQUEST', `Unsupported resource type: ${resourceType}`)
  }
}

function topicError(broker: Broker, name: string): ItemError | undefined {
  const complaint = whyInvalidName(name)
  if (complaint !== undefined) return invalid('INVALID_TOPIC_EXCEPTION', complaint)
  return broker.image.topics.has(name) ? undefined : invalid('UNKNOWN_TOPIC_OR_PARTITION', '')
}

function brokerError({ nodeId }: Broker, name: string, orElse: string): ItemError | undefined {
  if (!/^-?\d+$/.test(name)) return invalid('INVALID_REQUEST', `Broker id must be an integer, but it is: ${name}`)
  if (Number(name) === nodeId) return undefined
  return invalid('INVALID_REQUEST', `Unexpected broker id, expected ${nodeId}${orElse} but received ${name}`)
}
