// ListConfigResources (key 74), versions 0–1.
//
// - v0: client metrics subscriptions (KIP-1000), of which there are none. v1: by type, all types when none is named (KIP-1142):
//   topics and brokers; other types have no resources here. A type that does not exist: UNSUPPORTED_VERSION.
// - Needs DESCRIBE_CONFIGS on the cluster: CLUSTER_AUTHORIZATION_FAILED.

import { ErrorCode } from '../../protocol/errors.ts'
import { listConfigResources } from '../../protocol/messages/list-config-resources.ts'
import { RESOURCE_TYPE } from '../coordinator/controller/metadata-image.ts'
import { serve } from '../dispatcher.ts'
import { CLUSTER_NAME } from '../security/authorizer.ts'

export const serveListConfigResources = serve(listConfigResources, [0, 1], (broker, request, call) => {
  if (!call.may('DESCRIBE_CONFIGS', 'CLUSTER', CLUSTER_NAME)) {
    return { throttleTimeMs: 0, errorCode: ErrorCode.CLUSTER_AUTHORIZATION_FAILED, configResources: [] }
  }
  if (call.version === 0) return { throttleTimeMs: 0, errorCode: ErrorCode.NONE, configResources: [] }
  const known: readonly number[] = Object.values(RESOURCE_TYPE)
  if (request.resourceTypes.some((type) => !known.includes(type))) {
    return { throttleTimeMs: 0, errorCode: ErrorCode.UNSUPPORTED_VERSION, configResources: [] }
  }
  const wants = (type: number) => request.resourceTypes.length === 0 || request.resourceTypes.includes(type)
  const topics = wants(RESOURCE_TYPE.TOPIC) ? [...broker.image.topics.keys()] : []
  const brokers = [RESOURCE_TYPE.BROKER, RESOURCE_TYPE.BROKER_LOGGER].filter(wants)
  const configResources = [
    ...topics.map((resourceName) => ({ resourceName, resourceType: RESOURCE_TYPE.TOPIC })),
    ...brokers.map((resourceType) => ({ resourceName: String(broker.nodeId), resourceType })),
  ]
  return { throttleTimeMs: 0, errorCode: ErrorCode.NONE, configResources }
})
