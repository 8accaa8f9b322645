// IncrementalAlterConfigs (key 44), versions 0–1 (KIP-339). The rules are in coordinator/controller/config-alteration.ts.
//
// - SET, DELETE, and for lists APPEND and SUBTRACT, on topics and on brokers (empty name: all brokers); what is not named stays.
//   Of the broker's properties those that are defaults of topics can be altered at run time; they take effect at once.
// - Needs ALTER_CONFIGS on the topic, or for brokers on the cluster: TOPIC_ and CLUSTER_AUTHORIZATION_FAILED.
// - Left out: groups (32) and client metrics (16): INVALID_REQUEST.

import { incrementalAlterConfigs } from '../../protocol/messages/incremental-alter-configs.ts'
import { configRefusal } from '../config-guard.ts'
import { serve } from '../dispatcher.ts'

export const serveIncrementalAlterConfigs = serve(incrementalAlterConfigs, [0, 1], async (broker, request, call) => {
  const refused = request.resources.flatMap((resource) => {
    const { resourceType, resourceName } = resource
    const refusal = configRefusal(call, 'ALTER_CONFIGS', resource)
    return refusal ? [{ ...refusal, resourceType, resourceName }] : []
  })
  const permitted = request.resources.filter((resource) => !configRefusal(call, 'ALTER_CONFIGS', resource))
  const resources = permitted.map(({ resourceType, resourceName, configs }) => ({
    resourceType,
    resourceName,
    operations: configs.map(({ name, value, configOperation }) => ({ name, value, operation: configOperation })),
    replaceAll: false,
  }))
  const reply = await broker.controller.ask({ type: 'alter-configs', resources, validateOnly: request.validateOnly })
  return { throttleTimeMs: 0, responses: [...reply.resources, ...refused] }
})
