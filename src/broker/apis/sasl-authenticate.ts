// SaslAuthenticate (key 36), versions 0–2 (KIP-152, KIP-368).
//
// - On a SASL listener the login answers it, before and instead of this handler: challenge and response of PLAIN, SCRAM-SHA-256,
//   SCRAM-SHA-512, OAUTHBEARER. A refused login is SASL_AUTHENTICATION_FAILED with Kafka's message, after
//   connection.failed.authentication.delay.ms, and then the connection closes. v1+: for how long the login holds.
// - Here it arrives out of place: ILLEGAL_SASL_STATE.
// - Differs: another request between SaslHandshake and the end of the login only closes the connection; Kafka first answers it with
//   ILLEGAL_SASL_STATE (as we do for SaslHandshake and ApiVersions).

import { ErrorCode } from '../../protocol/errors.ts'
import { saslAuthenticate } from '../../protocol/messages/sasl-authenticate.ts'
import { serve } from '../dispatcher.ts'

export const serveSaslAuthenticate = serve(saslAuthenticate, [0, 2], () => ({
  errorCode: ErrorCode.ILLEGAL_SASL_STATE,
  errorMessage: 'SaslAuthenticate request received after successful authentication',
  authBytes: Buffer.alloc(0),
}))
