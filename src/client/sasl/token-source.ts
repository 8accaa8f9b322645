// The token that logins share, until it is time for the next. Nothing runs in the background: a login asks, and a login is renewed before the
// token that it was made with ends, so a token is renewed before its end too, and an endpoint is left alone while nobody needs it.
//
// Invariants:
// 1. At most one request for a token is under way; all who ask meanwhile wait for it.
// 2. A token is handed out only before its end.
// 3. While the token in hand holds, an endpoint that fails costs a warning and no login, and is asked at most once a second.
import type { HeliostatError } from '../../platform/errors.ts'
import type { Platform } from '../../platform/platform.ts'
import { type Token, timeText } from './token.ts'

/** Of a token's life: as Kafka's sasl.login.refresh.window.factor. Logins are renewed later than this in theirs. */
const RENEW_AFTER = 0.8
/** Or so long before its end: a login that it is used for shall hold for a while. */
const SPARE_MS = 10_000
const ASK_AGAIN_MS = 1_000

export class TokenSource {
  readonly #platform: Platform
  readonly #ask: () => Promise<Token>
  #token: Token | undefined
  /** Wall clock. */
  #renewAtMs = 0
  #asking: Promise<void> | undefined

  constructor(platform: Platform, ask: () => Promise<Token>) {
    this.#platform = platform
    this.#ask = ask
  }

  /** Rejects with a HeliostatError that says why there is none. */
  async token(): Promise<string> {
    if (this.#token === undefined || this.#platform.clock.now() >= this.#renewAtMs) {
      this.#asking ??= this.#renew().finally(() => {
        this.#asking = undefined
      })
      await this.#asking
    }
    return this.#token!.text
  }

  async #renew(): Promise<void> {
    const { clock, log } = this.#platform
    try {
      this.#token = await this.#ask()
      // Of unknown life: good for the logins that wait for it.
      const { expiresAtMs = clock.now() } = this.#token
      const lifeMs = expiresAtMs - clock.now()
      this.#renewAtMs = clock.now() + Math.min(RENEW_AFTER * lifeMs, lifeMs - SPARE_MS)
    } catch (error) {
      const { expiresAtMs = 0 } = this.#token ?? {}
      if (expiresAtMs <= clock.now()) throw error // invariant 2
      this.#renewAtMs = clock.now() + ASK_AGAIN_MS
      const { message, code } = error as HeliostatError
      log.warn('login.token-kept', `${message}; the one before holds until ${timeText(expiresAtMs)}`, { code })
    }
  }
}
