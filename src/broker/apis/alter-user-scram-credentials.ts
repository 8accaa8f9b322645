// AlterUserScramCredentials (key 51), version 0 (KIP-554). The rules are in coordinator/controller/scram-alteration.ts.
//
// - Sets and deletes credentials of SCRAM-SHA-256 and SCRAM-SHA-512; what is known of a password is in the metadata log only as keys
//   derived from it. From the next log-in on they hold; connections that are logged in stay.
// - 4096 to 16384 iterations and a user name: UNACCEPTABLE_CREDENTIAL. An unknown mechanism: UNSUPPORTED_SASL_MECHANISM. A user named
//   twice: DUPLICATE_RESOURCE, and nothing is done for that user. Deleting what is not there: RESOURCE_NOT_FOUND.
// - Needs ALTER on the cluster: CLUSTER_AUTHORIZATION_FAILED.

import { ErrorCode } from '../../protocol/errors.ts'
import { alterUserScramCredentials } from '../../protocol/messages/alter-user-scram-credentials.ts'
import { forwarded, serve } from '../dispatcher.ts'
import { CLUSTER_NAME } from '../security/authorizer.ts'

export const serveAlterUserScramCredentials = forwarded(
  serve(alterUserScramCredentials, [0, 0], async (broker, { deletions, upsertions }, call) => {
    if (!call.may('ALTER', 'CLUSTER', CLUSTER_NAME)) {
      const users = new Set([...deletions, ...upsertions].map(({ name }) => name))
      const errorMessage = 'Cluster authorization failed.'
      const results = [...users].map((user) => {
        return { user, errorCode: ErrorCode.CLUSTER_AUTHORIZATION_FAILED, errorMessage }
      })
      return { throttleTimeMs: 0, results }
    }
    const reply = await broker.controller.ask({ type: 'alter-scram-credentials', deletions, upsertions })
    return { throttleTimeMs: 0, results: reply.users }
  }),
)
