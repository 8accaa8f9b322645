// AlterConfigs (key 33), versions 0–2. The rules are in coordinator/controller/config-alteration.ts.
//
// - Replaces all that was set for a topic or broker. Values that are null are refused; validateOnly stops after the check.
// - Needs ALTER_CONFIGS on the topic, or for brokers on the cluster: TOPIC_ and CLUSTER_AUTHORIZATION_FAILED.
// - Deprecated in Kafka for IncrementalAlterConfigs, and served because older clients have nothing else.

import { alterConfigs } from '../../protocol/messages/alter-configs.ts'
import { configRefusal } from '../config-guard.ts'
import { OPERATION } from '../coordinator/controller/config-alteration.ts'
import { serve } from '../dispatcher.ts'

export const serveAlterConfigs = serve(alterConfigs, [0, 2], async (broker, request, call) => {
  const refused = request.resources.flatMap((resource) => {
    const { resourceType, resourceName } = resource
    const refusal = configRefusal(call, 'ALTER_CONFIGS', resource)
    return refusal ? [{ ...refusal, resourceType, resourceName }] : []
  })
  const permitted = request.resources.filter((resource) => !configRefusal(call, 'ALTER_CONFIGS', resource))
  const resources = permitted.map(({ resourceType, resourceName, configs }) => ({
    resourceType,
    resourceName,
    operations: configs.map(({ name, value }) => ({ name, value, operation: OPERATION.SET })),
    replaceAll: true,
  }))
  const reply = await broker.controller.ask({ type: 'alter-configs', resources, validateOnly: request.validateOnly })
  return { throttleTimeMs: 0, responses: [...reply.resources, ...refused] }
})
