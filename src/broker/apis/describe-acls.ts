// DescribeAcls (key 29), versions 1–3.
//
// - Without an authorizer: SECURITY_DISABLED, as Kafka answers; tools and mirrors read it as "no ACLs here".

import { ErrorCode } from '../../protocol/errors.ts'
import { describeAcls } from '../../protocol/messages/describe-acls.ts'
import { serve } from '../dispatcher.ts'
import { CLUSTER_NAME } from '../security/authorizer.ts'

export const serveDescribeAcls = serve(describeAcls, [1, 3], (_broker, _request, call) => {
  const refuse = (errorCode: number, errorMessage: string | null) => ({
    throttleTimeMs: 0,
    errorCode,
    errorMessage,
    resources: [],
  })
  if (!call.may('DESCRIBE', 'CLUSTER', CLUSTER_NAME)) return refuse(ErrorCode.CLUSTER_AUTHORIZATION_FAILED, null)
  return refuse(ErrorCode.SECURITY_DISABLED, 'No Authorizer is configured on the broker')
})
