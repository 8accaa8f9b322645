import { HeliostatError } from '../../platform/errors.ts'
import type { Clock, Random, Timer } from '../../platform/platform.ts'
import { FaultError, type FaultSpec, faultProblems, wholeString } from './fault.ts'
import type { FaultedRequest, Target } from './faulted-request.ts'

/** A fault that was added to a cluster. */
export interface Fault {
  /** Of the cluster's name and a number. */
  readonly id: string
  readonly spec: FaultSpec
  /** The requests that it met so far. */
  readonly hits: number
  /** Whether it met as many as it should: it is still listed and meets no more. */
  readonly isSpent: boolean
  /** Takes it away; what it has delayed stays delayed. */
  remove(): void
}

/** The faults of a cluster, for those who test their clients against it. */
export interface FaultControls {
  /** Throws FaultError with every field that is wrong. */
  add(spec: FaultSpec): Fault
  /** In the order in which they were added. */
  list(): readonly Fault[]
  /** Removes all. */
  clear(): void
}

export interface FaultsOptions {
  /** The cluster's. */
  readonly name: string
  /** What the brokers serve. */
  readonly apiNames: readonly string[]
  readonly clock: Clock
  readonly random: Random
}

/** Who sent a request. */
export interface Sender {
  readonly clientId: string
  /** `User:alice`. */
  readonly principal: string
  readonly listener: string
}

/** What becomes of a request, but for the items that were refused: those the request itself knows. */
export interface Verdict {
  readonly hits: readonly Fault[]
  readonly drop: 'request' | 'response' | undefined
  readonly close: 'before' | 'after' | undefined
  readonly delayMs: number
}

/** A list that only grows would fill the memory of a long-lived cluster. */
const FAULTS_MAX = 1000

/**
 * The faults of a cluster and what they make of a request. Several may meet the same one: delays add up, an item has the first
 * error that wants it, and after the first that drops the request or closes the connection no other is asked.
 *
 * 1. `#armed` has exactly those that are not removed and not spent; while it is empty a request costs one look.
 * 2. A fault is drawn for and counted at most once per request, and only if it changes what becomes of it.
 */
export class Faults implements FaultControls {
  readonly #options: FaultsOptions
  readonly #all = new Map<string, PlannedFault>()
  readonly #armed = new Set<PlannedFault>()
  readonly #held = new Map<Timer, () => void>()
  #added = 0

  constructor(options: FaultsOptions) {
    this.#options = options
  }

  /** Nothing can happen on purpose. */
  get isIdle(): boolean {
    return this.#armed.size === 0
  }

  add(spec: FaultSpec): Fault {
    const problems = faultProblems(spec, this.#options.apiNames)
    if (problems.length > 0) throw new FaultError(problems)
    if (this.#all.size >= FAULTS_MAX) {
      throw new HeliostatError('HEL_FAULT', `a cluster has at most ${FAULTS_MAX} faults; remove some first`)
    }
    const fault = new PlannedFault(`${this.#options.name}-${++this.#added}`, spec, () => this.#remove(fault))
    this.#all.set(fault.id, fault)
    this.#armed.add(fault)
    return fault
  }

  list(): readonly Fault[] {
    return [...this.#all.values()]
  }

  clear(): void {
    this.#all.clear()
    this.#armed.clear()
  }

  /** Decides what becomes of the request and tells the request what of it is refused. */
  judge(request: FaultedRequest, sender: Sender): Verdict {
    const hits: Fault[] = []
    let delayMs = 0
    for (const fault of this.#armed) {
      const deed = fault.deedFor(request, sender)
      if (!deed || !fault.isDue(this.#options.random)) continue
      deed()
      if (fault.isSpent) this.#armed.delete(fault)
      hits.push(fault)
      const { drop, close, delayMs: later = 0 } = fault.spec
      delayMs += later
      if (drop !== undefined || close !== undefined) return { hits, drop, close, delayMs }
    }
    return { hits, drop: undefined, close: undefined, delayMs }
  }

  /** Resolves after the time, or when the cluster stops. */
  hold(delayMs: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = this.#options.clock.setTimer(delayMs, () => {
        this.#held.delete(timer)
        resolve()
      })
      this.#held.set(timer, resolve)
    })
  }

  /** Lets go of what is held. */
  close(): void {
    this.clear()
    for (const [timer, resolve] of this.#held) {
      timer.cancel()
      resolve()
    }
    this.#held.clear()
  }

  #remove(fault: PlannedFault): void {
    this.#all.delete(fault.id)
    this.#armed.delete(fault)
  }
}

class PlannedFault implements Fault {
  readonly id: string
  readonly spec: FaultSpec
  readonly remove: () => void
  readonly #apis: ReadonlySet<string> | undefined
  readonly #target: Target
  readonly #clientId: RegExp | undefined
  readonly #principal: RegExp | undefined
  readonly #listener: RegExp | undefined
  #toSkip: number
  #hits = 0

  constructor(id: string, spec: FaultSpec, remove: () => void) {
    const { api, topic, partition, clientId, principal, listener, skip = 0 } = spec
    const pattern = (text: string | undefined) => (text === undefined ? undefined : wholeString(text))
    this.id = id
    this.spec = Object.freeze({ ...spec })
    this.remove = remove
    this.#apis = api === undefined ? undefined : new Set(typeof api === 'string' ? [api] : api)
    this.#target = { topic: pattern(topic), partition }
    this.#clientId = pattern(clientId)
    this.#principal = pattern(principal)
    this.#listener = pattern(listener)
    this.#toSkip = skip
  }

  get hits(): number {
    return this.#hits
  }

  get isSpent(): boolean {
    return this.spec.times !== undefined && this.#hits >= this.spec.times
  }

  /** What it would do to the request; undefined when it is not for this one. */
  deedFor(request: FaultedRequest, { clientId, principal, listener }: Sender): (() => void) | undefined {
    if (this.#apis !== undefined && !this.#apis.has(request.api.name)) return undefined
    if (this.#clientId !== undefined && !this.#clientId.test(clientId)) return undefined
    if (this.#principal !== undefined && !this.#principal.test(principal)) return undefined
    if (this.#listener !== undefined && !this.#listener.test(listener)) return undefined
    const { error } = this.spec
    if (error !== undefined) return request.refusal(this.#target, error, `a fault on purpose (${this.id})`)
    return request.meets(this.#target) ? () => {} : undefined
  }

  /** Counts a request that it matches; whether this is one that it meets. */
  isDue(random: Random): boolean {
    if (this.#toSkip > 0) {
      this.#toSkip--
      return false
    }
    const { probability = 1 } = this.spec
    if (probability < 1 && random.fraction() >= probability) return false
    this.#hits++
    return true
  }
}
