// InitProducerId (key 22), versions 0–5.
//
// - Idempotent producers: a new id with epoch 0, whatever id and epoch the producer had (v3+), as Kafka does without a transactional id.
// - Needs IDEMPOTENT_WRITE on the cluster, or WRITE on some topic (KIP-679): CLUSTER_AUTHORIZATION_FAILED.
// - An empty transactional id: INVALID_REQUEST.
// - Left out: transactional ids: UNSUPPORTED_VERSION, which clients take for final. v6 (two-phase commit).

import { ErrorCode } from '../../protocol/errors.ts'
import { initProducerId } from '../../protocol/messages/init-producer-id.ts'
import { serve } from '../dispatcher.ts'
import { CLUSTER_NAME } from '../security/authorizer.ts'

export const serveInitProducerId = serve(initProducerId, [0, 5], async (broker, request, call) => {
  const { transactionalId, producerId, producerEpoch } = request
  const refuse = (errorCode: number) => ({ throttleTimeMs: 0, errorCode, producerId: -1, producerEpoch: -1 })
  if (transactionalId === '') return refuse(ErrorCode.INVALID_REQUEST)
  if (transactionalId !== null) return refuse(ErrorCode.UNSUPPORTED_VERSION)
  if (!call.may('IDEMPOTENT_WRITE', 'CLUSTER', CLUSTER_NAME) && !call.mayWithSome('WRITE', 'TOPIC')) {
    return refuse(ErrorCode.CLUSTER_AUTHORIZATION_FAILED)
  }
  // An id without an epoch, or the other way round, is no pair that a producer can have.
  if (producerId === -1 ? producerEpoch !== -1 : producerEpoch < 0) return refuse(ErrorCode.INVALID_REQUEST)
  const next = await broker.producerIds.next()
  return { throttleTimeMs: 0, errorCode: ErrorCode.NONE, producerId: next, producerEpoch: 0 }
})
