// ListTransactions (key 66), versions 0–2 (KIP-664).
//
// - The transactional ids that this broker coordinates and the caller may describe, by state and producer id. States that do not exist
//   are told back and match nothing.
// - v1+: only those whose transaction runs longer than a duration (KIP-994). v2: only those that match a pattern as a whole (KIP-1152);
//   one that is none: INVALID_REGULAR_EXPRESSION.

import { ErrorCode } from '../../protocol/errors.ts'
import { listTransactions } from '../../protocol/messages/list-transactions.ts'
import { orElse } from '../coordinator/runtime.ts'
import { TRANSACTION_STATES } from '../coordinator/transaction/transaction-metadata.ts'
import { serve } from '../dispatcher.ts'
import { Re2 } from '../re2.ts'
import { Re2SyntaxError } from '../re2-parser.ts'

export const serveListTransactions = serve(listTransactions, [0, 2], async (broker, request, { may }) => {
  const known: readonly string[] = TRANSACTION_STATES
  const unknownStateFilters = request.stateFilters.filter((state) => !known.includes(state))
  const pattern = wholePattern(request.transactionalIdPattern)
  if (pattern === null) {
    const errorCode = ErrorCode.INVALID_REGULAR_EXPRESSION
    return { throttleTimeMs: 0, errorCode, unknownStateFilters: [], transactionStates: [] }
  }
  const asked = broker.transactions.list({
    type: 'list',
    states: request.stateFilters,
    producerIds: request.producerIdFilters,
    durationMs: request.durationFilter,
    pattern,
  })
  let errorCode: number = ErrorCode.NONE
  const listed = await orElse(asked, (code) => {
    errorCode = code
    return []
  })
  const transactionStates = listed
    .filter(({ transactionalId }) => may('DESCRIBE', 'TRANSACTIONAL_ID', transactionalId))
    .map(({ transactionalId, producerId, state }) => ({ transactionalId, producerId, transactionState: state }))
  return { throttleTimeMs: 0, errorCode, unknownStateFilters, transactionStates }
})

/** null: not a pattern. */
function wholePattern(pattern: string | null): Re2 | undefined | null {
  if (pattern === null || pattern === '') return undefined
  try {
    return Re2.compile(pattern)
  } catch (error) {
    if (error instanceof Re2SyntaxError) return null
    throw error
  }
}
