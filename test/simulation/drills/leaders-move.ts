import type { Flow } from '../../../src/mirror/mirror.ts'
import { copiesAreExact } from '../checkers/copies.ts'
import { replicasAgree } from '../checkers/replicas.ts'
import { clustersKeepTheirWord } from '../checkers/words.ts'
import { drawn } from '../faults/drawn.ts'
import { kill, oneAtATime, pause } from '../faults/processes.ts'
import type { Scenario } from '../scenario.ts'
import { oneWay } from '../topologies/one-way.ts'
import { QUICK } from '../topologies/three-brokers.ts'
import { asker } from '../workloads/asker.ts'
import { writer } from '../workloads/writer.ts'

/** Brokers of one side die, one at a time, and are paused: leaders move while they are mirrored from, or to. */
function drill(id: string, cluster: string, side: string, delivery: Pick<Flow, 'transactional'> = {}): Scenario {
  const brokers = [1, 2, 3].map((number) => `${cluster}-${number}`)
  const faults = brokers.flatMap((broker) => [
    [`kill ${broker}`, oneAtATime(brokers, kill(broker))] as const,
    [`pause ${broker}`, oneAtATime(brokers, pause(broker))] as const,
  ])
  return {
    name: `${id} of three${delivery.transactional ? ', in transactions' : ''}`,
    shows: `leaders that move over three brokers on the ${side}'s side cost nothing but time`,
    seconds: delivery.transactional ? 10 : 20,
    topology: oneWay({
      topics: { orders: 3 },
      [cluster === 'east' ? 'source' : 'target']: { brokers: 3, config: QUICK },
      mirror: { flow: { replicationFactor: cluster === 'west' ? 3 : 'source', ...delivery } },
    }),
    workloads: [writer({ to: 'east', topics: ['orders'], every: [10, 80] }), asker],
    faults: drawn(Object.fromEntries(faults), { every: [1_000, 4_000], lasting: [500, 5_000] }),
    checkers: [replicasAgree, clustersKeepTheirWord, copiesAreExact],
  }
}

export const leadersMove: readonly Scenario[] = [
  drill('D20', 'east', 'source'),
  drill('D45', 'west', 'target'),
  // Those of the copies, of the progress, and the coordinators.
  drill('D45', 'west', 'target', { transactional: { commitIntervalMs: 300 } }),
]
