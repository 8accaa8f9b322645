// Stands between the connection of a SASL listener and the handlers: nothing passes before the login, nor after it has expired.

import type { Clock } from '../../platform/platform.ts'
import {
  DecodeError,
  decodeRequest,
  decodeRequestHeader,
  encodeResponse,
  type RequestHeader,
} from '../../protocol/codec.ts'
import { apiVersions } from '../../protocol/messages/api-versions.ts'
import { saslAuthenticate } from '../../protocol/messages/sasl-authenticate.ts'
import { saslHandshake } from '../../protocol/messages/sasl-handshake.ts'
import type { Api } from '../../protocol/schema.ts'
import { isAnswerable } from '../apis/api-versions.ts'
import type { Principal } from './authorizer.ts'
import { type Login, type LoginReply, type LoginRequest, LoginState } from './login-state.ts'
import type { SaslMechanisms } from './sasl/mechanisms.ts'

/** `pass`: the handlers answer. `refuse`: the answer leaves after the delay for failed logins, then the connection ends. */
export type Admission =
  | { readonly verdict: 'pass' }
  | { readonly verdict: 'answer'; readonly answer: Buffer[] }
  | { readonly verdict: 'refuse'; readonly answer: Buffer[] | undefined; readonly reason: string }
  | { readonly verdict: 'close'; readonly reason: string }

const PASS: Admission = { verdict: 'pass' }
/** A login may be renewed once a second: each costs the broker more than the client. */
const RENEWAL_INTERVAL_MIN_MS = 1000

/**
 * 1. `#state` is there exactly while somebody logs in: at first, and while a login is renewed.
 * 2. `principal` is who proved to be it last; a renewal cannot change it.
 */
export class LoginGate {
  readonly #mechanisms: SaslMechanisms
  readonly #clock: Clock
  #state: LoginState | undefined
  #login: Login | undefined
  #renewalBeganMs: number | undefined

  constructor(mechanisms: SaslMechanisms, clock: Clock) {
    this.#mechanisms = mechanisms
    this.#clock = clock
    this.#state = new LoginState(mechanisms)
  }

  get principal(): Principal | undefined {
    return this.#login?.principal
  }

  /** Whether a login is under way, so that only small frames are right. */
  get isOpen(): boolean {
    return this.#state === undefined
  }

  admit(frame: Buffer): Admission {
    try {
      const state = this.#state ?? this.#renewal(frame)
      if (state) return this.#step(frame, state)
      return this.#hasExpired() ? { verdict: 'close', reason: 'the login has expired' } : PASS
    } catch (error) {
      if (error instanceof DecodeError) return { verdict: 'close', reason: error.message }
      throw error
    }
  }

  /** KIP-368: only a login that expires can be renewed; any other handshake is answered like every request out of place. */
  #renewal(frame: Buffer): LoginState | undefined {
    if (this.#login?.expiresAtMs === undefined || frame.length < 2) return undefined
    if (frame.readInt16BE(0) !== saslHandshake.key) return undefined
    const nowMs = this.#clock.monotonic()
    if (this.#renewalBeganMs !== undefined && nowMs - this.#renewalBeganMs < RENEWAL_INTERVAL_MIN_MS) return undefined
    this.#renewalBeganMs = nowMs
    this.#state = new LoginState(this.#mechanisms, this.#login)
    return this.#state
  }

  #hasExpired(): boolean {
    const expiresAtMs = this.#login?.expiresAtMs
    return expiresAtMs !== undefined && this.#clock.monotonic() > expiresAtMs
  }

  #step(frame: Buffer, state: LoginState): Admission {
    const header = state.expectsRawToken ? undefined : decodeRequestHeader(frame)
    const request: LoginRequest = header ? read(frame, header) : { type: 'raw-token', token: frame }
    const outcome = state.handle(request, { wallMs: this.#clock.now(), monotonicMs: this.#clock.monotonic() })
    if (outcome.verdict === 'close') return outcome
    if (outcome.verdict === 'refuse') {
      const { reply, reason } = outcome
      return { verdict: 'refuse', reason, answer: reply && encode(reply, header) }
    }
    if (outcome.verdict === 'logged-in') {
      this.#login = outcome.login
      this.#state = undefined
    }
    return outcome.reply.type === 'api-versions' ? PASS : { verdict: 'answer', answer: encode(outcome.reply, header) }
  }
}

function read(frame: Buffer, header: RequestHeader): LoginRequest {
  const { apiKey, apiVersion, bodyOffset } = header
  if (apiKey === apiVersions.key) return { type: 'api-versions', valid: isAnswerable(frame, header) }
  if (apiKey === saslHandshake.key) {
    refuseVersion(saslHandshake, apiVersion)
    const { mechanism } = decodeRequest(saslHandshake, apiVersion, frame, bodyOffset)
    return { type: 'handshake', version: apiVersion, mechanism }
  }
  if (apiKey === saslAuthenticate.key) {
    refuseVersion(saslAuthenticate, apiVersion)
    return { type: 'authenticate', token: decodeRequest(saslAuthenticate, apiVersion, frame, bodyOffset).authBytes }
  }
  return { type: 'other', name: `key ${apiKey}` }
}

function refuseVersion({ name, versions: [min, max] }: Api, version: number): void {
  if (version < min || version > max)
    throw new DecodeError(`version ${version} of ${name} is not served, only ${min} to ${max}`)
}

/** `header` is that of the request; a raw token had none. */
function encode(reply: LoginReply, header: RequestHeader | undefined): Buffer[] {
  if (reply.type === 'raw-token') {
    const size = Buffer.alloc(4)
    size.writeInt32BE(reply.token.length)
    return [size, reply.token]
  }
  const { apiVersion, correlationId } = header!
  if (reply.type === 'handshake') return encodeResponse(saslHandshake, apiVersion, correlationId, reply)
  if (reply.type === 'authenticate') return encodeResponse(saslAuthenticate, apiVersion, correlationId, reply)
  return encodeResponse(apiVersions, apiVersion, correlationId, { ...reply, apiKeys: [], throttleTimeMs: 0 })
}
