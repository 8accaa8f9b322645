import type { DataLossPolicy, Gap } from '../../../src/mirror/gap.ts'
import type { Flow } from '../../../src/mirror/mirror.ts'
import type { PartitionStatus } from '../../../src/mirror/status.ts'
import { checkCopy, checkTranslation } from '../../oracle/copies.ts'
import { type SeenRecord, seenOf } from '../../oracle/seen-record.ts'
import { Findings, type Violation } from '../../oracle/violation.ts'
import { caughtUpBut } from '../checkers/copies.ts'
import { electUncleanly, UNCLEAN, UNCLEAN_CONFIG } from '../faults/unclean-election.ts'
import { reportedGaps } from '../gap-ledger-reader.ts'
import type { Checker, Faults, Scenario } from '../scenario.ts'
import { FLOW, oneWay } from '../topologies/one-way.ts'
import { QUICK } from '../topologies/three-brokers.ts'
import { writer } from '../workloads/writer.ts'
import type { World } from '../world.ts'

const TOPIC = 'orders'
const PARTITIONS = 2
const POLICIES: readonly DataLossPolicy[] = ['stop', 'skip', 'restart']
/** What is mirrored stands twice, all else three times. */
const CONFIG = { ...QUICK, ...UNCLEAN_CONFIG }
const PATIENCE_MS = 60_000
const RECORDS = 15
const LOST = 'copies were lost'

/** By partition: what the target held and held no more when the replica that lacked records was elected. */
const losses = new WeakMap<World, readonly (readonly SeenRecord[])[]>()

/** What the target acknowledged, or committed, is gone from the copy; what comes next may fill its place before anybody looks. */
const wentBack: Faults = async (world) => {
  const [east, west] = [world.cluster('east'), world.cluster('west')]
  const mirror = world.mirror(FLOW)
  const remote = mirror.remoteTopic(TOPIC)
  const written = () => world.history.sendsTo(east.logName(TOPIC, 0)).length
  const more = async (records: number) => {
    const wanted = written() + records
    await world.until(() => written() >= wanted, PATIENCE_MS)
  }
  const copied = async () => {
    await more(RECORDS)
    await world.until(() => mirror.behind().length === 0, PATIENCE_MS)
  }
  await copied()
  let copies: readonly (readonly SeenRecord[])[] = []
  const { endOf, startTheOther } = await electUncleanly(world, {
    cluster: west,
    topic: remote,
    write: copied,
    beforeItDies: (logs) => {
      copies = logs
    },
  })
  losses.set(
    world,
    copies.map((copy, partition) =>
      copy.filter(({ offset }) => offset >= (endOf(partition) ?? Number.POSITIVE_INFINITY)),
    ),
  )
  await more(world.random.pick([1, RECORDS * 2]))
  startTheOther()
  await world.pass(5_000)
}

/** Each partition that lost copies, and no other, has that in the ledger, exactly, and did as it was told. */
const lossIsNamed: Checker = async (world) => {
  const mirror = world.mirror(FLOW)
  const { onDataLoss } = mirror.current.flow
  const isStopped = ({ state, gaps }: PartitionStatus) =>
    onDataLoss === 'stop' && state === 'stopped' && gaps.length > 0
  const violations = await caughtUpBut(world, mirror, isStopped)
  const gaps = await reportedGaps(world, mirror)
  for (let partition = 0; partition < PARTITIONS; partition++) {
    const ofPartition = gaps.filter((gap) => gap.partition === partition)
    violations.push(...(await checkLoss(world, partition, ofPartition)))
  }
  return violations
}

async function checkLoss(world: World, partition: number, gaps: readonly Gap[]): Promise<Violation[]> {
  const mirror = world.mirror(FLOW)
  const { from, to } = mirror
  const { onDataLoss, transactional } = mirror.current.flow
  const remote = mirror.remoteTopic(TOPIC)
  const where = to.logName(remote, partition)
  const source = seenOf((await world.outcome(from.read(TOPIC, partition))).records)
  const original = world.history.truthOf(from.logName(TOPIC, partition), source)
  const copy = seenOf((await world.outcome(to.read(remote, partition))).records)
  const lost = losses.get(world)![partition]!
  const [firstLost, lastLost] = [lost[0], lost.at(-1)].map((one) => original.find(({ id }) => id === one?.id)?.offset)
  const findings = new Findings(where)
  const [gap] = gaps
  if (firstLost !== undefined) world.bit(LOST)
  if (gap?.from !== firstLost || gaps.length > 1) {
    const told = gaps.map((one) => `${one.reason} from ${one.from} to ${one.to}`).join(', ') || 'nothing'
    findings.add(gap ? 'gap-overreported' : 'gap-unreported', `it went back to ${firstLost}, and ${told} is told`)
  }
  if (gap && lastLost !== undefined && gap.to <= lastLost)
    findings.add('gap-unreported', `${lastLost} is lost, and it is told up to ${gap.to}`)
  if (!gap || onDataLoss === 'restart')
    return [...findings.violations(), ...checkCopy({ where, original, copy }), ...translated(gap?.from)]
  const owedTo = onDataLoss === 'stop' ? gap.from : undefined
  const violations = [...findings.violations(), ...checkCopy({ where, original, copy, gaps: [gap], owedTo })]
  return onDataLoss === 'stop' ? violations : [...violations, ...translated(gap.to)]

  /** In transactions the map begins anew where the copy does. */
  function translated(begun: number | undefined): Violation[] {
    return checkTranslation({
      where,
      original: original.filter(({ offset }) => !gap || onDataLoss !== 'skip' || offset < gap.from || offset >= gap.to),
      copy,
      holesTo: transactional && Number.POSITIVE_INFINITY,
      from: transactional ? begun : undefined,
      translate: (upstream) => mirror.current.translate(TOPIC, partition, upstream),
    })
  }
}

function drill(how: string, delivery: Pick<Flow, 'transactional'>): Scenario {
  return {
    name: `D57${how}`,
    shows:
      'a target that elects a replica which lacked copies is seen, and what it lacks is named, for that partition alone',
    seconds: 30,
    topology: (world) =>
      oneWay({
        topics: { [TOPIC]: PARTITIONS },
        target: { brokers: 3, config: CONFIG },
        mirror: { flow: { replicationFactor: 2, onDataLoss: world.random.pick(POLICIES), ...delivery } },
      })(world),
    workloads: [writer({ to: 'east', topics: [TOPIC], every: [50, 300], recordsMax: 5 })],
    faults: wentBack,
    checkers: [lossIsNamed],
    mustBite: [UNCLEAN, LOST],
  }
}

export const d57: readonly Scenario[] = [
  drill('', {}),
  drill(', in transactions', { transactional: { commitIntervalMs: 300 } }),
]
