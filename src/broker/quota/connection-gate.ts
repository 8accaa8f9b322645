import type { Clock, Timer } from '../../platform/platform.ts'

/** A connection that has come and is not served yet. */
export interface Arrival {
  readonly ip: string
  /** From now on it is served. */
  admit(): void
  close(): void
}

export interface ConnectionLimits {
  /** Of all connections; those beyond wait, unserved, until others have gone. */
  readonly max: number
  /** Of one address; those beyond are closed at once. */
  readonly maxOf: (ip: string) => number
  /** For how long a connection of the address is kept waiting before it is closed; 0 when it is welcome. */
  readonly refuseAfterMs: (ip: string) => number
}

/** Connections that wait for a place, as many as Kafka leaves in its listen queue. */
const WAITING_MAX = 50

/**
 * Lets connections in, as Kafka's ConnectionQuotas does: max.connections, max.connections.per.ip and connection_creation_rate.
 *
 * 1. An arrival is in exactly one place: waiting, admitted (and counted), about to be closed, or gone.
 * 2. While somebody waits nobody is admitted before.
 */
export class ConnectionGate {
  readonly #clock: Clock
  readonly #limits: () => ConnectionLimits
  readonly #waiting: Arrival[] = []
  readonly #admitted = new Set<Arrival>()
  readonly #refused = new Map<Arrival, Timer>()
  readonly #countByIp = new Map<string, number>()

  constructor(clock: Clock, limits: () => ConnectionLimits) {
    this.#clock = clock
    this.#limits = limits
  }

  arrive(arrival: Arrival) {
    if (this.#waiting.length >= WAITING_MAX) return arrival.close()
    this.#waiting.push(arrival)
    this.admitWaiting()
  }

  /** Must be called for every arrival once it has gone, for whatever reason. */
  left(arrival: Arrival): void {
    this.#refused.get(arrival)?.cancel()
    this.#refused.delete(arrival)
    const place = this.#waiting.indexOf(arrival)
    if (place >= 0) this.#waiting.splice(place, 1)
    if (this.#admitted.delete(arrival)) this.#count(arrival.ip, -1)
    this.admitWaiting()
  }

  /** Looks again: somebody has gone, or the limits are others. */
  admitWaiting(): void {
    while (this.#waiting.length > 0 && this.#admitted.size < this.#limits().max) this.#decide(this.#waiting.shift()!)
  }

  #decide(arrival: Arrival) {
    const { maxOf, refuseAfterMs } = this.#limits()
    const pauseMs = refuseAfterMs(arrival.ip)
    if (pauseMs > 0) {
      this.#refused.set(
        arrival,
        this.#clock.setTimer(pauseMs, () => arrival.close()),
      )
      return
    }
    if ((this.#countByIp.get(arrival.ip) ?? 0) >= maxOf(arrival.ip)) return arrival.close()
    this.#admitted.add(arrival)
    this.#count(arrival.ip, 1)
    arrival.admit()
  }

  #count(ip: string, change: number): void {
    const count = (this.#countByIp.get(ip) ?? 0) + change
    if (count === 0) this.#countByIp.delete(ip)
    else this.#countByIp.set(ip, count)
  }
}
