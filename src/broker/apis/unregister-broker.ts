// UnregisterBroker (key 64), version 0 (KIP-631). The rules are in coordinator/controller/broker-control.ts.
//
// - The broker is forgotten: it leads nothing and is in sync with nothing. It stays a replica of what it was, until that is reassigned.
//   An unknown id: BROKER_ID_NOT_REGISTERED.
// - Needs ALTER on the cluster: CLUSTER_AUTHORIZATION_FAILED.
// - Differs from Kafka: the only broker of a cluster stays registered, and one that runs registers anew with its next heartbeat, where
//   Kafka's stays away until it is started anew.

import { unregisterBroker } from '../../protocol/messages/unregister-broker.ts'
import { invalid } from '../coordinator/controller/topic-creation.ts'
import { forwarded, serve } from '../dispatcher.ts'
import { CLUSTER_NAME } from '../security/authorizer.ts'

export const serveUnregisterBroker = forwarded(
  serve(unregisterBroker, [0, 0], async (broker, { brokerId }, call) => {
    if (!call.may('ALTER', 'CLUSTER', CLUSTER_NAME)) {
      return { throttleTimeMs: 0, ...invalid('CLUSTER_AUTHORIZATION_FAILED', 'Cluster authorization failed.') }
    }
    const isOnly = brokerId === broker.nodeId && broker.image.brokers.size === 1
    if (isOnly) return { throttleTimeMs: 0, ...invalid('NONE', null) }
    return { throttleTimeMs: 0, ...(await broker.controller.ask({ type: 'unregister-broker', brokerId })) }
  }),
)
