import type { MemoryDisk } from '../platform/memory-disk.ts'
import type { Clock, Logger, Platform } from '../platform/platform.ts'
import { SimDisk } from './sim-disk.ts'
import type { Simulation } from './simulation.ts'

export interface SimMachineOptions {
  /** Latency is between datacenters; machines of the same one are near. */
  readonly datacenter?: string
  /** What its wall clock is ahead by. */
  readonly clockAheadMs?: number
  readonly log?: Logger
}

/** 2023-11-14, so that timestamps look like timestamps. */
const EPOCH_MS = 1_700_000_000_000

/**
 * A computer. A process runs on it from `boot` until it is killed; then it may be booted again, with the disk as that left it.
 *
 * 1. A process that is dead does nothing any more: its timers never fire, its sockets are gone, its writes go nowhere.
 * 2. One that is paused does nothing either, and finds all that it missed when it goes on.
 */
export class SimMachine {
  readonly name: string
  readonly datacenter: string
  readonly #simulation: Simulation
  readonly #options: SimMachineOptions
  readonly #disk: SimDisk
  #life: SimProcess | undefined
  #hasPower = true

  constructor(simulation: Simulation, name: string, options: SimMachineOptions) {
    this.name = name
    this.datacenter = options.datacenter ?? name
    this.#simulation = simulation
    this.#options = options
    this.#disk = new SimDisk(simulation.random)
  }

  /** A process runs on it. */
  get isUp(): boolean {
    return this.#life !== undefined
  }

  /** Without a process it still answers, to refuse. */
  get hasPower(): boolean {
    return this.#hasPower
  }

  /** A process begins; what it does it does on this platform. */
  boot(): Platform {
    if (this.#life) throw new Error(`${this.name} runs already`)
    const life = new SimProcess(this.#simulation, this.name)
    this.#life = life
    this.#hasPower = true
    return {
      clock: life.clock(this.#options.clockAheadMs ?? 0),
      network: this.#simulation.network.of(this, life),
      disk: this.#disk.of(life),
      random: this.#simulation.random,
      log: this.#options.log ?? SILENT,
    }
  }

  /** kill -9: the kernel sends what it was given, closes the connections, and keeps what was written to the disk. */
  kill(): void {
    this.#end()
    this.#simulation.network.abandon(this.name)
  }

  /** The power fails: peers hear nothing, and what was not synced may be lost, torn or whole. */
  cutPower(): void {
    this.#end()
    this.#hasPower = false
    this.#simulation.network.vanish(this.name)
    this.#disk.losePower()
  }

  /** What its disk holds while nothing runs on it, to look at, to change, and to put back. */
  takeImage(): MemoryDisk {
    return this.#disk.image()
  }

  putBack(image: MemoryDisk): void {
    this.#disk.restore(image)
  }

  /** SIGSTOP. */
  pause(): void {
    this.#life?.pause()
  }

  /** SIGCONT. */
  resume(): void {
    this.#life?.resume()
  }

  #end(): void {
    this.#life?.die()
    this.#life = undefined
    this.#disk.unlock()
  }
}

/** One life of a machine. */
export class SimProcess {
  readonly #simulation: Simulation
  readonly #name: string
  #dead = false
  #paused = false
  /** What became due while it was paused. */
  readonly #missed: (() => void)[] = []

  constructor(simulation: Simulation, name: string) {
    this.#simulation = simulation
    this.#name = name
  }

  get isDead(): boolean {
    return this.#dead
  }

  /** Does it, if the process lives, and as soon as it is not paused. */
  run(callback: () => void): void {
    if (this.#dead) return
    if (this.#paused) this.#missed.push(callback)
    else callback()
  }

  pause(): void {
    this.#paused = true
  }

  resume(): void {
    this.#paused = false
    for (const callback of this.#missed.splice(0)) {
      this.#simulation.after(0, `${this.#name} catches up`, () => this.run(callback))
    }
  }

  die(): void {
    this.#dead = true
    this.#missed.length = 0
  }

  clock(aheadMs: number): Clock {
    const simulation = this.#simulation
    return {
      now: () => EPOCH_MS + Math.floor(simulation.now) + aheadMs,
      monotonic: () => simulation.now,
      setTimer: (delayMs, callback) => {
        let isCancelled = false
        const event = simulation.after(delayMs, `${this.#name} timer`, () =>
          this.run(() => {
            if (!isCancelled) callback()
          }),
        )
        return {
          cancel: () => {
            isCancelled = true
            event.cancelled = true
          },
        }
      },
      defer: (callback) => void simulation.after(0, `${this.#name} deferred`, () => this.run(callback)),
    }
  }
}

const SILENT: Logger = {
  debug: () => {},
  info: () => {},
  warn: () => {},
  error: () => {},
  child: () => SILENT,
}
