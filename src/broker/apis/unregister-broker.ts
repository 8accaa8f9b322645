// UnregisterBroker (key 64), version 0 (KIP-631).
//
// - An unknown id: BROKER_ID_NOT_REGISTERED. This broker's own: no error, as by Kafka.
// - Needs ALTER on the cluster: CLUSTER_AUTHORIZATION_FAILED.
// - Differs from Kafka: a broker that runs stays registered. In Kafka it loses its partitions until it starts anew.

import { unregisterBroker } from '../../protocol/messages/unregister-broker.ts'
import { invalid } from '../coordinator/controller/topic-creation.ts'
import { serve } from '../dispatcher.ts'
import { CLUSTER_NAME } from '../security/authorizer.ts'

export const serveUnregisterBroker = serve(unregisterBroker, [0, 0], (broker, { brokerId }, call) => {
  if (!call.may('ALTER', 'CLUSTER', CLUSTER_NAME)) {
    return { throttleTimeMs: 0, ...invalid('CLUSTER_AUTHORIZATION_FAILED', 'Cluster authorization failed.') }
  }
  if (brokerId === broker.nodeId) return { throttleTimeMs: 0, ...invalid('NONE', null) }
  return {
    throttleTimeMs: 0,
    ...invalid('BROKER_ID_NOT_REGISTERED', `Broker ID ${brokerId} is not currently registered`),
  }
})
