// AlterConfigs (key 33), versions 0–2. The rules are in coordinator/controller/config-alteration.ts.
//
// - Replaces all that was set for a topic or broker. Values that are null are refused; validateOnly stops after the check.
// - Deprecated in Kafka for IncrementalAlterConfigs, and served because older clients have nothing else.

import { alterConfigs } from '../../protocol/messages/alter-configs.ts'
import { OPERATION } from '../coordinator/controller/config-alteration.ts'
import { serve } from '../dispatcher.ts'

export const serveAlterConfigs = serve(alterConfigs, [0, 2], async (broker, request) => {
  const resources = request.resources.map(({ resourceType, resourceName, configs }) => ({
    resourceType,
    resourceName,
    operations: configs.map(({ name, value }) => ({ name, value, operation: OPERATION.SET })),
    replaceAll: true,
  }))
  const reply = await broker.controller.ask({ type: 'alter-configs', resources, validateOnly: request.validateOnly })
  return { throttleTimeMs: 0, responses: reply.resources }
})
