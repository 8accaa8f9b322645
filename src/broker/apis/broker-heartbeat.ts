// BrokerHeartbeat (key 63), versions 0–2 (KIP-631). Among brokers only. The rules are in coordinator/controller/broker-control.ts.
//
// - Keeps the broker's session; unfences it once it has replayed its own registration. Whoever wants to shut down hands over its
//   leaderships first (controlled shutdown) and is told when all others know of it.
// - STALE_BROKER_EPOCH: it has registered anew since. BROKER_ID_NOT_REGISTERED: it never has, or is unregistered.
// - Needs CLUSTER_ACTION on the cluster. Only the active controller answers: NOT_CONTROLLER.
// - Left out: log directories that failed or are cordoned (a broker has one).

import { ErrorCode } from '../../protocol/errors.ts'
import { brokerHeartbeat } from '../../protocol/messages/broker-heartbeat.ts'
import { orElse } from '../coordinator/runtime.ts'
import { serve } from '../dispatcher.ts'
import { CLUSTER_NAME } from '../security/authorizer.ts'

export const serveBrokerHeartbeat = serve(brokerHeartbeat, [0, 2], async (broker, request, call) => {
  const refused = (errorCode: number) => ({ throttleTimeMs: 0, errorCode, isCaughtUp: false, shouldShutDown: false })
  if (!call.may('CLUSTER_ACTION', 'CLUSTER', CLUSTER_NAME)) return refused(ErrorCode.CLUSTER_AUTHORIZATION_FAILED)
  const { brokerId, brokerEpoch, currentMetadataOffset, wantFence, wantShutDown } = request
  const heartbeat = { brokerId, brokerEpoch, currentMetadataOffset, wantFence, wantShutDown }
  const asked = broker.controller.ask({ type: 'broker-heartbeat', ...heartbeat })
  return orElse(
    asked.then((reply) => ({ throttleTimeMs: 0, ...reply })),
    refused,
  )
})
