import { Findings } from '../../oracle/violation.ts'
import { copiesAreExact } from '../checkers/copies.ts'
import { clustersKeepTheirWord } from '../checkers/words.ts'
import { drawn } from '../faults/drawn.ts'
import { cut, reset } from '../faults/network.ts'
import { kill } from '../faults/processes.ts'
import type { Checker, Scenario } from '../scenario.ts'
import { bothWays } from '../topologies/both-ways.ts'
import { writer } from '../workloads/writer.ts'

/** What came from the other side is not sent back there. */
const oneHopOnly: Checker = async (world) => {
  const findings = new Findings('topics')
  for (const { name, operator } of world.clusters.values()) {
    await world.outcome(operator.refresh())
    for (const topic of operator.topics().keys())
      if (/^(east|west)\.(east|west)\./.test(topic)) findings.add('duplicate', `${topic} on ${name} came by two hops`)
  }
  return findings.violations()
}

export const d104: Scenario = {
  name: 'D104',
  shows: 'two clusters that mirror each other, and fail in turn, have each record of the other once, and by one hop',
  seconds: 40,
  topology: bothWays({ orders: 2, events: 1 }),
  workloads: ['east', 'west'].map((to) => writer({ to, every: [20, 200] })),
  faults: drawn(
    {
      'kill east': kill('east'),
      'kill west': kill('west'),
      'kill one mirror': kill('mirror-east-west'),
      'kill the other mirror': kill('mirror-west-east'),
      cut: cut('virginia', 'oregon'),
      reset: reset('virginia', 'oregon'),
    },
    { every: [200, 3_000], lasting: [100, 8_000] },
  ),
  checkers: [clustersKeepTheirWord, copiesAreExact, oneHopOnly],
}
