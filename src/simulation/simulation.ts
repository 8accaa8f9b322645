import { EventQueue, type SimEvent } from './event-queue.ts'
import { SeededRandom } from './seeded-random.ts'
import { SimMachine, type SimMachineOptions } from './sim-machine.ts'
import { SimNetwork } from './sim-network.ts'

export interface SimulationOptions {
  readonly seed: number
  /** Resolves when every promise that can settle now has settled: one turn of the event loop that runs the simulation. */
  readonly settle: () => Promise<void>
}

/**
 * Machines, the network between them and the time they share, replayed by a seed. Whatever runs on a machine's Platform runs as it
 * is; minutes pass as fast as they can be computed.
 *
 * 1. Time passes only from event to event; between two of them all promises settle.
 * 2. What happens depends on the seed and the programs alone: two runs of a seed have the same trace.
 */
export class Simulation {
  readonly random: SeededRandom
  readonly network: SimNetwork
  readonly machines = new Map<string, SimMachine>()
  readonly #settle: () => Promise<void>
  readonly #queue = new EventQueue()
  #now = 0
  #events = 0
  #hash = FNV_BASIS
  readonly #marks: number[] = []

  constructor({ seed, settle }: SimulationOptions) {
    this.random = new SeededRandom(seed)
    this.#settle = settle
    this.network = new SimNetwork(this)
  }

  /** Milliseconds since the simulation began. */
  get now(): number {
    return this.#now
  }

  /**
   * How many events have happened, and what they were: equal for two runs of one seed. `marks` has the hash after every
   * thousandth, so that two runs which differ tell where they began to.
   */
  get trace(): { readonly events: number; readonly hash: string; readonly marks: readonly number[] } {
    return { events: this.#events, hash: (this.#hash >>> 0).toString(16).padStart(8, '0'), marks: this.#marks }
  }

  machine(name: string, options: SimMachineOptions = {}): SimMachine {
    if (this.machines.has(name)) throw new Error(`there is a machine ${name} already`)
    const machine = new SimMachine(this, name, options)
    this.machines.set(name, machine)
    return machine
  }

  /** `label` tells the trace what kind of thing happens. */
  after(delayMs: number, label: string, happen: () => void): SimEvent {
    return this.at(this.#now + Math.max(0, delayMs), label, happen)
  }

  at(time: number, label: string, happen: () => void): SimEvent {
    return this.#queue.add(time, label, happen)
  }

  /** Lets `ms` pass. */
  async pass(ms: number): Promise<void> {
    const end = this.#now + ms
    await this.#settle()
    for (let event = this.#queue.take(end); event; event = this.#queue.take(end)) {
      this.#happen(event)
      await this.#settle()
    }
    this.#now = end
  }

  /** Lets time pass until the condition holds; whether it did within `limitMs`. */
  async until(condition: () => boolean, limitMs: number): Promise<boolean> {
    const end = this.#now + limitMs
    await this.#settle()
    while (!condition()) {
      const event = this.#queue.take(end)
      if (!event) {
        this.#now = end
        return condition()
      }
      this.#happen(event)
      await this.#settle()
    }
    return true
  }

  /** The outcome of a program's promise, while time passes for it; an error when that takes longer than `limitMs`. */
  async outcome<T>(promise: Promise<T>, limitMs = 600_000): Promise<T> {
    let isSettled = false
    promise.then(
      () => {
        isSettled = true
      },
      () => {
        isSettled = true
      },
    )
    if (await this.until(() => isSettled, limitMs)) return promise
    throw new Error(`nothing came of it within ${limitMs} simulated ms`)
  }

  #happen(event: SimEvent): void {
    this.#now = event.at
    this.#events++
    this.witness(event.at * 1000)
    this.#mix(event.label)
    if (this.#events % MARK_EVERY === 0) this.#marks.push(this.#hash)
    event.happen()
  }

  /** Something that happened besides: what was written, drawn, decided. */
  witness(number: number): void {
    this.#hash = Math.imul(this.#hash ^ number, FNV_PRIME)
  }

  #mix(text: string): void {
    for (let i = 0; i < text.length; i++) this.#hash = Math.imul(this.#hash ^ text.charCodeAt(i), FNV_PRIME)
  }
}

const MARK_EVERY = 1_000
const FNV_BASIS = 0x811c9dc5
const FNV_PRIME = 0x01000193
