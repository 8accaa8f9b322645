// DescribeConfigs (key 32), versions 1–4.
//
// - Topics (resource type 2) and brokers (4; empty name: what was altered for all brokers). Values with their source, synonyms when
//   asked for (KIP-226), and from v3 type and documentation (KIP-569). Null keys: all.
// - Unknown topic: UNKNOWN_TOPIC_OR_PARTITION; another broker's id, or another resource type: INVALID_REQUEST.
// - Needs DESCRIBE_CONFIGS on the topic, or for brokers on the cluster: TOPIC_ and CLUSTER_AUTHORIZATION_FAILED.
// - Of the broker's properties only those are shown that this broker obeys.

import { ErrorCode } from '../../protocol/errors.ts'
import { describeConfigs } from '../../protocol/messages/describe-configs.ts'
import type { Request } from '../../protocol/schema.ts'
import type { Broker } from '../broker.ts'
import { type DescribedConfig, describeBrokerConfigs, describeTopicConfigs } from '../config-description.ts'
import { configRefusal } from '../config-guard.ts'
import { RESOURCE_TYPE } from '../coordinator/controller/metadata-image.ts'
import { whyInvalidName } from '../coordinator/controller/topic-name.ts'
import { serve } from '../dispatcher.ts'

type Resource = Request<typeof describeConfigs>['resources'][number]

export const serveDescribeConfigs = serve(describeConfigs, [1, 4], (broker, request, call) => ({
  throttleTimeMs: 0,
  results: request.resources.map((resource) => {
    const { resourceType, resourceName, configurationKeys } = resource
    const found = configRefusal(call, 'DESCRIBE_CONFIGS', resource) ?? describe(broker, resource)
    if ('errorCode' in found) return { ...found, resourceType, resourceName, configs: [] }
    const configs = found
      .filter(({ name }) => configurationKeys === null || configurationKeys.includes(name))
      .map((config) => ({
        ...config,
        synonyms: request.includeSynonyms ? config.synonyms : [],
        documentation: request.includeDocumentation ? config.documentation : null,
      }))
    return { errorCode: ErrorCode.NONE, errorMessage: '', resourceType, resourceName, configs }
  }),
}))

function describe(
  broker: Broker,
  { resourceType, resourceName }: Resource,
): readonly DescribedConfig[] | { errorCode: number; errorMessage: string | null } {
  if (resourceType === RESOURCE_TYPE.TOPIC) {
    const complaint = whyInvalidName(resourceName)
    if (complaint !== undefined) return { errorCode: ErrorCode.INVALID_TOPIC_EXCEPTION, errorMessage: complaint }
    if (!broker.image.topics.has(resourceName)) {
      return { errorCode: ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, errorMessage: '' }
    }
    return describeTopicConfigs(broker.image.configs(RESOURCE_TYPE.TOPIC, resourceName), broker.config)
  }
  if (resourceType !== RESOURCE_TYPE.BROKER) {
    return { errorCode: ErrorCode.INVALID_REQUEST, errorMessage: `Unsupported resource type: ${resourceType}` }
  }
  if (!/^-?\d*$/.test(resourceName)) {
    const errorMessage = `Broker id must be an integer, but it is: ${resourceName}`
    return { errorCode: ErrorCode.INVALID_REQUEST, errorMessage }
  }
  if (resourceName !== '' && resourceName !== String(broker.nodeId)) {
    const errorMessage = `Unexpected broker id, expected ${broker.nodeId} or empty string, but received ${resourceName}`
    return { errorCode: ErrorCode.INVALID_REQUEST, errorMessage }
  }
  return describeBrokerConfigs(broker.config, resourceName === '')
}
