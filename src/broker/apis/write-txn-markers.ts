// WriteTxnMarkers (key 27), versions 1–2.
//
// - Needs ALTER or CLUSTER_ACTION on the cluster.
// - Ends transactions in partitions: what coordinators ask of leaders, and how an administrator aborts a hanging one (KIP-664).
// - v2: the transaction version, from 2 on with the strict check that the marker's epoch is a new one (KIP-1228).
// - Offsets that a transaction committed in `__consumer_offsets` begin to count with the answer.

import { ErrorCode } from '../../protocol/errors.ts'
import { writeTxnMarkers } from '../../protocol/messages/write-txn-markers.ts'
import { serve } from '../dispatcher.ts'
import { CLUSTER_NAME } from '../security/authorizer.ts'
import { appendMarker } from '../transaction-markers.ts'

export const serveWriteTxnMarkers = serve(writeTxnMarkers, [1, 2], (broker, request, { may }) => {
  const allowed = may('ALTER', 'CLUSTER', CLUSTER_NAME) || may('CLUSTER_ACTION', 'CLUSTER', CLUSTER_NAME)
  const markers = request.markers.map(({ topics, transactionResult, ...fields }) => ({
    producerId: fields.producerId,
    topics: topics.map(({ name, partitionIndexes }) => ({
      name,
      partitions: partitionIndexes.map((partitionIndex) => ({
        partitionIndex,
        errorCode: allowed
          ? appendMarker(
              broker,
              { topic: name, partition: partitionIndex },
              { ...fields, committed: transactionResult },
            )
          : ErrorCode.CLUSTER_AUTHORIZATION_FAILED,
      })),
    })),
  }))
  return { markers }
})
