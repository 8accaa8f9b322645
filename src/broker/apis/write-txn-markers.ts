// WriteTxnMarkers (key 27), versions 1–2.
//
// - Needs ALTER or CLUSTER_ACTION on the cluster.
// - Ends transactions in partitions: what coordinators ask of leaders, and how an administrator aborts a hanging one (KIP-664).
// - v2: the transaction version, from 2 on with the strict check that the marker's epoch is a new one (KIP-1228).
// - Answered when all in sync have the markers; by leaders: NOT_LEADER_OR_FOLLOWER.
// - Offsets that a transaction committed in `__consumer_offsets` begin to count with the answer.

import { ErrorCode } from '../../protocol/errors.ts'
import { writeTxnMarkers } from '../../protocol/messages/write-txn-markers.ts'
import { serve } from '../dispatcher.ts'
import { CLUSTER_NAME } from '../security/authorizer.ts'
import { appendMarkers } from '../transaction-markers.ts'

export const serveWriteTxnMarkers = serve(writeTxnMarkers, [1, 2], async (broker, request, { may }) => {
  const allowed = may('ALTER', 'CLUSTER', CLUSTER_NAME) || may('CLUSTER_ACTION', 'CLUSTER', CLUSTER_NAME)
  const markers = await Promise.all(
    request.markers.map(async ({ topics, transactionResult, ...fields }) => {
      const partitions = topics.flatMap(({ name, partitionIndexes }) =>
        partitionIndexes.map((partition) => ({ topic: name, partition })),
      )
      const marker = { ...fields, committed: transactionResult }
      const refused = partitions.map(() => ErrorCode.CLUSTER_AUTHORIZATION_FAILED)
      const codes = (allowed ? await appendMarkers(broker, marker, partitions) : refused).values()
      return {
        producerId: fields.producerId,
        topics: topics.map(({ name, partitionIndexes }) => ({
          name,
          partitions: partitionIndexes.map((partitionIndex) => ({ partitionIndex, errorCode: codes.next().value! })),
        })),
      }
    }),
  )
  return { markers }
})
