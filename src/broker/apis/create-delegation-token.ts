// CreateDelegationToken (key 38), versions 1–3 (KIP-48).
//
// - There are no delegation tokens, as in Kafka without delegation.token.secret.key: DELEGATION_TOKEN_AUTH_DISABLED, and over
//   connections without a login DELEGATION_TOKEN_REQUEST_NOT_ALLOWED.

import { createDelegationToken } from '../../protocol/messages/create-delegation-token.ts'
import { serve } from '../dispatcher.ts'
import { delegationTokenRefusal } from '../security/delegation-token.ts'

export const serveCreateDelegationToken = serve(createDelegationToken, [1, 3], (_broker, _request, { caller }) => ({
  throttleTimeMs: 0,
  errorCode: delegationTokenRefusal(caller),
  principalType: caller.principal.type,
  principalName: caller.principal.name,
  tokenRequesterPrincipalType: caller.principal.type,
  tokenRequesterPrincipalName: caller.principal.name,
  issueTimestampMs: -1,
  expiryTimestampMs: -1,
  maxTimestampMs: -1,
  tokenId: '',
  hmac: Buffer.alloc(0),
}))
