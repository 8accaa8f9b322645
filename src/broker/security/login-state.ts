// What a client of a SASL listener may send until it is logged in, and what it is told (KIP-43, KIP-152, KIP-368). The states are those of
// Kafka's SaslServerAuthenticator:
//
//   versions-or-handshake   ApiVersions or SaslHandshake; nothing else closes less than the connection
//   handshake               ApiVersions was answered; SaslHandshake must follow
//   tokens                  SaslHandshake was answered: SaslAuthenticate (after v1), or raw tokens (after v0)
//   wrong-mechanism         a second login that changes the mechanism; it hears so only by the close
//   over                    logged in, or refused
//
// Pure: requests in, what to do out. A request that is no part of a login is refused before its body is read.

import { ErrorCode } from '../../protocol/errors.ts'
import type { Principal } from './authorizer.ts'
import type { SaslMechanisms } from './sasl/mechanisms.ts'
import { type SaslAnswer, SaslFailure, type SaslServer, type SaslSuccess } from './sasl/sasl-server.ts'

export type LoginRequest =
  /** `valid`: it was answered without an error. */
  | { readonly type: 'api-versions'; readonly valid: boolean }
  | { readonly type: 'handshake'; readonly version: number; readonly mechanism: string }
  | { readonly type: 'authenticate'; readonly token: Buffer }
  /** A frame without header, where `expectsRawToken`. */
  | { readonly type: 'raw-token'; readonly token: Buffer }
  | { readonly type: 'other'; readonly name: string }

/** Who is logged in, and how long that holds. */
export interface Login {
  readonly principal: Principal
  readonly mechanism: string
  /** Monotonic time after which a request closes the connection; absent: never. */
  readonly expiresAtMs: number | undefined
}

export type LoginReply =
  | { readonly type: 'handshake'; readonly errorCode: number; readonly mechanisms: readonly string[] }
  | {
      readonly type: 'authenticate'
      readonly errorCode: number
      /** Empty without an error. */
      readonly errorMessage: string
      readonly authBytes: Buffer
      readonly sessionLifetimeMs: number
    }
  | { readonly type: 'raw-token'; readonly token: Buffer }
  /** The answer that ApiVersions has already. */
  | { readonly type: 'api-versions'; readonly errorCode: number }

/** `close` closes at once; `refuse` after the delay for failed logins, and its reply leaves only then. */
export type LoginOutcome =
  | { readonly verdict: 'go-on'; readonly reply: LoginReply }
  | { readonly verdict: 'logged-in'; readonly reply: LoginReply; readonly login: Login }
  | { readonly verdict: 'refuse'; readonly reply: LoginReply | undefined; readonly reason: string }
  | { readonly verdict: 'close'; readonly reason: string }

export interface LoginTime {
  /** Wall clock: what credentials expire by. */
  readonly wallMs: number
  /** What sessions expire by. */
  readonly monotonicMs: number
}

type State =
  | { readonly name: 'versions-or-handshake' }
  | { readonly name: 'handshake' }
  | { readonly name: 'tokens'; readonly mechanism: string; readonly server: SaslServer; readonly raw: boolean }
  | { readonly name: 'wrong-mechanism'; readonly reason: string }
  | { readonly name: 'over' }

const NOTHING = Buffer.alloc(0)

/** One login on one connection. */
export class LoginState {
  readonly #mechanisms: SaslMechanisms
  /** Of a second login: the one that it renews. */
  readonly #previous: Login | undefined
  #state: State

  constructor(mechanisms: SaslMechanisms, previous?: Login) {
    this.#mechanisms = mechanisms
    this.#previous = previous
    this.#state = { name: previous ? 'handshake' : 'versions-or-handshake' }
  }

  /** Whether the next frame is a token by itself. */
  get expectsRawToken(): boolean {
    return this.#state.name === 'tokens' && this.#state.raw
  }

  handle(request: LoginRequest, time: LoginTime): LoginOutcome {
    const state = this.#state
    switch (state.name) {
      case 'versions-or-handshake':
      case 'handshake':
        return this.#beforeTokens(request, state.name)
      case 'tokens':
        return this.#token(request, state, time)
      case 'wrong-mechanism':
        return this.#refuse(undefined, state.reason)
      case 'over':
        return this.#close('a request after the end of the login')
    }
  }

