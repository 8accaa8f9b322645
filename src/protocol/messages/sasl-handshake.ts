// SaslHandshake, key 17, versions 0–1. Chooses the mechanism. Never flexible.
// v0: raw tokens follow on the connection. v1: tokens go in SaslAuthenticate (KIP-152).

import { api, array, int16, string } from '../schema.ts'

export const saslHandshake = api({
  key: 17,
  name: 'SaslHandshake',
  versions: [0, 1],
  flexible: Infinity,
  request: {
    mechanism: string,
  },
  response: {
    errorCode: int16,
    mechanisms: array(string),
  },
})
