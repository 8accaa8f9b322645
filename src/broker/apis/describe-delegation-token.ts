// DescribeDelegationToken (key 41), versions 1–3 (KIP-48).
//
// - There are no delegation tokens, as in Kafka without delegation.token.secret.key: DELEGATION_TOKEN_AUTH_DISABLED, and over
//   connections without a login DELEGATION_TOKEN_REQUEST_NOT_ALLOWED.

import { describeDelegationToken } from '../../protocol/messages/describe-delegation-token.ts'
import { serve } from '../dispatcher.ts'
import { delegationTokenRefusal } from '../security/delegation-token.ts'

export const serveDescribeDelegationToken = serve(describeDelegationToken, [1, 3], (_broker, _request, { caller }) => ({
  throttleTimeMs: 0,
  errorCode: delegationTokenRefusal(caller),
  tokens: [],
}))
