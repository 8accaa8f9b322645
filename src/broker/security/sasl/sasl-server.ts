// The server's half of one SASL exchange, made anew for each login. Pure: what it must know (users, keys, time, a nonce) is handed in.

/** The exchange is over: who it was, and until when the proof holds (wall clock, milliseconds). */
export interface SaslSuccess {
  readonly user: string
  readonly credentialExpiresAtMs?: number
  /** The server's last word. */
  readonly token: Buffer
}

/** A challenge goes to the client, whose next token comes to `respond` again. */
export type SaslAnswer = { readonly challenge: Buffer } | SaslSuccess

export interface SaslServer {
  /** Throws SaslFailure; then the exchange is over. */
  respond(token: Buffer, nowMs: number): SaslAnswer
}

/** Makes the server's half of a mechanism that a listener offers. */
export type SaslServerFactory = () => SaslServer

/**
 * A refused login. What a client may know of the reason stands in `tell`: without it the client hears only that its credentials are not
 * valid, since the reason would say who exists here.
 */
export class SaslFailure extends Error {
  readonly tell: string | undefined

  constructor(reason: string, options: { tell?: boolean } = {}) {
    super(reason)
    this.name = 'SaslFailure'
    this.tell = options.tell ? reason : undefined
  }
}
