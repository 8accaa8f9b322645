import type { ClientQuotas, HeldQuota } from './client-quotas.ts'
import type { QuotaKey } from './quota-entity.ts'
import { type RateWindow, WindowedRate } from './windowed-rate.ts'

/** Client ids are whatever clients send, so what is known of them has a limit; who was seen longest ago is forgotten first. */
const RATES_MAX = 10_000

/**
 * What clients have used of their quotas, and how long each must pause for it. Time is monotonic milliseconds.
 *
 * 1. A client that no quota concerns leaves nothing behind.
 */
export class QuotaUsage {
  readonly #quotas: ClientQuotas
  readonly #window: RateWindow
  readonly #rates = new Map<string, WindowedRate>()

  constructor(quotas: ClientQuotas, window: RateWindow) {
    this.#quotas = quotas
    this.#window = window
  }

  isSet(key: QuotaKey): boolean {
    return this.#quotas.isSet(key)
  }

  /** Counts what a client has used; returns for how many milliseconds it must pause. */
  record(key: ClientRate, user: string, clientId: string, value: number, nowMs: number): number {
    const held = this.#quotas.ofClient(key, user, clientId)
    if (!held) return 0
    const rate = this.#rate(key, held)
    rate.record(value, nowMs)
    const pauseMs = rate.excessMs(held.limit, nowMs)
    // What was used is measured only afterwards, so one long request may not shut its client out for long.
    return key === 'request_percentage' ? Math.min(pauseMs, this.#window.sampleMs) : pauseMs
  }

  /** Takes back what was counted for an answer that is not given after all. */
  unrecord(key: ClientRate, user: string, clientId: string, value: number, nowMs: number): void {
    const held = this.#quotas.ofClient(key, user, clientId)
    if (held) this.#rate(key, held).record(-value, nowMs)
  }

  /** A larger value would always make the client pause, however long it was silent. */
  mostAtOnce(key: ClientRate, user: string, clientId: string): number {
    const held = this.#quotas.ofClient(key, user, clientId)
    if (!held) return Number.MAX_SAFE_INTEGER
    return (held.limit * (this.#window.samples - 1) * this.#window.sampleMs) / 1000
  }

  /** Counts a connection; returns for how many milliseconds it is to be kept waiting before it is closed, 0 when it is welcome. */
  recordConnection(ip: string, nowMs: number): number {
    const held = this.#quotas.ofAddress(ip)
    if (!held) return 0
    const rate = this.#rate('connection_creation_rate', held)
    rate.record(1, nowMs)
    const pauseMs = rate.excessMs(held.limit, nowMs)
    // It is not let in, so it does not count against those that come later.
    if (pauseMs > 0) rate.record(-1, nowMs)
    return Math.min(pauseMs, this.#window.sampleMs)
  }

  #rate(key: QuotaKey, { sharedBy }: HeldQuota): WindowedRate {
    const name = `${key} ${sharedBy}`
    const rate = this.#rates.get(name) ?? new WindowedRate(this.#window)
    // Set anew to stand last.
    this.#rates.delete(name)
    this.#rates.set(name, rate)
    if (this.#rates.size > RATES_MAX) this.#rates.delete(this.#rates.keys().next().value!)
    return rate
  }
}

type ClientRate = 'producer_byte_rate' | 'consumer_byte_rate' | 'request_percentage'
