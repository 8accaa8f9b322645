// IncrementalAlterConfigs (key 44), versions 0–1 (KIP-339). The rules are in coordinator/controller/config-alteration.ts.
//
// - SET, DELETE, and for lists APPEND and SUBTRACT, on topics and on brokers (empty name: all brokers); what is not named stays.
//   Of the broker's properties those that are defaults of topics can be altered at run time; they take effect at once.
// - Left out: groups (32) and client metrics (16): INVALID_REQUEST.

import { incrementalAlterConfigs } from '../../protocol/messages/incremental-alter-configs.ts'
import { serve } from '../dispatcher.ts'

export const serveIncrementalAlterConfigs = serve(incrementalAlterConfigs, [0, 1], async (broker, request) => {
  const resources = request.resources.map(({ resourceType, resourceName, configs }) => ({
    resourceType,
    resourceName,
    operations: configs.map(({ name, value, configOperation }) => ({ name, value, operation: configOperation })),
    replaceAll: false,
  }))
  const reply = await broker.controller.ask({ type: 'alter-configs', resources, validateOnly: request.validateOnly })
  return { throttleTimeMs: 0, responses: reply.resources }
})
