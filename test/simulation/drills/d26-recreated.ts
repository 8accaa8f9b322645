import type { PartitionStatus } from '../../../src/mirror/status.ts'
import { checkCopy } from '../../oracle/copies.ts'
import { seenOf } from '../../oracle/seen-record.ts'
import { caughtUpBut, checkPartition } from '../checkers/copies.ts'
import { clustersKeepTheirWord } from '../checkers/words.ts'
import { reportedGaps } from '../gap-ledger-reader.ts'
import type { Checker, Faults, Scenario } from '../scenario.ts'
import { FLOW, oneWay } from '../topologies/one-way.ts'
import { writer } from '../workloads/writer.ts'
import type { World } from '../world.ts'

const TOPIC = 'orders'
const PARTITIONS = 2
const BITE = 'the topic was made again'
/** Until nobody writes to it, or reads what was sent before. */
const QUIET_MS = 2_000
/** How many records the new log has when the mirror first sees it, against the old one. */
const LENGTHS = ['shorter', 'equal', 'longer'] as const

/** While the mirror is at work, while it is paused, or while it is down. */
const recreated: Faults = async (world, seconds) => {
  const east = world.cluster('east')
  const mirror = world.mirror(FLOW)
  const { random } = world
  await world.pass(seconds * 500)
  const meanwhile = random.pick(['at work', 'paused', 'down'] as const)
  // Sometimes it has not seen all of the old one.
  if (random.chance(0.3)) world.simulation.network.cut('virginia', 'oregon')
  await world.pass(random.between(0, 1_000))
  east.topics.delete(TOPIC)
  await world.pass(QUIET_MS)
  if (meanwhile === 'paused') mirror.current.pause()
  if (meanwhile === 'down') mirror.machine.kill()
  world.simulation.network.heal()
  const before = world.history.sendsTo(east.logName(TOPIC, 0)).length
  await world.outcome(east.deleteTopic(TOPIC))
  await world.outcome(east.makeTopic(TOPIC, PARTITIONS))
  world.bit(BITE)
  const wanted = before * { shorter: 0.3, equal: 1, longer: 1.5 }[random.pick(LENGTHS)]
  await world.until(() => world.history.sendsTo(east.logName(TOPIC, 0)).length >= wanted, 60_000, 20)
  if (meanwhile === 'paused') mirror.current.resume()
  mirror.start()
  await world.pass(seconds * 500)
}

/** Old and new are never joined in silence: the copy has what it had of the old log, then the new one, or nothing more. */
const neverJoinedInSilence: Checker = async (world) => {
  const mirror = world.mirror(FLOW)
  const violations = await caughtUpBut(
    world,
    mirror,
    ({ state, gaps }: PartitionStatus) => state === 'stopped' && gaps.length > 0,
  )
  const gaps = await reportedGaps(world, mirror)
  for (const { topic, partition } of mirror.owed()) {
    const gap = gaps.find((one) => one.topic === topic && one.partition === partition)
    if (gap) violations.push(...(await world.outcome(checkJoint(world, partition, gap))))
    else if (topic === TOPIC)
      violations.push({
        name: 'gap-unreported',
        where: mirror.name,
        count: 1,
        first: `${topic}-${partition} was made again`,
      })
    else
      violations.push(
        ...(await world.outcome(
          checkPartition(world, mirror, topic, partition, { isDrained: violations.length === 0 }),
        )),
      )
  }
  return violations
}

async function checkJoint(world: World, partition: number, gap: { from: number; action: string }) {
  const { from, to } = world.mirror(FLOW)
  const remote = world.mirror(FLOW).remoteTopic(TOPIC)
  const old = world.history.truthOf(from.logName(TOPIC, partition, 0), [])
  const renewed = seenOf((await from.read(TOPIC, partition)).records)
  return checkCopy({
    where: to.logName(remote, partition),
    original: [...old.filter(({ offset }) => offset < gap.from), ...(gap.action === 'stop' ? [] : renewed)],
    copy: seenOf((await to.read(remote, partition)).records),
  })
}

export const d26: readonly Scenario[] = (['stop', 'restart'] as const).map((onDataLoss) => ({
  name: `D26 ${onDataLoss}`,
  shows: 'a topic that is made again is told from the old one, whatever its length and whoever looked',
  seconds: 20,
  topology: oneWay({ topics: { [TOPIC]: PARTITIONS, events: 1 }, mirror: { flow: { onDataLoss } } }),
  workloads: [writer({ to: 'east' })],
  faults: recreated,
  checkers: [clustersKeepTheirWord, neverJoinedInSilence],
  mustBite: [BITE],
}))
