// EndTxn (key 26), versions 0–5. The rules are in coordinator/transaction/end-transaction.ts.
//
// - Needs WRITE on the transactional id.
// - Answered once the decision is committed; the markers follow. Until the last of them the next transaction finds
//   CONCURRENT_TRANSACTIONS.
// - v2+: PRODUCER_FENCED, before INVALID_PRODUCER_EPOCH (KIP-588). v4+: TRANSACTION_ABORTABLE (KIP-890), not used here.
// - v5: each transaction has its own epoch: the answer brings the next, and with used-up epochs a new producer id (KIP-890).

import { ErrorCode } from '../../protocol/errors.ts'
import { endTxn } from '../../protocol/messages/end-txn.ts'
import { orElse } from '../coordinator/runtime.ts'
import { producerError } from '../coordinator/transaction/call.ts'
import { serve } from '../dispatcher.ts'

const FIRST_VERSION_WITH_FENCED = 2
const FIRST_VERSION_WITH_EPOCH_BUMP = 5

export const serveEndTxn = serve(endTxn, [0, 5], async (broker, request, { version, may }) => {
  const { transactionalId, producerId, producerEpoch, committed } = request
  const refuse = (errorCode: number) => ({ throttleTimeMs: 0, ...producerError(errorCode) })
  if (!may('WRITE', 'TRANSACTIONAL_ID', transactionalId)) return refuse(ErrorCode.TRANSACTIONAL_ID_AUTHORIZATION_FAILED)
  if (transactionalId === '') return refuse(ErrorCode.INVALID_REQUEST)
  const clientTransactionVersion = version >= FIRST_VERSION_WITH_EPOCH_BUMP ? 2 : 0
  const command = {
    type: 'end',
    transactionalId,
    producerId,
    producerEpoch,
    committed,
    clientTransactionVersion,
  } as const
  const reply = await orElse(broker.transactions.end(command), producerError)
  const isTooNew = reply.errorCode === ErrorCode.PRODUCER_FENCED && version < FIRST_VERSION_WITH_FENCED
  return { throttleTimeMs: 0, ...reply, errorCode: isTooNew ? ErrorCode.INVALID_PRODUCER_EPOCH : reply.errorCode }
})
