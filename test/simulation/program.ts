import type { SimMachine } from '../../src/simulation/sim-machine.ts'

/** Where brokers listen; a host is a machine's name. */
export const PORT = 9092

/** Something that runs on a machine of its own, can be killed there, and begins again. */
export interface Program {
  readonly machine: SimMachine
  /** Begins a life, without waiting for it; nothing happens where one goes on. */
  start(): void
  /** Ends it in good order. */
  stop?(): Promise<void>
}
