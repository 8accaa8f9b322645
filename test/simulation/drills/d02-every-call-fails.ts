import { copiesAreExact } from '../checkers/copies.ts'
import { clustersKeepTheirWord } from '../checkers/words.ts'
import type { Faults, Scenario } from '../scenario.ts'
import { FLOW, oneWay, TOPICS } from '../topologies/one-way.ts'
import { writer } from '../workloads/writer.ts'

/** A life of ten seconds makes more calls than that; each seed lets another one fail. */
const CALLS = 300
const EACH_MS = 10_000
const ONCE = 'fails once'
const FROM_THEN_ON = 'fails from then on'

/** The n-th call to the network fails, first alone, then, in another life, with all that follow for a while. */
const nthCallFails: Faults = async (world) => {
  const mirror = world.mirror(FLOW)
  for (const name of [ONCE, FROM_THEN_ON]) {
    const nth = 1 + world.random.below(CALLS)
    let calls = 0
    mirror.machine.kill()
    mirror.ports = {
      verdict: () => {
        calls++
        if (name === ONCE ? calls !== nth : calls < nth) return undefined
        world.bit(name)
        return 'fails'
      },
    }
    mirror.start()
    await world.pass(EACH_MS)
    // What fails from then on fails until the machine is well again.
    calls = Number.NEGATIVE_INFINITY
    await world.pass(EACH_MS)
  }
}

export const d02: Scenario = {
  name: 'D02',
  shows: 'whichever call to the network fails, once or from then on, the mirror comes through',
  seconds: 40,
  topology: oneWay(),
  workloads: [writer({ to: 'east', topics: Object.keys(TOPICS) })],
  faults: nthCallFails,
  checkers: [clustersKeepTheirWord, copiesAreExact],
  mustBite: [ONCE, FROM_THEN_ON],
}
