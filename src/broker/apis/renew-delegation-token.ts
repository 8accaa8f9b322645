// RenewDelegationToken (key 39), versions 1–2 (KIP-48).
//
// - There are no delegation tokens, as in Kafka without delegation.token.secret.key: DELEGATION_TOKEN_AUTH_DISABLED, and over
//   connections without a login DELEGATION_TOKEN_REQUEST_NOT_ALLOWED.

import { renewDelegationToken } from '../../protocol/messages/renew-delegation-token.ts'
import { serve } from '../dispatcher.ts'
import { delegationTokenRefusal } from '../security/delegation-token.ts'

export const serveRenewDelegationToken = serve(renewDelegationToken, [1, 2], (_broker, _request, { caller }) => ({
  throttleTimeMs: 0,
  errorCode: delegationTokenRefusal(caller),
  expiryTimestampMs: -1,
}))
