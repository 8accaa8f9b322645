// ListTransactions, key 66, versions 0–2. The transactions that this broker coordinates (KIP-664).
// v1: only those that run longer than a duration (KIP-994). v2: only those whose id matches a pattern (KIP-1152).

import { api, array, int16, int32, int64, string } from '../schema.ts'

export const listTransactions = api({
  key: 66,
  name: 'ListTransactions',
  versions: [0, 2],
  flexible: 0,
  request: {
    stateFilters: array(string),
    producerIdFilters: array(int64),
    durationFilter: int64.since(1).default(-1),
    transactionalIdPattern: string.since(2).nullable().default(null),
  },
  response: {
    throttleTimeMs: int32,
    errorCode: int16,
    unknownStateFilters: array(string),
    transactionStates: array({
      transactionalId: string,
      producerId: int64,
      transactionState: string,
    }),
  },
})
