import type { Broker } from '../broker.ts'
import type { Caller } from '../security/authorizer.ts'

/** Reads and serves nothing more of the connection for so long (KIP-219). */
export type Mute = (ms: number) => void

/**
 * What one request uses of its client's time quota, and how long the client is to pause.
 *
 * `request_percentage` is a share of the thread that serves; 100 is all of it. Counted is the time from the frame to the end of the
 * handler's synchronous part: what a request waits for is no use. Kafka counts its request and network threads, which are several.
 */
export class RequestUsage {
  readonly #broker: Broker
  readonly #caller: Caller
  readonly #clientId: string
  readonly #mute: Mute
  readonly #startedMs: number | undefined
  #spentMs: number | undefined
  #pauseMs = 0

  constructor(broker: Broker, caller: Caller, clientId: string, mute: Mute) {
    this.#broker = broker
    this.#caller = caller
    this.#mute = mute
    this.#clientId = clientId
    this.#startedMs = broker.quotas.isSet('request_percentage') ? broker.platform.clock.monotonic() : undefined
  }

  pause(ms: number): void {
    this.#pauseMs = Math.max(this.#pauseMs, Math.ceil(ms))
  }

  /** The handler has returned; its answer may still come. */
  returned(): void {
    if (this.#startedMs !== undefined) this.#spentMs = this.#broker.platform.clock.monotonic() - this.#startedMs
  }

  /** The answer is there. Returns for how many milliseconds the client pauses, beginning now. */
  end(): number {
    if (this.#spentMs !== undefined) {
      const { name } = this.#caller.principal
      const percentSeconds = this.#spentMs / 10
      const nowMs = this.#broker.platform.clock.monotonic()
      this.pause(this.#broker.quotas.record('request_percentage', name, this.#clientId, percentSeconds, nowMs))
    }
    if (this.#pauseMs > 0) this.#mute(this.#pauseMs)
    return this.#pauseMs
  }
}
