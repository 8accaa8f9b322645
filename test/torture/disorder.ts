// What befalls the brokers, drawn from a seed: who is killed or frozen, for how long, and how long they are left in peace after it. The
// draw knows nothing of the cluster, so a seed is the same disorder each time; what the cluster makes of it is not.
import type { SeededRandom } from '../fuzz/seeded-random.ts'

export interface Mishap {
  /** `kill`: as by kill -9, and started again after the time. `freeze`: as by SIGSTOP. */
  readonly kind: 'kill' | 'freeze'
  readonly broker: number
  readonly forMs: number
}

export interface Step {
  /** At once; one alone mostly, sometimes more than the cluster can do without. */
  readonly mishaps: readonly Mishap[]
  /** Until the next step, which need not wait for brokers to have recovered. */
  readonly thenMs: number
}

const killedMsMax = 3000
/** Longer than a session, so that some who come back have been replaced meanwhile. */
const frozenMsMax = 5000
const peaceMsMax = 4000

export function nextStep(random: SeededRandom, brokers: readonly number[]): Step {
  const fate = random.fraction()
  const count = fate < 0.8 ? 1 : fate < 0.95 ? 2 : brokers.length
  const left = [...brokers]
  const mishaps = Array.from({ length: count }, () => {
    const [broker] = left.splice(random.below(left.length), 1)
    const kind: Mishap['kind'] = random.chance(0.6) ? 'kill' : 'freeze'
    return { kind, broker: broker!, forMs: random.below(kind === 'kill' ? killedMsMax : frozenMsMax) }
  })
  return { mishaps, thenMs: random.below(peaceMsMax) }
}
