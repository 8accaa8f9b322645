// SaslHandshake (key 17), versions 0–1 (KIP-43, KIP-152).
//
// - On a SASL listener the login answers it, before and instead of this handler: the mechanisms of the listener, and
//   UNSUPPORTED_SASL_MECHANISM with them when the client wants another. v0: raw tokens follow; v1: SaslAuthenticate.
// - Here it arrives where there is nothing to log in to: on a listener without SASL, or when the client is logged in for good, or renewed
//   its login less than a second ago. ILLEGAL_SASL_STATE.

import { ErrorCode } from '../../protocol/errors.ts'
import { saslHandshake } from '../../protocol/messages/sasl-handshake.ts'
import { serve } from '../dispatcher.ts'

export const serveSaslHandshake = serve(saslHandshake, [0, 1], () => ({
  errorCode: ErrorCode.ILLEGAL_SASL_STATE,
  mechanisms: [],
}))
