// AlterConfigs (key 33), versions 0–2. The rules are in coordinator/controller/config-alteration.ts.
//
// - Replaces all that was set for a topic, broker, group or client metrics subscription; loggers it does not know: INVALID_REQUEST.
//   Values that are null are refused; validateOnly stops after the check. A resource twice: INVALID_REQUEST; Kafka never answers.
// - Needs ALTER_CONFIGS on the topic or group, or else on the cluster: TOPIC_, GROUP_ and CLUSTER_AUTHORIZATION_FAILED.
// - Deprecated in Kafka for IncrementalAlterConfigs, and served because older clients have nothing else.

import { alterConfigs } from '../../protocol/messages/alter-configs.ts'
import { alterResources } from '../config-request.ts'
import { OPERATION } from '../coordinator/controller/config-alteration.ts'
import { forwarded, serve } from '../dispatcher.ts'

export const serveAlterConfigs = forwarded(
  serve(alterConfigs, [0, 2], async (broker, request, call) => {
    const resources = request.resources.map(({ resourceType, resourceName, configs }) => ({
      resourceType,
      resourceName,
      operations: configs.map(({ name, value }) => ({ name, value, operation: OPERATION.SET })),
      replaceAll: true,
    }))
    const forward = async (kept: readonly number[]) => {
      const rest = { ...request, resources: kept.map((index) => request.resources[index]!) }
      return (await call.forward(alterConfigs, rest)).responses
    }
    const responses = await alterResources(broker, call, resources, request.validateOnly, forward)
    return { throttleTimeMs: 0, responses }
  }),
  'part',
)
