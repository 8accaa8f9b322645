import { checkCopy } from '../../oracle/copies.ts'
import { checkGroup } from '../../oracle/groups.ts'
import { type SeenRecord, seenOf } from '../../oracle/seen-record.ts'
import { Findings, type Violation } from '../../oracle/violation.ts'
import type { Checker, Faults, Scenario } from '../scenario.ts'
import { FLOW, oneWay, TOPICS } from '../topologies/one-way.ts'
import { GroupReader, groupReader } from '../workloads/group-reader.ts'
import { writer } from '../workloads/writer.ts'

const GROUP = 'billing'
const LOST = 'the source was lost'
/** What was read longer ago than this has been committed, translated and written to the target by the time of the loss. */
const STALE_MS = 8_000
const FAILED_OVER = 'reader-west'

/** At full load the source dies with the link to it; the group goes on at the target. */
const sourceLost: Faults = async (world, seconds) => {
  const { simulation, figures } = world
  await world.pass(seconds * 1000 + world.random.between(0, 3_000))
  world.program('east').machine.kill()
  simulation.network.cut('virginia', 'oregon')
  world.program('reader-east').machine.kill()
  world.bit(LOST)
  figures.set('lost at', simulation.now)
  // What is under way is written, then the mirror is told to leave the target alone.
  await world.pass(world.random.between(0, 5_000))
  world.mirror(FLOW).machine.kill()
  const topics = Object.keys(TOPICS).map((topic) => world.mirror(FLOW).remoteTopic(topic))
  const reader = new GroupReader(world, { group: GROUP, from: 'west', topics, every: [20, 100] })
  world.programs.set(FAILED_OVER, reader)
  reader.start()
  const first = await world.until(() => world.history.polls.some(({ log }) => log.startsWith('west/')), 60_000, 10)
  if (first) figures.set('ms to the first record at the target', simulation.now - figures.get('lost at')!)
  await world.pass(20_000)
  reader.machine.kill()
}

/** The target has a beginning of each log of the source, whole; the group got all of it, and little of it twice. */
const nothingButTheTail: Checker = async (world) => {
  const mirror = world.mirror(FLOW)
  const violations: Violation[] = []
  const owed: SeenRecord[] = []
  let unmirrored = 0
  // Only to ask it what it had.
  world.program('east').start()
  await world.pass(5_000)
  for (const { topic, partition } of mirror.owed()) {
    const where = mirror.to.logName(mirror.remoteTopic(topic), partition)
    const log = mirror.from.logName(topic, partition)
    const original = world.history.truthOf(
      log,
      seenOf((await world.outcome(mirror.from.read(topic, partition))).records),
    )
    const copy = seenOf((await world.outcome(mirror.to.read(mirror.remoteTopic(topic), partition))).records)
    owed.push(...copy)
    const owedTo = original[copy.length]?.offset
    unmirrored += original.length - copy.length
    violations.push(...checkCopy({ where, original, copy, owedTo }))
  }
  world.figures.set('records not mirrored in time', unmirrored)
  const { polls } = world.history
  const lostAt = world.figures.get('lost at')!
  const there = new Set(owed.map(({ id }) => id))
  const handed = polls.map(({ record }) => record).filter(({ id }) => there.has(id))
  const redeliveredMax = polls.filter(({ log, atMs }) => log.startsWith('east/') && atMs > lostAt - STALE_MS).length
  violations.push(...checkGroup({ group: GROUP, handed, owed, redeliveredMax }))
  const findings = new Findings(GROUP)
  if (!polls.some(({ log }) => log.startsWith('west/'))) findings.add('unseen', 'it read nothing on the target')
  return [...violations, ...findings.violations()]
}

export const d99: Scenario = {
  name: 'D99',
  shows:
    'when the source is lost at full load, the target has the beginning of each log, and a group goes on there without a hole',
  seconds: 15,
  topology: oneWay({ mirror: { groups: (group) => group === GROUP } }),
  workloads: [
    writer({ to: 'east', topics: Object.keys(TOPICS) }),
    groupReader({ group: GROUP, from: 'east', topics: Object.keys(TOPICS) }),
  ],
  faults: sourceLost,
  checkers: [nothingButTheTail],
  mustBite: [LOST],
}
