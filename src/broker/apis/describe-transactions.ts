// DescribeTransactions (key 65), version 0 (KIP-664).
//
// - Needs DESCRIBE on the transactional id.
// - State, time-out and partitions of transactional ids; one that nobody has: TRANSACTIONAL_ID_NOT_FOUND. Topics that the caller may not
//   describe are left out.

import { ErrorCode } from '../../protocol/errors.ts'
import { describeTransactions } from '../../protocol/messages/describe-transactions.ts'
import type { Broker } from '../broker.ts'
import { orElse } from '../coordinator/runtime.ts'
import { type Call, serve } from '../dispatcher.ts'

export const serveDescribeTransactions = serve(describeTransactions, [0, 0], async (broker, request, call) => {
  const asked = request.transactionalIds.map((transactionalId) => describe(broker, call, transactionalId))
  return { throttleTimeMs: 0, transactionStates: await Promise.all(asked) }
})

async function describe(broker: Broker, { may }: Call, transactionalId: string) {
  const refuse = (errorCode: number) => ({ ...NOTHING, errorCode, transactionalId })
  if (!may('DESCRIBE', 'TRANSACTIONAL_ID', transactionalId)) {
    return refuse(ErrorCode.TRANSACTIONAL_ID_AUTHORIZATION_FAILED)
  }
  if (transactionalId === '') return refuse(ErrorCode.INVALID_REQUEST)
  let errorCode: number = ErrorCode.TRANSACTIONAL_ID_NOT_FOUND
  const found = await orElse(broker.transactions.ask({ type: 'describe', transactionalId }), (code) => {
    errorCode = code
    return undefined
  })
  if (!found) return refuse(errorCode)
  return {
    errorCode: ErrorCode.NONE,
    transactionalId,
    transactionState: found.state,
    transactionTimeoutMs: found.timeoutMs,
    transactionStartTimeMs: found.startTimestamp,
    producerId: found.producerId,
    producerEpoch: found.producerEpoch,
    topics: found.topics
      .filter(({ topic }) => may('DESCRIBE', 'TOPIC', topic))
      .map((row) => ({ ...row, partitions: [...row.partitions] })),
  }
}

const NOTHING = {
  transactionState: '',
  transactionTimeoutMs: 0,
  transactionStartTimeMs: 0,
  producerId: 0,
  producerEpoch: 0,
  topics: [],
}
