// DeleteAcls (key 31), versions 1–3. The rules are in security/acl.ts and coordinator/controller/acl-changes.ts.
//
// - Removes what each filter finds and tells it; a filter that finds nothing is no error.
// - Needs ALTER on the cluster: CLUSTER_AUTHORIZATION_FAILED for each filter. Without an authorizer: SECURITY_DISABLED for each. A
//   filter by something unknown: INVALID_REQUEST; a 0 closes the connection, as Kafka's parser refuses it.

import { ErrorCode } from '../../protocol/errors.ts'
import { deleteAcls } from '../../protocol/messages/delete-acls.ts'
import { CLOSE, forwarded, serve } from '../dispatcher.ts'
import { isParsable, recognized } from '../security/acl.ts'
import { CLUSTER_NAME } from '../security/authorizer.ts'

export const serveDeleteAcls = forwarded(
  serve(deleteAcls, [1, 3], async (broker, request, call) => {
    const filters = request.filters.map((filter) => ({
      resourceType: filter.resourceTypeFilter,
      resourceName: filter.resourceNameFilter,
      patternType: filter.patternTypeFilter,
      principal: filter.principalFilter,
      host: filter.hostFilter,
      operation: filter.operation,
      permissionType: filter.permissionType,
    }))
    if (!filters.every(isParsable)) return CLOSE
    const refuseAll = (errorCode: number, errorMessage: string) => ({
      throttleTimeMs: 0,
      filterResults: filters.map(() => ({ errorCode, errorMessage, matchingAcls: [] })),
    })
    if (!call.may('ALTER', 'CLUSTER', CLUSTER_NAME)) {
      return refuseAll(ErrorCode.CLUSTER_AUTHORIZATION_FAILED, 'Cluster authorization failed.')
    }
    if (!broker.authorizer) return refuseAll(ErrorCode.SECURITY_DISABLED, 'No Authorizer is configured.')
    const { results } = await broker.controller.ask({ type: 'delete-acls', filters: filters.map(recognized) })
    const filterResults = results.map(({ errorCode, errorMessage, deleted }) => ({
      errorCode,
      errorMessage,
      matchingAcls: deleted.map((acl) => ({ errorCode: ErrorCode.NONE, errorMessage: null, ...acl })),
    }))
    return { throttleTimeMs: 0, filterResults }
  }),
)
