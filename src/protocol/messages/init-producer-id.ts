// InitProducerId, key 22, versions 0–6. A producer id and epoch; with a transactional id it ends what an earlier producer left open.
// v1: throttled after the response. v2: flexible. v3: the epoch can be raised by its owner (KIP-360). v4: PRODUCER_FENCED (KIP-588).
// v5: TRANSACTION_ABORTABLE (KIP-890). v6: two-phase commit, prepared transactions kept (KIP-939).

import { api, bool, int16, int32, int64, string } from '../schema.ts'

export const initProducerId = api({
  key: 22,
  name: 'InitProducerId',
  versions: [0, 6],
  flexible: 2,
  request: {
    transactionalId: string.nullable(),
    transactionTimeoutMs: int32,
    producerId: int64.since(3).default(-1),
    producerEpoch: int16.since(3).default(-1),
    enable2Pc: bool.since(6).default(false),
    keepPreparedTxn: bool.since(6).default(false),
  },
  response: {
    throttleTimeMs: int32.ignorable(),
    errorCode: int16,
    producerId: int64.default(-1),
    producerEpoch: int16,
    ongoingTxnProducerId: int64.since(6).default(-1),
    ongoingTxnProducerEpoch: int16.since(6).default(-1),
  },
})
