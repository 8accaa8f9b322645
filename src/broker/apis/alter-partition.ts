// AlterPartition (key 56), versions 2–3 (KIP-497, KIP-841). Among brokers only. The rules are in coordinator/controller/alter-partition.ts.
//
// - A leader says which replicas are in sync, and is told what holds now. FENCED_LEADER_EPOCH, INVALID_UPDATE_VERSION: it did not know
//   what holds. INELIGIBLE_REPLICA: one is fenced, about to stop, or (v3) has started anew (KIP-903). NEW_LEADER_ELECTED: the end of a
//   reassignment has made another the leader.
// - STALE_BROKER_EPOCH for a broker that has registered anew. Needs CLUSTER_ACTION on the cluster. Only the active controller
//   answers: NOT_CONTROLLER.

import { ErrorCode } from '../../protocol/errors.ts'
import { alterPartition } from '../../protocol/messages/alter-partition.ts'
import type { Request } from '../../protocol/schema.ts'
import { orElse } from '../coordinator/runtime.ts'
import { serve } from '../dispatcher.ts'
import { CLUSTER_NAME } from '../security/authorizer.ts'

type Partition = Request<typeof alterPartition>['topics'][number]['partitions'][number]

const FIRST_VERSION_WITH_EPOCHS = 3
const ANY_EPOCH = -1

export const serveAlterPartition = serve(alterPartition, [2, 3], async (broker, request, call) => {
  const refused = (errorCode: number) => ({ throttleTimeMs: 0, errorCode, topics: [] })
  if (!call.may('CLUSTER_ACTION', 'CLUSTER', CLUSTER_NAME)) return refused(ErrorCode.CLUSTER_AUTHORIZATION_FAILED)
  const { brokerId, brokerEpoch } = request
  const topics = request.topics.map(({ topicId, partitions }) => ({
    topicId,
    partitions: partitions.map((partition) => ({ ...partition, newIsr: isrOf(partition, call.version) })),
  }))
  const asked = broker.controller.ask({ type: 'alter-partition', brokerId, brokerEpoch, topics })
  return orElse(
    asked.then((reply) => ({ throttleTimeMs: 0, ...reply })),
    refused,
  )
})

function isrOf({ newIsr, newIsrWithEpochs }: Partition, version: number) {
  if (version >= FIRST_VERSION_WITH_EPOCHS) return newIsrWithEpochs
  return newIsr.map((brokerId) => ({ brokerId, brokerEpoch: ANY_EPOCH }))
}
