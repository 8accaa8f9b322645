// ListPartitionReassignments (key 46), version 0 (KIP-455).
//
// - With one broker nothing is ever being reassigned.
// - Needs DESCRIBE on the cluster: CLUSTER_AUTHORIZATION_FAILED.

import { ErrorCode } from '../../protocol/errors.ts'
import { listPartitionReassignments } from '../../protocol/messages/list-partition-reassignments.ts'
import { serve } from '../dispatcher.ts'
import { CLUSTER_NAME } from '../security/authorizer.ts'

export const serveListPartitionReassignments = serve(listPartitionReassignments, [0, 0], (_broker, _request, call) => {
  const mayDescribe = call.may('DESCRIBE', 'CLUSTER', CLUSTER_NAME)
  return {
    throttleTimeMs: 0,
    errorCode: mayDescribe ? ErrorCode.NONE : ErrorCode.CLUSTER_AUTHORIZATION_FAILED,
    errorMessage: mayDescribe ? null : 'Cluster authorization failed.',
    topics: [],
  }
})
