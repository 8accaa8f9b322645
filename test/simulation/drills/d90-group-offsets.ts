import { LATEST, OffsetLookup } from '../../../src/client/offset-lookup.ts'
import { TopicPartition } from '../../../src/client/topic-partition.ts'
import { checkPositions } from '../../oracle/groups.ts'
import { seenOf } from '../../oracle/seen-record.ts'
import type { Violation } from '../../oracle/violation.ts'
import { copiesAreExact } from '../checkers/copies.ts'
import { after } from '../checkers/settled.ts'
import { clustersKeepTheirWord } from '../checkers/words.ts'
import { drawn } from '../faults/drawn.ts'
import { cut, reset } from '../faults/network.ts'
import { kill, pause } from '../faults/processes.ts'
import type { Checker, Scenario, Workload } from '../scenario.ts'
import { FLOW, MIRROR, oneWay, TOPICS } from '../topologies/one-way.ts'
import { committedBy, groupReader } from '../workloads/group-reader.ts'
import { transfers } from '../workloads/transfers.ts'
import { writer } from '../workloads/writer.ts'
import type { World } from '../world.ts'

/** One reads near the head; the other polls so seldom that it is far behind when all ends. */
const GROUPS = ['billing', 'archive'] as const
const LOOK_MS = 700
/** Until every transaction that was left open has been aborted for its age. */
const SETTLED_MS = 60_000
const CONFIG = { 'transaction.abort.timed.out.transaction.cleanup.interval.ms': 1_000 }
/** Commits are heard at once; and all groups are gone over every ten seconds. */
const SYNCED_MS = 12_000

/** Looks again and again where the groups stand on the target, and then where its logs end. */
const watcher: Workload = (world) => {
  const machine = world.simulation.machine('watcher', { datacenter: 'oregon' })
  const platform = machine.boot()
  const client = world.clientOf(platform, 'west')
  const lookup = new OffsetLookup(platform, client)
  const look = async () => {
    await client.refresh()
    for (const group of GROUPS)
      for (const { topic, partition, offset } of await committedBy(client, group)) {
        const endOffset = await lookup.find(TopicPartition.of(topic, partition), LATEST)
        world.history.stood(group, world.cluster('west').logName(topic, partition), offset, endOffset)
      }
  }
  const again = () => {
    const next = () => platform.clock.setTimer(LOOK_MS, again)
    look().then(next, next)
  }
  again()
  // It looks on until the checks are done.
  return () => {}
}

/** In the end each stands on the target at the very record that it had not read at the source; and on the way never ahead. */
const groupsStandWhereTheyRead: Checker = async (world) => {
  await world.pass(SYNCED_MS)
  const violations: Violation[] = []
  for (const group of GROUPS) violations.push(...(await standsWhereItRead(world, group)))
  return violations
}

async function standsWhereItRead(world: World, group: string): Promise<Violation[]> {
  const mirror = world.mirror(FLOW)
  const violations: Violation[] = []
  const committed = await world.outcome(committedBy(mirror.from.operator, group))
  for (const { topic, partition, offset } of committed) {
    const remote = mirror.remoteTopic(topic)
    const original = seenOf((await world.outcome(mirror.from.read(topic, partition))).records)
    const copy = seenOf((await world.outcome(mirror.to.read(remote, partition))).records)
    const next = original.findIndex((record) => record.offset >= offset)
    const truth = next < 0 ? (copy.at(-1)?.offset ?? -1) + 1 : copy[next]!.offset
    const log = mirror.to.logName(remote, partition)
    const looks = world.history.positions.filter((one) => one.group === group && one.log === log)
    violations.push(...checkPositions({ group, log, looks, truth }))
  }
  if (committed.length === 0)
    violations.push({ name: 'unseen', where: group, count: 1, first: 'it has committed nothing at the source' })
  return violations
}

export const d90: Scenario = {
  name: 'D90',
  shows:
    'groups stand on the target exactly where they read at the source, never ahead, never past the end, and never go back',
  seconds: 40,
  topology: oneWay({
    topics: { ...TOPICS, ledger: 2 },
    cluster: { config: CONFIG },
    mirror: { groups: (group) => GROUPS.some((one) => one === group) },
  }),
  workloads: [
    writer({ to: 'east', topics: Object.keys(TOPICS), every: [20, 200] }),
    transfers({ to: 'east', topic: 'ledger', producers: 1, datacenter: 'ohio' }),
    groupReader({ group: 'billing', from: 'east', topics: [...Object.keys(TOPICS), 'ledger'] }),
    groupReader({ ...{ group: 'archive', name: 'archive' }, from: 'east', topics: ['ledger'], every: [2_000, 5_000] }),
    watcher,
  ],
  faults: drawn(
    {
      'kill the mirror': kill(MIRROR),
      'pause the mirror': pause(MIRROR),
      'kill the target': kill('west'),
      'kill the source': kill('east'),
      'kill the reader': kill('reader-east'),
      cut: cut('virginia', 'oregon'),
      reset: reset('virginia', 'oregon'),
    },
    { every: [500, 4_000], lasting: [100, 5_000] },
  ),
  checkers: [after(SETTLED_MS), clustersKeepTheirWord, copiesAreExact, groupsStandWhereTheyRead],
}
