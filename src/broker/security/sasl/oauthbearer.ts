// OAUTHBEARER (RFC 7628, KIP-255), the server's half. A refused token is answered with a challenge that says so; the client acknowledges it
// with one byte, and only then is the exchange an error.

import { BadToken } from './jwt.ts'
import { type SaslAnswer, SaslFailure, type SaslServer } from './sasl-server.ts'
import { MissingScope, type TokenValidator, type ValidToken } from './token-validator.ts'

const SASL_NAME = '(?:[^=,\\u0000\\u0080-\\uffff]|=2C|=3D)+'
const FIELD = '[A-Za-z]+=[\\x21-\\x7e \\t\\r\\n]+\\x01'
const INITIAL = new RegExp(`^n,(?:a=(${SASL_NAME}))?,\\x01((?:${FIELD})*)\\x01$`)
const AUTHORIZATION = /^auth=(\w+) +([-_.a-zA-Z0-9]+)$/
const ACKNOWLEDGEMENT = '\x01'

export class OauthBearerServer implements SaslServer {
  readonly #validate: TokenValidator
  #refusal: string | undefined

  constructor(validate: TokenValidator) {
    this.#validate = validate
  }

  respond(bytes: Buffer, nowMs: number): SaslAnswer {
    const text = bytes.toString()
    if (this.#refusal !== undefined) {
      const acknowledged = text === ACKNOWLEDGEMENT
      throw new SaslFailure(acknowledged ? this.#refusal : 'the refusal was not acknowledged', { tell: acknowledged })
    }
    const { authzid, token } = readInitial(text)
    const valid = this.#judge(token, nowMs)
    if (typeof valid === 'string') {
      this.#refusal = valid
      return { challenge: Buffer.from(valid) }
    }
    const { user, expiresAtMs } = valid
    if (authzid !== undefined && authzid !== user) {
      const reason = `Client requested an authorization id (${authzid}) that is different from the token's principal name (${user})`
      throw new SaslFailure(`Authentication failed: ${reason}`, { tell: true })
    }
    return { user, credentialExpiresAtMs: expiresAtMs, token: Buffer.alloc(0) }
  }

  /** What the token says, or the challenge that refuses it. */
  #judge(token: string, nowMs: number): ValidToken | string {
    try {
      return this.#validate(token, nowMs)
    } catch (error) {
      if (error instanceof MissingScope) return `{"status":"insufficient_scope", "scope":"${error.scope}"}`
      if (error instanceof BadToken) return '{"status":"invalid_token"}'
      throw error
    }
  }
}

function readInitial(text: string): { authzid: string | undefined; token: string } {
  const [, authzid, fields] = INITIAL.exec(text) ?? []
  if (fields === undefined) throw new SaslFailure('Invalid OAUTHBEARER client first message')
  const auth = fields.split('\x01').filter((field) => field.startsWith('auth='))
  const [, scheme, token] = (auth.length === 1 && AUTHORIZATION.exec(auth[0]!)) || []
  if (token === undefined) throw new SaslFailure("Invalid OAUTHBEARER client first message: invalid 'auth' format")
  if (scheme?.toLowerCase() !== 'bearer') {
    throw new SaslFailure(`Invalid scheme in OAUTHBEARER client first message: ${scheme}`)
  }
  return { authzid, token }
}
