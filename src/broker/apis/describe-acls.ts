// DescribeAcls (key 29), versions 1–3.
//
// - Without an authorizer: SECURITY_DISABLED, as Kafka answers; tools and mirrors read it as "no ACLs here".

import { ErrorCode } from '../../protocol/errors.ts'
import { describeAcls } from '../../protocol/messages/describe-acls.ts'
import { serve } from '../dispatcher.ts'

export const serveDescribeAcls = serve(describeAcls, [1, 3], () => ({
  throttleTimeMs: 0,
  errorCode: ErrorCode.SECURITY_DISABLED,
  errorMessage: 'No Authorizer is configured on the broker',
  resources: [],
}))
