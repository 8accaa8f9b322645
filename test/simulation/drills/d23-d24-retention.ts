import type { PartitionStatus } from '../../../src/mirror/status.ts'
import { checkCopy, type OffsetRange } from '../../oracle/copies.ts'
import { seenOf } from '../../oracle/seen-record.ts'
import type { Violation } from '../../oracle/violation.ts'
import { caughtUpBut, checkPartition } from '../checkers/copies.ts'
import { clustersKeepTheirWord } from '../checkers/words.ts'
import { reportedGaps } from '../gap-ledger-reader.ts'
import type { Checker, Faults, Scenario } from '../scenario.ts'
import type { SimMirror } from '../sim-mirror.ts'
import { FLOW, oneWay } from '../topologies/one-way.ts'
import { asker } from '../workloads/asker.ts'
import { writer } from '../workloads/writer.ts'
import type { World } from '../world.ts'

type Policy = 'stop' | 'skip' | 'restart'

const LOST = { topic: 'orders', partition: 0 }
const OVERTAKEN = 'retention overtook the mirror'
const AT_WORK = 'records were deleted while they were fetched'
const BEFORE = 'a topic began above 0 before it was ever mirrored'

/** The link is cut; meanwhile the source deletes what the mirror has not seen. */
const overtaken: Faults = async (world, seconds) => {
  const { network } = world.simulation
  const east = world.cluster('east')
  const mirror = world.mirror(FLOW)
  await world.pass(5_000)
  network.cut('virginia', 'oregon')
  await world.pass(seconds * 500)
  const position = mirror.partition(LOST.topic, LOST.partition)!.upstream!
  const { records } = await world.outcome(east.read(LOST.topic, LOST.partition))
  const end = records.at(-1)!.offset + 1
  // Sometimes all that there is.
  const upTo = world.random.chance(0.2) ? end : position + 1 + world.random.below(Math.max(1, end - position))
  await world.outcome(east.deleteRecords(LOST.topic, LOST.partition, upTo))
  if (upTo > position) world.bit(OVERTAKEN)
  network.heal()
  await world.pass(seconds * 500)
}

/** Records go while they are being read; and some of a topic before the mirror, which is down, has ever seen it. */
const underway: Faults = async (world, seconds) => {
  const east = world.cluster('east')
  const mirror = world.mirror(FLOW)
  // What goes before anything of a partition was mirrored is no loss.
  await world.until(() => mirror.behind().length === 0, 30_000)
  mirror.machine.kill()
  await world.outcome(east.makeTopic('old', 1))
  await world.until(() => world.history.sendsTo(east.logName('old', 0)).length > 100, 60_000)
  await world.outcome(east.deleteRecords('old', 0, 50))
  world.bit(BEFORE)
  mirror.start()
  for (const end = world.simulation.now + seconds * 1000; world.simulation.now < end; ) {
    await world.pass(world.random.between(50, 2_000))
    const { startOffset, highWatermark } = await world.outcome(east.read(LOST.topic, LOST.partition))
    if (highWatermark === startOffset) continue
    const upTo = startOffset + 1 + world.random.below(highWatermark - startOffset)
    await world.outcome(east.deleteRecords(LOST.topic, LOST.partition, upTo))
    world.bit(AT_WORK)
  }
}

/** What is missing is said, and no more than that; a partition that lost nothing is as it always is. */
const gapsAreExact: Checker = async (world) => {
  const mirror = world.mirror(FLOW)
  const isStopped = ({ state, gaps }: PartitionStatus) => state === 'stopped' && gaps.length > 0
  const violations = await caughtUpBut(world, mirror, isStopped)
  const gaps = await reportedGaps(world, mirror)
  for (const { topic, partition } of mirror.owed()) {
    const own = gaps.filter((gap) => gap.topic === topic && gap.partition === partition)
    if (own.some(({ action }) => action === 'stop'))
      violations.push(...(await world.outcome(checkStopped(world, mirror, topic, partition, own))))
    else {
      const owedFrom = topic === 'old' ? 50 : 0
      const isDrained = violations.length === 0
      violations.push(
        ...(await world.outcome(checkPartition(world, mirror, topic, partition, { isDrained, gaps: own, owedFrom }))),
      )
    }
  }
  return violations
}

/** Everything before the gap, and nothing behind it. */
async function checkStopped(
  world: World,
  mirror: SimMirror,
  topic: string,
  partition: number,
  gaps: readonly OffsetRange[],
): Promise<Violation[]> {
  const { from, to } = mirror
  const source = await from.read(topic, partition)
  const remote = mirror.remoteTopic(topic)
  return checkCopy({
    where: to.logName(remote, partition),
    original: world.history.truthOf(from.logName(topic, partition), seenOf(source.records)),
    copy: seenOf((await to.read(remote, partition)).records),
    gaps,
    sourceStart: gaps[0]!.to,
    owedTo: gaps[0]!.to,
  })
}

function drill(name: string, shows: string, onDataLoss: Policy, faults: Faults, mustBite: readonly string[]): Scenario {
  return {
    name,
    shows,
    seconds: 20,
    topology: oneWay({ mirror: { flow: { onDataLoss } } }),
    workloads: [writer({ to: 'east' }), asker],
    faults,
    checkers: [clustersKeepTheirWord, gapsAreExact],
    mustBite,
  }
}

export const d23: readonly Scenario[] = (['stop', 'skip', 'restart'] as const).map((policy) =>
  drill(`D23 ${policy}`, 'what retention took unseen is reported exactly', policy, overtaken, [OVERTAKEN]),
)

export const d24 = drill(
  'D24',
  'records that go while they are read are reported where they were missed, and only there',
  'skip',
  underway,
  [AT_WORK, BEFORE],
)
