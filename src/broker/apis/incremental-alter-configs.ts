// IncrementalAlterConfigs (key 44), versions 0–1 (KIP-339). The rules are in coordinator/controller/config-alteration.ts.
//
// - SET, DELETE, and for lists APPEND and SUBTRACT, on topics, brokers (empty name: all brokers), groups (KIP-848) and client metrics
//   subscriptions (KIP-714); what is not named stays. Of the broker's properties those that Kafka lets alter at run time; they take
//   effect at once. Levels of this broker's loggers (KIP-412) hold until it ends.
// - A resource twice, a key twice, no value: INVALID_REQUEST. Values that are wrong: INVALID_CONFIG, of brokers INVALID_REQUEST.
// - Needs ALTER_CONFIGS on the topic or group, or else on the cluster: TOPIC_, GROUP_ and CLUSTER_AUTHORIZATION_FAILED.

import { incrementalAlterConfigs } from '../../protocol/messages/incremental-alter-configs.ts'
import { alterResources } from '../config-request.ts'
import { forwarded, serve } from '../dispatcher.ts'

export const serveIncrementalAlterConfigs = forwarded(
  serve(incrementalAlterConfigs, [0, 1], async (broker, request, call) => {
    const resources = request.resources.map(({ resourceType, resourceName, configs }) => ({
      resourceType,
      resourceName,
      operations: configs.map(({ name, value, configOperation }) => ({ name, value, operation: configOperation })),
      replaceAll: false,
    }))
    const forward = async (kept: readonly number[]) => {
      const rest = { ...request, resources: kept.map((index) => request.resources[index]!) }
      return (await call.forward(incrementalAlterConfigs, rest)).responses
    }
    const responses = await alterResources(broker, call, resources, request.validateOnly, forward)
    return { throttleTimeMs: 0, responses }
  }),
  'part',
)
