// Five brokers of which three decide: whoever is away for longer than a session is replaced there by another.
import { replicasAgree } from '../checkers/replicas.ts'
import { after } from '../checkers/settled.ts'
import { clustersKeepTheirWord } from '../checkers/words.ts'
import { drawn, type Fault } from '../faults/drawn.ts'
import { cutPower, kill, oneAtATime, pause } from '../faults/processes.ts'
import type { Scenario } from '../scenario.ts'
import { CLUSTER, QUICK } from '../topologies/three-brokers.ts'
import { transfers } from '../workloads/transfers.ts'
import { writer } from '../workloads/writer.ts'
import type { World } from '../world.ts'

const BROKERS = [1, 2, 3, 4, 5].map((nodeId) => `${CLUSTER}-${nodeId}`)
const REPLACED = 'a voter was replaced'
const SETTLED_MS = 60_000

/** When it ends, others may decide than at its begin. */
function replacing(fault: Fault): Fault {
  return (world) => {
    const before = votersOf(world)
    const undo = fault(world)
    return (
      undo &&
      (() => {
        if (before !== votersOf(world)) world.bit(REPLACED)
        undo()
      })
    )
  }
}

function votersOf(world: World): string | undefined {
  const leading = world.cluster(CLUSTER).brokers.find(({ broker }) => broker?.quorum.led !== undefined)
  return leading?.broker?.quorum.voters.map(({ nodeId }) => nodeId).join()
}

const each = (what: string, fault: (broker: string) => Fault) =>
  Object.fromEntries(BROKERS.map((broker) => [`${what} ${broker}`, replacing(oneAtATime(BROKERS, fault(broker)))]))

export const votersOfFive: Scenario = {
  name: 'voters of five',
  shows:
    'five brokers go on, and lose nothing, while one after the other is away for so long that another decides in its place',
  seconds: 15,
  topology: async (world) => {
    const config = { ...QUICK, 'log.flush.interval.messages': 1 }
    const cluster = await world.addCluster(CLUSTER, 'virginia', { brokers: 5, config })
    for (const topic of ['orders', 'ledger']) await world.outcome(cluster.makeTopic(topic, 2))
  },
  workloads: [
    writer({ to: CLUSTER, topics: ['orders'], every: [20, 150] }),
    transfers({ to: CLUSTER, topic: 'ledger', producers: 1, datacenter: 'virginia', rest: 400 }),
  ],
  faults: drawn(
    { ...each('kill', kill), ...each('cut the power of', cutPower), ...each('pause', pause) },
    { every: [200, 1_500], lasting: [2_500, 5_000] },
  ),
  checkers: [after(SETTLED_MS), replicasAgree, clustersKeepTheirWord],
  mustBite: [REPLACED],
}
