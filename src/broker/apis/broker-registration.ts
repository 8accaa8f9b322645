// BrokerRegistration (key 62), versions 0–4 (KIP-631). Among brokers only. The rules are in coordinator/controller/broker-control.ts.
//
// - A new incarnation is given the next broker epoch and is fenced until a heartbeat says that it has caught up.
// - INCONSISTENT_CLUSTER_ID: it belongs to another cluster. DUPLICATE_BROKER_REGISTRATION: another incarnation is still heard of.
//   UNSUPPORTED_VERSION: it does not know the features of the cluster.
// - Needs CLUSTER_ACTION on the cluster. Only the active controller answers: NOT_CONTROLLER.
// - Left out: log directories, and whether the last shutdown was clean (KIP-966 is off).

import { ErrorCode } from '../../protocol/errors.ts'
import { brokerRegistration } from '../../protocol/messages/broker-registration.ts'
import { orElse } from '../coordinator/runtime.ts'
import { serve } from '../dispatcher.ts'
import { CLUSTER_NAME } from '../security/authorizer.ts'

export const serveBrokerRegistration = serve(brokerRegistration, [0, 4], async (broker, request, call) => {
  const refused = (errorCode: number) => ({ throttleTimeMs: 0, errorCode, brokerEpoch: -1 })
  if (!call.may('CLUSTER_ACTION', 'CLUSTER', CLUSTER_NAME)) return refused(ErrorCode.CLUSTER_AUTHORIZATION_FAILED)
  const { clusterId, brokerId, incarnationId, listeners: endPoints, features, rack } = request
  if (clusterId !== broker.clusterId) return refused(ErrorCode.INCONSISTENT_CLUSTER_ID)
  const registration = { brokerId, incarnationId, endPoints, features, rack }
  const asked = broker.controller.ask({ type: 'register-broker', registration })
  return orElse(
    asked.then((reply) => ({ throttleTimeMs: 0, ...reply })),
    refused,
  )
})
