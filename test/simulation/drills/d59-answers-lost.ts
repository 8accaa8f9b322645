import type { FaultSpec } from '../../../src/broker/faults/fault.ts'
import { copiesAreExact } from '../checkers/copies.ts'
import { clustersKeepTheirWord } from '../checkers/words.ts'
import type { Faults, Scenario } from '../scenario.ts'
import { oneWay, TOPICS } from '../topologies/one-way.ts'
import { asker } from '../workloads/asker.ts'
import { writer } from '../workloads/writer.ts'

const SHARE = 0.05
/** What was written and nobody hears of: the answer vanishes, or the connection with it. */
const WAYS: Readonly<Record<string, FaultSpec>> = {
  'answers dropped': { drop: 'response' },
  'connections closed after the write': { close: 'after' },
}

const lost: Faults = async (world, seconds) => {
  const { faults } = world.cluster('west')
  for (const [name, way] of Object.entries(WAYS)) {
    // Of the records themselves, then of the mirror's own progress, too.
    const added = [
      faults.add({ api: 'Produce', topic: 'east\\..*', probability: SHARE, ...way }),
      faults.add({ api: 'Produce', topic: 'heliostat\\..*', probability: SHARE, ...way }),
    ]
    await world.pass((seconds / 2) * 1000)
    for (const fault of added) {
      if (fault.hits > 0) world.bit(name, fault.hits)
      fault.remove()
    }
  }
}

export const d59: Scenario = {
  name: 'D59',
  shows: 'writes whose answers are lost are not written twice',
  seconds: 200,
  topology: oneWay(),
  workloads: [writer({ to: 'east', topics: Object.keys(TOPICS), every: [50, 400] }), asker],
  faults: lost,
  checkers: [clustersKeepTheirWord, copiesAreExact],
  mustBite: Object.keys(WAYS),
}
