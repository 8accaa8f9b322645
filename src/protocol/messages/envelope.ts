// Envelope, key 58, version 0. A client's request on its way from its broker to the active controller, with who sent it (KIP-590).

import { api, bool, bytes, int16, message, string } from '../schema.ts'

export const envelope = api({
  key: 58,
  name: 'Envelope',
  versions: [0, 0],
  flexible: 0,
  request: {
    /** Header and body as the client sent them. */
    requestData: bytes,
    /** `principalData` after its version, an int16. */
    requestPrincipal: bytes.nullable(),
    /** The raw address: 4 or 16 bytes. */
    clientHostAddress: bytes,
  },
  response: {
    /** Header and body as the client shall get them. */
    responseData: bytes.nullable().default(null),
    errorCode: int16,
  },
})

/** Kafka's DefaultPrincipalData. */
export const principalData = message({
  versions: [0, 0],
  flexible: 0,
  name: 'DefaultPrincipalData',
  fields: { type: string, name: string, tokenAuthenticated: bool },
})
