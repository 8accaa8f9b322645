import { copiesAreExact } from '../checkers/copies.ts'
import { clustersKeepTheirWord } from '../checkers/words.ts'
import type { Faults, Scenario } from '../scenario.ts'
import { oneWay, TOPICS } from '../topologies/one-way.ts'
import { asker } from '../workloads/asker.ts'
import { writer } from '../workloads/writer.ts'

const MIRROR_AT = 'ohio'
const CLOGGED = 'clogged'
const ways: readonly (readonly [string, string])[] = [
  ...[MIRROR_AT, 'virginia', 'oregon'].flatMap((from) =>
    [MIRROR_AT, 'virginia', 'oregon'].filter((to) => to !== from).map((to) => [from, to] as const),
  ),
  ['virginia', 'virginia'],
  ['oregon', 'oregon'],
]

/** A random part of the ways is clogged, one after the other, and freed in another order. */
const swizzle: Faults = async (world, seconds) => {
  const { random, simulation } = world
  for (const end = simulation.now + seconds * 1000; simulation.now < end; ) {
    await world.pass(random.between(500, 4_000))
    const clogged = shuffled(ways).slice(0, 1 + random.below(ways.length))
    for (const [from, to] of clogged) {
      simulation.network.cut(from, to, 'one-way')
      world.bit(CLOGGED)
      await world.pass(random.between(10, 3_000))
    }
    for (const [from, to] of shuffled(clogged)) {
      simulation.network.mend(from, to)
      await world.pass(random.between(10, 3_000))
    }
  }

  function shuffled<T>(list: readonly T[]): T[] {
    const left = [...list]
    return list.map(() => left.splice(random.below(left.length), 1)[0]!)
  }
}

export const d73: Scenario = {
  name: 'D73',
  shows: 'ways that are clogged one by one and freed in another order cost nothing but time',
  seconds: 60,
  topology: oneWay({ mirror: { datacenter: MIRROR_AT } }),
  workloads: [writer({ to: 'east', topics: Object.keys(TOPICS), every: [20, 300] }), asker],
  faults: swizzle,
  checkers: [clustersKeepTheirWord, copiesAreExact],
  mustBite: [CLOGGED],
}
