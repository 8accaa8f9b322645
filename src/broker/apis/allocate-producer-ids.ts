// AllocateProducerIds (key 67), version 0 (KIP-730). Among brokers only.
//
// - A block of 1000 producer ids that nobody else is given, in the metadata log before it is told.
// - STALE_BROKER_EPOCH, BROKER_ID_NOT_REGISTERED: only for brokers that are registered. Needs CLUSTER_ACTION on the cluster. Only the
//   active controller answers: NOT_CONTROLLER.

import { ErrorCode } from '../../protocol/errors.ts'
import { allocateProducerIds } from '../../protocol/messages/allocate-producer-ids.ts'
import { orElse } from '../coordinator/runtime.ts'
import { serve } from '../dispatcher.ts'
import { PRODUCER_ID_BLOCK } from '../producer-ids.ts'
import { CLUSTER_NAME } from '../security/authorizer.ts'

export const serveAllocateProducerIds = serve(allocateProducerIds, [0, 0], async (broker, request, call) => {
  const refused = (errorCode: number) => ({ throttleTimeMs: 0, errorCode, producerIdStart: 0, producerIdLen: 0 })
  if (!call.may('CLUSTER_ACTION', 'CLUSTER', CLUSTER_NAME)) return refused(ErrorCode.CLUSTER_AUTHORIZATION_FAILED)
  const { brokerId, brokerEpoch } = request
  const command = { type: 'allocate-producer-ids', brokerId, brokerEpoch, count: PRODUCER_ID_BLOCK } as const
  const asked = broker.controller.ask(command)
  return orElse(
    asked.then(({ errorCode, first, count }) => {
      if (errorCode !== ErrorCode.NONE) return refused(errorCode)
      return { throttleTimeMs: 0, errorCode, producerIdStart: first, producerIdLen: count }
    }),
    refused,
  )
})
