import { copiesAreExact } from '../checkers/copies.ts'
import { clustersKeepTheirWord } from '../checkers/words.ts'
import type { Faults, Scenario } from '../scenario.ts'
import { oneWay, TOPICS } from '../topologies/one-way.ts'
import { asker } from '../workloads/asker.ts'
import { writer } from '../workloads/writer.ts'
import type { World } from '../world.ts'

const BOUNCES = 5

async function clean(world: World, name: string): Promise<void> {
  await world.outcome(world.program(name).stop!())
  world.bit('stopped in good order')
}

async function hard(world: World, name: string): Promise<void> {
  world.program(name).machine.kill()
  world.bit('killed')
}

/** Kafka's own matrix of a broker that leads: stopped, killed, and five times each with little in between. */
function bounced(name: string): Faults {
  return async (world) => {
    const { random } = world
    for (const [end, times, mostMs] of [
      [clean, 1, 8_000],
      [hard, 1, 8_000],
      [clean, BOUNCES, 500],
      [hard, BOUNCES, 500],
    ] as const)
      for (let left = times; left > 0; left--) {
        await world.pass(random.between(500, 3_000))
        await end(world, name)
        await world.pass(random.between(1, mostMs))
        world.program(name).start()
      }
    await world.pass(2_000)
  }
}

function drill(id: string, cluster: string, side: string): Scenario {
  return {
    name: id,
    shows: `a leader on the ${side}'s side that is stopped, killed and bounced costs nothing but time`,
    seconds: 60,
    topology: oneWay(),
    workloads: [writer({ to: 'east', topics: Object.keys(TOPICS) }), asker],
    faults: bounced(cluster),
    checkers: [clustersKeepTheirWord, copiesAreExact],
    mustBite: ['stopped in good order', 'killed'],
  }
}

export const d20 = drill('D20', 'east', 'source')
export const d45 = drill('D45', 'west', 'target')
