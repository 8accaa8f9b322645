// SaslAuthenticate, key 36, versions 0–2. One token of the exchange (KIP-152).
// v1: session lifetime (KIP-368). v2: flexible.

import { api, bytes, int16, int64, string } from '../schema.ts'

export const saslAuthenticate = api({
  key: 36,
  name: 'SaslAuthenticate',
  versions: [0, 2],
  flexible: 2,
  request: {
    authBytes: bytes,
  },
  response: {
    errorCode: int16,
    errorMessage: string.nullable(),
    authBytes: bytes,
    sessionLifetimeMs: int64.since(1).default(0).ignorable(),
  },
})
