// InitProducerId (key 22), versions 0–5. The rules are in coordinator/transaction/init-producer-id.ts.
//
// - Idempotent producers: a new id with epoch 0, whatever id and epoch the producer had (v3+).
// - Needs WRITE on the transactional id; without one IDEMPOTENT_WRITE on the cluster, or WRITE on some topic (KIP-679).
// - Transactional ids: an epoch that nobody had. What an older producer left open is aborted first, and meanwhile the answer is
//   CONCURRENT_TRANSACTIONS. v3+: a producer that says what it has recovers (KIP-360). An empty one: INVALID_REQUEST.
// - v4+: PRODUCER_FENCED, before INVALID_PRODUCER_EPOCH (KIP-588). v5+: TRANSACTION_ABORTABLE (KIP-890), not used here.
// - Left out: v6 (two-phase commit, KIP-939), not stable in Kafka 4.3.

import { ErrorCode } from '../../protocol/errors.ts'
import { initProducerId } from '../../protocol/messages/init-producer-id.ts'
import type { Request } from '../../protocol/schema.ts'
import type { Broker } from '../broker.ts'
import { orElse } from '../coordinator/runtime.ts'
import { producerError } from '../coordinator/transaction/call.ts'
import type { ProducerReply } from '../coordinator/transaction/command.ts'
import { type Call, serve } from '../dispatcher.ts'
import { CLUSTER_NAME } from '../security/authorizer.ts'

const FIRST_VERSION_WITH_FENCED = 4

export const serveInitProducerId = serve(initProducerId, [0, 5], async (broker, request, call) => {
  const reply = await decide(broker, request, call)
  const isTooNew = reply.errorCode === ErrorCode.PRODUCER_FENCED && call.version < FIRST_VERSION_WITH_FENCED
  return { throttleTimeMs: 0, ...reply, errorCode: isTooNew ? ErrorCode.INVALID_PRODUCER_EPOCH : reply.errorCode }
})

async function decide(broker: Broker, request: Request<typeof initProducerId>, call: Call): Promise<ProducerReply> {
  const { transactionalId, transactionTimeoutMs, producerId, producerEpoch } = request
  if (transactionalId !== null && !call.may('WRITE', 'TRANSACTIONAL_ID', transactionalId)) {
    return producerError(ErrorCode.TRANSACTIONAL_ID_AUTHORIZATION_FAILED)
  }
  const mayBeIdempotent = () =>
    call.may('IDEMPOTENT_WRITE', 'CLUSTER', CLUSTER_NAME) || call.mayWithSome('WRITE', 'TOPIC')
  if (transactionalId === null && !mayBeIdempotent()) {
    return producerError(ErrorCode.CLUSTER_AUTHORIZATION_FAILED)
  }
  // An id without an epoch, or the other way round, is no pair that a producer can have.
  if ((producerId === -1) !== (producerEpoch === -1)) return producerError(ErrorCode.INVALID_REQUEST)
  if (transactionalId === null) {
    return { errorCode: ErrorCode.NONE, producerId: await broker.producerIds.next(), producerEpoch: 0 }
  }
  if (transactionalId === '') return producerError(ErrorCode.INVALID_REQUEST)
  const expected = producerId === -1 ? undefined : { producerId, producerEpoch }
  const command = { type: 'init-producer-id', transactionalId, timeoutMs: transactionTimeoutMs, expected } as const
  return await orElse(broker.transactions.initProducerId(command), producerError)
}
