// Drills on three brokers. All run the same work, so that whatever is disturbed disturbs all of it.
import { endsNeverGoBack } from '../checkers/ends.ts'
import { replicasAgree } from '../checkers/replicas.ts'
import { after } from '../checkers/settled.ts'
import { clustersKeepTheirWord } from '../checkers/words.ts'
import { type Drawing, drawn, type Fault } from '../faults/drawn.ts'
import { cut, cutOneWay } from '../faults/network.ts'
import { cutPower, kill, oneAtATime, pause } from '../faults/processes.ts'
import type { Faults, Scenario, Topology } from '../scenario.ts'
import { BROKERS, CLUSTER, REPLICATED, threeBrokers } from '../topologies/three-brokers.ts'
import { ends } from '../workloads/ends.ts'
import { groupReader } from '../workloads/group-reader.ts'
import { transfers } from '../workloads/transfers.ts'
import { writer } from '../workloads/writer.ts'
import type { World } from '../world.ts'

const GROUP = 'billing'
/** Until leaders are elected again, and every transaction that was left open has been aborted for its age. */
const SETTLED_MS = 60_000

const pairs = [
  [BROKERS[0], BROKERS[1]],
  [BROKERS[0], BROKERS[2]],
  [BROKERS[1], BROKERS[2]],
] as const

const each = (what: string, fault: (broker: string) => Fault) =>
  Object.fromEntries(BROKERS.map((broker) => [`${what} ${broker}`, fault(broker)]))

const between = (what: string, fault: (one: string, other: string) => Fault) =>
  Object.fromEntries(pairs.map(([one, other]) => [`${what} ${one} and ${other}`, fault(one, other)]))

/** A majority lives on. */
const alone = (fault: Fault): Fault => oneAtATime(BROKERS, fault)

const often: Drawing = { every: [500, 3_000], lasting: [200, 6_000] }

function drill(
  name: string,
  shows: string,
  faults: Faults,
  config: Readonly<Record<string, unknown>> = {},
  mustBite: readonly string[] = [],
): Scenario {
  return {
    name,
    shows,
    seconds: 15,
    topology: threeBrokers(config),
    workloads: [
      writer({ to: CLUSTER, topics: ['orders'], every: [5, 60] }),
      transfers({ to: CLUSTER, topic: 'ledger', producers: 1, datacenter: 'virginia', rest: 200 }),
      groupReader({ group: GROUP, from: CLUSTER, topics: Object.keys(REPLICATED) }),
      ends({ of: CLUSTER }),
    ],
    faults,
    checkers: [after(SETTLED_MS), endsNeverGoBack, replicasAgree, clustersKeepTheirWord],
    mustBite,
  }
}

const BLACKOUT = 'all lost their power'

/** All brokers lose their power at once, again and again. */
const blackouts: Faults = async (world, seconds) => {
  for (let left = 3; left > 0; left--) {
    await world.pass((seconds / 3) * 1000 + world.random.between(0, 1_000))
    for (const broker of BROKERS) world.program(broker).machine.cutPower()
    world.bit(BLACKOUT)
    await world.pass(world.random.between(100, 2_000))
    for (const broker of BROKERS) {
      world.program(broker).start()
      await world.pass(world.random.between(0, 500))
    }
    await world.pass(8_000)
  }
}

const IN_A_ROW = 'leaders died in a row'

/** Whoever leads the first partition dies as soon as it leads, and comes back after the next has begun. */
const leadersInARow: (tails: 'unequal' | 'as they are') => Faults = (tails) => async (world, seconds) => {
  const cluster = world.cluster(CLUSTER)
  for (const end = world.simulation.now + seconds * 1000; world.simulation.now < end; ) {
    await world.pass(world.random.between(100, 1_500))
    const leader = await leading(world)
    if (!leader || !BROKERS.every((broker) => world.program(broker).machine.isUp)) continue
    if (tails === 'unequal') {
      // By what it has and the others do not.
      const one = cluster.brokers.find((broker) => broker !== leader)!
      world.simulation.network.cut(one.machine.name, leader.machine.name)
      await world.pass(world.random.between(0, 300))
    }
    leader.machine.kill()
    world.bit(IN_A_ROW)
    world.simulation.network.heal()
    await world.pass(world.random.between(10, 3_000))
    leader.start()
  }
}

/** So far from one another that followers hear late of what is committed. */
const APART_MS = 40

const threeApart: Topology = async (world) => {
  await threeBrokers()(world)
  const { network } = world.simulation
  for (const [one, other] of pairs)
    for (const path of [network.path(one, other), network.path(other, one)]) path.latencyMs = APART_MS
}

async function leading(world: World) {
  const cluster = world.cluster(CLUSTER)
  await world.outcome(cluster.operator.refresh().catch(() => {}))
  return cluster.leaderOf('orders', 0)
}

export const replicationDrills: readonly Scenario[] = [
  drill(
    'B06',
    'three brokers that sync what they acknowledge keep it when all lose their power at once',
    blackouts,
    { 'log.flush.interval.messages': 1 },
    [BLACKOUT],
  ),
  drill(
    'B08',
    'what was acknowledged by all in-sync replicas is never lost, whoever is killed, slow or bounced',
    drawn({ ...each('kill', (broker) => alone(kill(broker))), ...each('pause', pause) }, often),
  ),
  drill(
    'B09',
    'quick successive leaders with unequal tails cut back to what they share',
    leadersInARow('unequal'),
    {},
    [IN_A_ROW],
  ),
  drill(
    'B14',
    'groups, transactions and ends go on through the deaths of whoever coordinates and leads',
    drawn(
      each('kill', (broker) => alone(kill(broker))),
      { every: [3_000, 6_000], lasting: [500, 3_000] },
    ),
  ),
  {
    name: 'B15',
    shows:
      'where a log begins and ends, as many are told it, never goes back and can be read, whoever leads and writes',
    seconds: 15,
    topology: threeApart,
    workloads: [
      writer({ to: CLUSTER, topics: ['orders'], every: [1, 30] }),
      transfers({ to: CLUSTER, topic: 'ledger', producers: 1, datacenter: 'virginia', rest: 100 }),
      ends({ of: CLUSTER, askers: 3, every: 40 }),
    ],
    faults: leadersInARow('as they are'),
    checkers: [after(SETTLED_MS), endsNeverGoBack, replicasAgree, clustersKeepTheirWord],
    mustBite: [IN_A_ROW],
  },
  drill(
    'B18',
    'kills, pauses, lost power and every kind of cut together lose, double and reorder nothing',
    drawn(
      {
        ...each('kill', (broker) => alone(kill(broker))),
        ...each('cut the power of', (broker) => alone(cutPower(broker))),
        ...each('pause', pause),
        ...between('cut', cut),
        ...between('cut one way', cutOneWay),
      },
      often,
    ),
    { 'log.flush.interval.messages': 1 },
  ),
]
