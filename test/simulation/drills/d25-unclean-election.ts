import type { PartitionStatus } from '../../../src/mirror/status.ts'
import { checkCopy } from '../../oracle/copies.ts'
import { type SeenRecord, seenOf } from '../../oracle/seen-record.ts'
import { Findings } from '../../oracle/violation.ts'
import { caughtUpBut } from '../checkers/copies.ts'
import { electUncleanly, UNCLEAN, UNCLEAN_CONFIG } from '../faults/unclean-election.ts'
import { reportedGaps } from '../gap-ledger-reader.ts'
import type { Checker, Faults, Scenario } from '../scenario.ts'
import { FLOW, oneWay } from '../topologies/one-way.ts'
import { QUICK } from '../topologies/three-brokers.ts'
import { writer } from '../workloads/writer.ts'
import type { World } from '../world.ts'

const TOPIC = 'orders'
const CONFIG = { ...QUICK, 'default.replication.factor': 2, ...UNCLEAN_CONFIG }
const PATIENCE_MS = 60_000
const RECORDS = 60

/** What the source held when its only in-sync replica died. */
const lostLogs = new WeakMap<World, readonly SeenRecord[]>()

/** What the mirror has copied is lost. Then more is written than was lost, so that the ends of the logs alone would tell nothing. */
const unclean: Faults = async (world) => {
  const east = world.cluster('east')
  const mirror = world.mirror(FLOW)
  const written = () => world.history.sendsTo(east.logName(TOPIC, 0)).length
  const more = async (records: number) => {
    const wanted = written() + records
    await world.until(() => written() >= wanted, PATIENCE_MS)
  }
  await more(RECORDS)
  const { startTheOther } = await electUncleanly(world, {
    cluster: east,
    topic: TOPIC,
    write: async () => {
      await more(RECORDS)
      await world.until(() => mirror.behind().length === 0, PATIENCE_MS)
    },
    beforeItDies: ([log]) => void lostLogs.set(world, log!),
  })
  await more(world.random.pick([RECORDS / 4, RECORDS * 3]))
  startTheOther()
  await world.pass(10_000)
}

/** The place where the histories part is named; what came after it there is on the target once, or not at all. */
const divergenceIsSeen: Checker = async (world) => {
  const mirror = world.mirror(FLOW)
  const isStopped = ({ state, gaps }: PartitionStatus) => state === 'stopped' && gaps.length > 0
  const violations = await caughtUpBut(world, mirror, isStopped)
  const findings = new Findings(mirror.name)
  const [gap] = await reportedGaps(world, mirror)
  const old = lostLogs.get(world)!
  const renewed = seenOf((await world.outcome(mirror.from.read(TOPIC, 0))).records)
  const copy = seenOf((await world.outcome(mirror.to.read(mirror.remoteTopic(TOPIC), 0))).records)
  const parts = renewed.find(({ id }, index) => old[index]?.id !== id)?.offset ?? renewed.length
  if (!gap) findings.add('gap-unreported', `the histories part at ${parts}`)
  else if (gap.from !== parts) findings.add('gap-overreported', `they part at ${parts}, and ${gap.from} is reported`)
  const goesOn = gap?.action === 'skip'
  // What was copied of the old history stays; of the new one follows what lies behind the place where they part.
  const mirrored = copy.filter(({ id }) => old.some((record) => record.id === id)).length
  const original = [...old.slice(0, mirrored), ...(goesOn ? renewed.filter(({ offset }) => offset >= parts) : [])]
  const where = mirror.to.logName(mirror.remoteTopic(TOPIC), 0)
  return [...violations, ...findings.violations(), ...checkCopy({ where, original, copy })]
}

export const d25: readonly Scenario[] = (['stop', 'skip'] as const).map((onDataLoss) => ({
  name: `D25 ${onDataLoss}`,
  shows: 'a source that elects a replica which lacked records is seen by its epochs, whatever its end',
  seconds: 30,
  topology: oneWay({
    topics: { [TOPIC]: 1 },
    source: { brokers: 3, config: CONFIG },
    mirror: { flow: { onDataLoss } },
  }),
  workloads: [writer({ to: 'east', topics: [TOPIC], every: [50, 300], recordsMax: 5 })],
  faults: unclean,
  checkers: [divergenceIsSeen],
  mustBite: [UNCLEAN],
}))
