// CreateAcls (key 30), versions 1–3. The rules are in security/acl.ts and coordinator/controller/acl-changes.ts.
//
// - Needs ALTER on the cluster: CLUSTER_AUTHORIZATION_FAILED for each creation. Without an authorizer: SECURITY_DISABLED for each.
// - A rule that cannot be: INVALID_REQUEST for it alone. One that is there already: no error. They hold when the answer leaves.
// - ANY or MATCH in one of them: UNKNOWN_SERVER_ERROR for all, as Kafka stumbles there.
// - A type, pattern, operation or permission of 0 closes the connection, as Kafka's parser refuses it.

import { ErrorCode } from '../../protocol/errors.ts'
import { createAcls } from '../../protocol/messages/create-acls.ts'
import { CLOSE, forwarded, serve } from '../dispatcher.ts'
import { isDefinite, isParsable, recognized } from '../security/acl.ts'
import { CLUSTER_NAME } from '../security/authorizer.ts'
import { randomUuid } from '../uuid.ts'

export const serveCreateAcls = forwarded(
  serve(createAcls, [1, 3], async (broker, request, call) => {
    const creations = request.creations.map(({ resourcePatternType: patternType, ...creation }) => ({
      ...creation,
      patternType,
    }))
    if (!creations.every(isParsable)) return CLOSE
    const refuseAll = (errorCode: number, errorMessage: string | null) => ({
      throttleTimeMs: 0,
      results: creations.map(() => ({ errorCode, errorMessage })),
    })
    if (!call.may('ALTER', 'CLUSTER', CLUSTER_NAME)) {
      return refuseAll(ErrorCode.CLUSTER_AUTHORIZATION_FAILED, 'Cluster authorization failed.')
    }
    if (!broker.authorizer) return refuseAll(ErrorCode.SECURITY_DISABLED, 'No Authorizer is configured.')
    if (!creations.every(isDefinite)) return refuseAll(ErrorCode.UNKNOWN_SERVER_ERROR, null)
    const acls = creations.map((acl) => ({ ...recognized(acl), id: randomUuid(broker.platform.random) }))
    const { results } = await broker.controller.ask({ type: 'create-acls', acls })
    return { throttleTimeMs: 0, results }
  }),
)
