// AddOffsetsToTxn (key 25), versions 0–4.
//
// - Needs WRITE on the transactional id and READ on the group.
// - The partition of `__consumer_offsets` that a group belongs to joins the transaction, as any other partition does.
// - v2+: PRODUCER_FENCED, before INVALID_PRODUCER_EPOCH (KIP-588). v4: TRANSACTION_ABORTABLE (KIP-890), not used here.

import { ErrorCode } from '../../protocol/errors.ts'
import { addOffsetsToTxn } from '../../protocol/messages/add-offsets-to-txn.ts'
import { CONSUMER_OFFSETS } from '../coordinator/controller/topic-name.ts'
import { partitionOf } from '../coordinator/group/group-coordinator.ts'
import { orElse } from '../coordinator/runtime.ts'
import { serve } from '../dispatcher.ts'

const FIRST_VERSION_WITH_FENCED = 2

export const serveAddOffsetsToTxn = serve(addOffsetsToTxn, [0, 4], async (broker, request, { version, may }) => {
  const { transactionalId, producerId, producerEpoch, groupId } = request
  const refuse = (errorCode: number) => ({ throttleTimeMs: 0, errorCode })
  if (!may('WRITE', 'TRANSACTIONAL_ID', transactionalId)) return refuse(ErrorCode.TRANSACTIONAL_ID_AUTHORIZATION_FAILED)
  if (!may('READ', 'GROUP', groupId)) return refuse(ErrorCode.GROUP_AUTHORIZATION_FAILED)
  if (transactionalId === '') return refuse(ErrorCode.INVALID_REQUEST)
  await broker.topicCreator.createMissing([CONSUMER_OFFSETS])
  const partitionCount = broker.image.topics.get(CONSUMER_OFFSETS)?.partitions.length ?? 0
  if (partitionCount === 0) return refuse(ErrorCode.COORDINATOR_NOT_AVAILABLE)
  const partitions = [{ topic: CONSUMER_OFFSETS, partition: partitionOf(groupId, partitionCount) }]
  const asked = broker.transactions.ask({
    type: 'add-partitions',
    transactionalId,
    producerId,
    producerEpoch,
    partitions,
    clientTransactionVersion: 0,
  })
  const { errorCode } = await orElse(asked, (code) => ({ errorCode: code }))
  const isTooNew = errorCode === ErrorCode.PRODUCER_FENCED && version < FIRST_VERSION_WITH_FENCED
  return refuse(isTooNew ? ErrorCode.INVALID_PRODUCER_EPOCH : errorCode)
})