  #beforeTokens(request: LoginRequest, state: 'versions-or-handshake' | 'handshake'): LoginOutcome {
    if (request.type === 'handshake') return this.#handshake(request.version, request.mechanism)
    if (request.type !== 'api-versions') {
      const name = request.type === 'other' ? request.name : 'SaslAuthenticate'
      return this.#close(`Unexpected Kafka request of type ${name} during SASL handshake.`)
    }
    if (state === 'handshake') return this.#close('Unexpected ApiVersions request received during SASL authentication')
    // A client whose version was refused may ask again in another.
    if (request.valid) this.#state = { name: 'handshake' }
    return { verdict: 'go-on', reply: { type: 'api-versions', errorCode: ErrorCode.NONE } }
  }

  #handshake(version: number, mechanism: string): LoginOutcome {
    const mechanisms = [...this.#mechanisms.keys()]
    const offered = this.#mechanisms.get(mechanism)
    if (!offered) {
      // Kafka answers the first login only; a renewal that begins like this is cut off.
      if (this.#previous) return this.#close(`Unsupported SASL mechanism ${mechanism}`)
      const errorCode = ErrorCode.UNSUPPORTED_SASL_MECHANISM
      return this.#refuse({ type: 'handshake', errorCode, mechanisms }, `Unsupported SASL mechanism ${mechanism}`)
    }
    const before = this.#previous?.mechanism
    if (before !== undefined && before !== mechanism) {
      const reason = `SASL mechanism '${mechanism}' requested by client is not supported for re-authentication of mechanism '${before}'`
      this.#state = { name: 'wrong-mechanism', reason }
    } else {
      this.#state = { name: 'tokens', mechanism, server: offered.server(), raw: version === 0 }
    }
    return { verdict: 'go-on', reply: { type: 'handshake', errorCode: ErrorCode.NONE, mechanisms } }
  }

  #token(request: LoginRequest, state: State & { name: 'tokens' }, time: LoginTime): LoginOutcome {
    if (request.type !== (state.raw ? 'raw-token' : 'authenticate')) return this.#outOfPlace(request)
    try {
      const answer = state.server.respond((request as { token: Buffer }).token, time.wallMs)
      if ('challenge' in answer) return { verdict: 'go-on', reply: tokenReply(state.raw, answer, 0) }
      return this.#succeed(state, answer, time)
    } catch (error) {
      if (!(error instanceof SaslFailure)) throw error
      return this.#failed(state, error)
    }
  }

  #succeed(state: State & { name: 'tokens' }, success: SaslSuccess, time: LoginTime): LoginOutcome {
    const principal = { type: 'User', name: success.user }
    const before = this.#previous?.principal
    if (before && before.name !== principal.name) {
      const change = `from ${before.type}.${before.name}: ${principal.type}.${principal.name}`
      throw new SaslFailure(`Cannot change principals during re-authentication ${change}`, { tell: true })
    }
    const lifetimeMs = this.#lifetime(state.mechanism, success.credentialExpiresAtMs, time.wallMs)
    const expiresAtMs = lifetimeMs === undefined ? undefined : time.monotonicMs + lifetimeMs
    this.#state = { name: 'over' }
    const reply = tokenReply(state.raw, success, lifetimeMs ?? 0)
    return { verdict: 'logged-in', reply, login: { principal, mechanism: state.mechanism, expiresAtMs } }
  }

  /** The shorter of what the broker grants and what is left of the credential. */
  #lifetime(mechanism: string, credentialExpiresAtMs: number | undefined, wallMs: number): number | undefined {
    const grantedMs = this.#mechanisms.get(mechanism)!.maxReauthMs
    const limits = [
      ...(grantedMs > 0 ? [grantedMs] : []),
      ...(credentialExpiresAtMs === undefined ? [] : [credentialExpiresAtMs - wallMs]),
    ]
    return limits.length === 0 ? undefined : Math.max(0, Math.min(...limits))
  }

  #failed({ mechanism, raw }: State & { name: 'tokens' }, failure: SaslFailure): LoginOutcome {
    const attempt = this.#previous ? 're-authentication' : 'authentication'
    const hidden = `Authentication failed during ${attempt} due to invalid credentials with SASL mechanism ${mechanism}`
    const errorMessage = failure.tell ?? hidden
    // Between raw tokens there is no way to say why.
    if (raw) return this.#refuse(undefined, failure.message)
    const errorCode = ErrorCode.SASL_AUTHENTICATION_FAILED
    return this.#refuse(authenticateReply(errorCode, errorMessage, NOTHING, 0), failure.message)
  }

  #outOfPlace(request: LoginRequest): LoginOutcome {
    const errorCode = ErrorCode.ILLEGAL_SASL_STATE
    const named = {
      'api-versions': 'ApiVersions',
      handshake: 'SaslHandshake',
      authenticate: 'SaslAuthenticate',
    } as const
    const name =
      request.type === 'other' ? request.name : request.type === 'raw-token' ? 'raw token' : named[request.type]
    const reason = `Unexpected Kafka request of type ${name} during SASL authentication.`
    if (request.type === 'handshake') return this.#refuse({ type: 'handshake', errorCode, mechanisms: [] }, reason)
    if (request.type === 'api-versions') return this.#refuse({ type: 'api-versions', errorCode }, reason)
    return this.#refuse(undefined, reason)
  }

  #refuse(reply: LoginReply | undefined, reason: string): LoginOutcome {
    this.#state = { name: 'over' }
    return { verdict: 'refuse', reply, reason }
  }

  #close(reason: string): LoginOutcome {
    this.#state = { name: 'over' }
    return { verdict: 'close', reason }
  }
}

function tokenReply(raw: boolean, answer: SaslAnswer, sessionLifetimeMs: number): LoginReply {
  const token = 'challenge' in answer ? answer.challenge : answer.token
  return raw ? { type: 'raw-token', token } : authenticateReply(ErrorCode.NONE, '', token, sessionLifetimeMs)
}

function authenticateReply(
  errorCode: number,
  errorMessage: string,
  authBytes: Buffer,
  sessionLifetimeMs: number,
): LoginReply {
  return { type: 'authenticate', errorCode, errorMessage, authBytes, sessionLifetimeMs }
}
