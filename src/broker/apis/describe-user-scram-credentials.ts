// DescribeUserScramCredentials (key 50), version 0 (KIP-554).
//
// - Mechanisms and iterations of the users named, or of all when none is. Salts and keys are told to nobody.
// - A user named twice: DUPLICATE_RESOURCE; one without a credential: RESOURCE_NOT_FOUND.
// - Needs DESCRIBE on the cluster: CLUSTER_AUTHORIZATION_FAILED.

import { ErrorCode } from '../../protocol/errors.ts'
import { describeUserScramCredentials } from '../../protocol/messages/describe-user-scram-credentials.ts'
import type { ReadonlyMetadataImage } from '../coordinator/controller/metadata-image.ts'
import { serve } from '../dispatcher.ts'
import { CLUSTER_NAME } from '../security/authorizer.ts'

export const serveDescribeUserScramCredentials = serve(
  describeUserScramCredentials,
  [0, 0],
  (broker, request, call) => {
    const asked = request.users?.map(({ name }) => name) ?? []
    if (!call.may('DESCRIBE', 'CLUSTER', CLUSTER_NAME)) {
      const refusal = {
        errorCode: ErrorCode.CLUSTER_AUTHORIZATION_FAILED,
        errorMessage: 'Cluster authorization failed.',
      }
      const results = asked.map((user) => ({ ...refusal, user, credentialInfos: [] }))
      return { throttleTimeMs: 0, ...refusal, results }
    }
    const users = asked.length === 0 ? [...broker.image.scramUsers] : [...new Set(asked)]
    const results = users.map((user) => {
      if (asked.filter((name) => name === user).length < 2) return describe(broker.image, user)
      const errorMessage = `Cannot describe SCRAM credentials for the same user twice in a single request: ${user}`
      return { user, errorCode: ErrorCode.DUPLICATE_RESOURCE, errorMessage, credentialInfos: [] }
    })
    return { throttleTimeMs: 0, errorCode: ErrorCode.NONE, errorMessage: '', results }
  },
)

function describe(image: ReadonlyMetadataImage, user: string) {
  const credentialInfos = [...image.scramCredentials(user)].map(([mechanism, { iterations }]) => ({
    mechanism,
    iterations,
  }))
  if (credentialInfos.length > 0) return { user, errorCode: ErrorCode.NONE, errorMessage: '', credentialInfos }
  const errorMessage = `Attempt to describe a user credential that does not exist: ${user}`
  return { user, errorCode: ErrorCode.RESOURCE_NOT_FOUND, errorMessage, credentialInfos }
}
