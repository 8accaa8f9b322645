import type { Step } from '../../../src/mirror/mirror.ts'
import { copiesAreExact } from '../checkers/copies.ts'
import { clustersKeepTheirWord } from '../checkers/words.ts'
import type { Faults, Scenario } from '../scenario.ts'
import { FLOW, oneWay } from '../topologies/one-way.ts'
import { asker } from '../workloads/asker.ts'
import { writer } from '../workloads/writer.ts'

/** The mirror stands between both, so that either side can be cut from it alone. */
const BETWEEN = 'ohio'
const SOURCE = 'virginia'
const TARGET = 'oregon'
const DURATIONS_S = [10, 300, 3_600]
/** Between a plan and the answer to what it plans. */
const STEPS: readonly Step[] = ['plan-sent', 'plan-durable', 'produce-sent', 'produce-answered']
const DIRECTIONS = [
  [BETWEEN, SOURCE],
  [SOURCE, BETWEEN],
  [BETWEEN, TARGET],
  [TARGET, BETWEEN],
] as const

const fromSource: Faults = async (world) => {
  for (const seconds of DURATIONS_S) {
    await world.pass(world.random.between(1_000, 4_000))
    world.simulation.network.cut(BETWEEN, SOURCE)
    world.bit(`cut for ${seconds} s`)
    await world.pass(seconds * 1000)
    world.simulation.network.heal()
    await recovered(world, `after ${seconds} s`)
  }
}

const fromTargetAtEveryStep: Faults = async (world) => {
  const { network } = world.simulation
  const mirror = world.mirror(FLOW)
  for (const step of STEPS) {
    // A new partition has plans; one that runs opens a run only now and then.
    await world.outcome(world.cluster('east').makeTopic(`at-${step}`, 1))
    let isCut = false
    const nth = step.startsWith('plan') ? 1 : 1 + world.random.below(3)
    let reached = 0
    mirror.reached = (at) => {
      if (isCut || at !== step || ++reached !== nth) return
      isCut = true
      world.bit(`cut at ${step}`)
      network.cut(BETWEEN, TARGET)
    }
    await world.until(() => isCut, 120_000, 20)
    mirror.reached = undefined
    await world.pass(1000 * world.random.pick([1, 10, 100]))
    network.heal()
    await recovered(world, `after ${step}`)
  }
}

/** Requests pass and answers do not, or the other way round. */
const oneWayOnly: Faults = async (world) => {
  const { network } = world.simulation
  for (const [from, to] of DIRECTIONS) {
    await world.pass(world.random.between(1_000, 4_000))
    network.cut(from, to, 'one-way')
    world.bit(`nothing from ${from} to ${to}`)
    await world.pass(1000 * world.random.pick([20, 90]))
    network.heal()
    await recovered(world, `after ${from} to ${to}`)
  }
}

/** How long it takes until all runs again, with the source going on. */
async function recovered(world: Parameters<Faults>[0], when: string): Promise<void> {
  const healed = world.simulation.now
  const isWell = () => world.mirror(FLOW).behind(({ lagRecords }) => lagRecords < 50).length === 0
  await world.until(isWell, 120_000)
  world.figures.set(`well again ${when}, s`, (world.simulation.now - healed) / 1000)
}

function drill(name: string, shows: string, faults: Faults, mustBite: readonly string[]): Scenario {
  return {
    name,
    shows,
    seconds: 60,
    topology: oneWay({ mirror: { datacenter: BETWEEN } }),
    workloads: [writer({ to: 'east', every: [300, 3_000] }), asker],
    faults,
    checkers: [clustersKeepTheirWord, copiesAreExact],
    mustBite,
  }
}

export const d65 = drill(
  'D65',
  'a mirror cut from its source, for seconds or an hour, goes on without a person',
  fromSource,
  DURATIONS_S.map((seconds) => `cut for ${seconds} s`),
)

export const d66 = drill(
  'D66',
  'a mirror cut from its target between any two steps doubles nothing',
  fromTargetAtEveryStep,
  STEPS.map((step) => `cut at ${step}`),
)

export const d67 = drill(
  'D67',
  'a way that is cut in one direction only is noticed, and nothing is doubled',
  oneWayOnly,
  DIRECTIONS.map(([from, to]) => `nothing from ${from} to ${to}`),
)
