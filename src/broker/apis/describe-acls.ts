// DescribeAcls (key 29), versions 1–3. What a filter finds is in security/acl.ts.
//
// - The rules that the filter finds, by resource pattern. Needs DESCRIBE on the cluster: CLUSTER_AUTHORIZATION_FAILED.
// - Without an authorizer: SECURITY_DISABLED; tools and mirrors read it as "no ACLs here".
// - A filter by something unknown finds nothing; a 0 closes the connection, as Kafka's parser refuses it.

import { ErrorCode } from '../../protocol/errors.ts'
import { describeAcls } from '../../protocol/messages/describe-acls.ts'
import { CLOSE, serve } from '../dispatcher.ts'
import { type Acl, isParsable, matches, recognized } from '../security/acl.ts'
import { CLUSTER_NAME } from '../security/authorizer.ts'

export const serveDescribeAcls = serve(describeAcls, [1, 3], (broker, request, call) => {
  const asked = {
    resourceType: request.resourceTypeFilter,
    resourceName: request.resourceNameFilter,
    patternType: request.patternTypeFilter,
    principal: request.principalFilter,
    host: request.hostFilter,
    operation: request.operation,
    permissionType: request.permissionType,
  }
  if (!isParsable(asked)) return CLOSE
  const refuse = (errorCode: number, errorMessage: string) => ({
    throttleTimeMs: 0,
    errorCode,
    errorMessage,
    resources: [],
  })
  if (!call.may('DESCRIBE', 'CLUSTER', CLUSTER_NAME)) {
    return refuse(ErrorCode.CLUSTER_AUTHORIZATION_FAILED, 'Cluster authorization failed.')
  }
  if (!broker.authorizer) return refuse(ErrorCode.SECURITY_DISABLED, 'No Authorizer is configured on the broker')
  const filter = recognized(asked)
  const found = [...broker.image.acls.entries()].map(([, acl]) => acl).filter((acl) => matches(filter, acl))
  return { throttleTimeMs: 0, errorCode: ErrorCode.NONE, errorMessage: '', resources: byPattern(found) }
})

function byPattern(acls: readonly Acl[]) {
  const groups = Map.groupBy(acls, ({ resourceType, patternType, resourceName }) =>
    JSON.stringify([resourceType, patternType, resourceName]),
  )
  return [...groups.values()].map((group) => {
    const { resourceType, resourceName, patternType } = group[0]!
    return { resourceType, resourceName, patternType, acls: group }
  })
}
