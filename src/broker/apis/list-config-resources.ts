// ListConfigResources (key 74), versions 0–1.
//
// - v0: client metrics subscriptions (KIP-1000). v1: by type, all types when none is named (KIP-1142): topics, this broker and its
//   loggers, client metrics subscriptions, and groups that have configs. A type that does not exist: UNSUPPORTED_VERSION.
// - Needs DESCRIBE_CONFIGS on the cluster: CLUSTER_AUTHORIZATION_FAILED.

import { ErrorCode } from '../../protocol/errors.ts'
import { listConfigResources } from '../../protocol/messages/list-config-resources.ts'
import type { Broker } from '../broker.ts'
import { RESOURCE_TYPE } from '../coordinator/controller/metadata-image.ts'
import { serve } from '../dispatcher.ts'
import { CLUSTER_NAME } from '../security/authorizer.ts'

export const serveListConfigResources = serve(listConfigResources, [0, 1], (broker, request, call) => {
  if (!call.may('DESCRIBE_CONFIGS', 'CLUSTER', CLUSTER_NAME)) {
    return { throttleTimeMs: 0, errorCode: ErrorCode.CLUSTER_AUTHORIZATION_FAILED, configResources: [] }
  }
  const known: readonly number[] = Object.values(RESOURCE_TYPE)
  if (request.resourceTypes.some((type) => !known.includes(type))) {
    return { throttleTimeMs: 0, errorCode: ErrorCode.UNSUPPORTED_VERSION, configResources: [] }
  }
  const types = call.version === 0 ? [RESOURCE_TYPE.CLIENT_METRICS] : request.resourceTypes
  const configResources = known
    .filter((type) => types.length === 0 || types.includes(type))
    .flatMap((resourceType) => namesOf(broker, resourceType).map((resourceName) => ({ resourceName, resourceType })))
  return { throttleTimeMs: 0, errorCode: ErrorCode.NONE, configResources }
})

function namesOf({ image, nodeId }: Broker, resourceType: number): string[] {
  switch (resourceType) {
    case RESOURCE_TYPE.TOPIC:
      return [...image.topics.keys()]
    case RESOURCE_TYPE.BROKER:
    case RESOURCE_TYPE.BROKER_LOGGER:
      return [String(nodeId)]
    default:
      return image.configuredNames(resourceType)
  }
}
