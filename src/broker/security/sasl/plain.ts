// PLAIN (RFC 4616): authzid NUL user NUL password, checked against the users of the listener's JAAS entry.

import { createHash, timingSafeEqual } from 'node:crypto'
import { SaslFailure, type SaslServer, type SaslSuccess } from './sasl-server.ts'

const TOKENS = 3

export class PlainServer implements SaslServer {
  readonly #users: ReadonlyMap<string, string>

  constructor(users: ReadonlyMap<string, string>) {
    this.#users = users
  }

  respond(token: Buffer): SaslSuccess {
    const tokens = token.toString().split('\0', TOKENS + 1)
    if (tokens.length !== TOKENS) throw told(`Invalid SASL/PLAIN response: expected 3 tokens, got ${tokens.length}`)
    const [authzid, user, password] = tokens as [string, string, string]
    if (user === '') throw told('Authentication failed: username not specified')
    if (password === '') throw told('Authentication failed: password not specified')
    const expected = this.#users.get(user)
    // Compared in any case, so that the time taken does not tell who exists.
    const right = sameSecret(password, expected ?? '')
    if (!right || expected === undefined) throw told('Authentication failed: Invalid username or password')
    // CVE-2017-12610: the name asked for must be the name proved.
    if (authzid !== '' && authzid !== user) throw otherIdentity()
    return { user, token: Buffer.alloc(0) }
  }
}

export function otherIdentity(): SaslFailure {
  return told('Authentication failed: Client requested an authorization id that is different from username')
}

function told(reason: string): SaslFailure {
  return new SaslFailure(reason, { tell: true })
}

/** In a time that depends on neither of them. */
function sameSecret(one: string, other: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest()
  return timingSafeEqual(digest(one), digest(other))
}
