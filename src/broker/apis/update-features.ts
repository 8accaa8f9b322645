// UpdateFeatures (key 57), versions 0–2 (KIP-584, KIP-778). The rules are in coordinator/controller/feature-update.ts.
//
// - Raises or lowers the finalized levels of the features that this broker knows (features.ts), all of them or none; validateOnly stops
//   before. INVALID_UPDATE_VERSION with Kafka's messages. What a feature switches takes effect at once.
// - v0: allowDowngrade is a safe downgrade. Before v2 a success names each feature (KIP-1022).
// - metadata.version is that of Kafka 4.3 and never goes down: nothing here would be written differently.
// - Needs ALTER on the cluster: CLUSTER_AUTHORIZATION_FAILED.

import { ErrorCode } from '../../protocol/errors.ts'
import { updateFeatures } from '../../protocol/messages/update-features.ts'
import { UPGRADE_TYPE } from '../coordinator/controller/feature-update.ts'
import { forwarded, serve } from '../dispatcher.ts'
import { CLUSTER_NAME } from '../security/authorizer.ts'

export const serveUpdateFeatures = forwarded(
  serve(updateFeatures, [0, 2], async (broker, request, call) => {
    if (!call.may('ALTER', 'CLUSTER', CLUSTER_NAME)) {
      const errorCode = ErrorCode.CLUSTER_AUTHORIZATION_FAILED
      return { throttleTimeMs: 0, errorCode, errorMessage: 'Cluster authorization failed.', results: [] }
    }
    const updates = request.featureUpdates.map(({ feature, maxVersionLevel, allowDowngrade, upgradeType }) => ({
      name: feature,
      level: maxVersionLevel,
      upgradeType: allowDowngrade ? UPGRADE_TYPE.SAFE_DOWNGRADE : upgradeType,
    }))
    const reply = await broker.controller.ask({ type: 'update-features', updates, validateOnly: request.validateOnly })
    const results =
      reply.errorCode === ErrorCode.NONE
        ? updates.map(({ name }) => ({ feature: name, errorCode: reply.errorCode, errorMessage: 'NONE' }))
        : []
    return { throttleTimeMs: 0, ...reply, results }
  }),
)
