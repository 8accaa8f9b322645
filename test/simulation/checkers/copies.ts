import type { PartitionStatus } from '../../../src/mirror/status.ts'
import { type Copy, checkAnswers, checkCopy, checkTranslation } from '../../oracle/copies.ts'
import { seenOf } from '../../oracle/seen-record.ts'
import { Findings, type Violation } from '../../oracle/violation.ts'
import type { Checker } from '../scenario.ts'
import type { SimMirror } from '../sim-mirror.ts'
import type { World } from '../world.ts'

const CAUGHT_UP_MS = 300_000
/** The last look at the source's end may be older than the last record. */
const LOOKED_MS = 20_000

/** All that the sources hold is on their targets, once, in order and unchanged, and every offset is translated exactly. */
export const copiesAreExact: Checker = async (world) => {
  const violations: Violation[] = []
  for (const mirror of world.mirrors.values()) violations.push(...(await checkMirror(world, mirror)))
  return violations
}

async function checkMirror(world: World, mirror: SimMirror): Promise<Violation[]> {
  const late = await caughtUpBut(world, mirror)
  const violations = [...late]
  const isDrained = late.length === 0
  for (const { topic, partition } of mirror.owed())
    violations.push(...(await world.outcome(checkPartition(world, mirror, topic, partition, { isDrained }))))
  return violations
}

/** Waits until nothing but what is excused is behind; tells what is when that does not come to pass. */
export async function caughtUpBut(
  world: World,
  mirror: SimMirror,
  isExcused?: (status: PartitionStatus) => boolean,
): Promise<Violation[]> {
  await world.pass(LOOKED_MS)
  const findings = new Findings(mirror.name)
  if (!(await world.until(() => mirror.behind(isExcused).length === 0, CAUGHT_UP_MS)))
    for (const behind of mirror.behind(isExcused)) findings.add('unseen', behind)
  return findings.violations()
}

/** One partition and its copy, read as they are. */
export async function checkPartition(
  world: World,
  mirror: SimMirror,
  topic: string,
  partition: number,
  options: Partial<Copy>,
): Promise<Violation[]> {
  const { from, to } = mirror
  const remote = mirror.remoteTopic(topic)
  const [log, where] = [from.logName(topic, partition), to.logName(remote, partition)]
  const source = await from.read(topic, partition)
  const original = world.history.truthOf(log, seenOf(source.records))
  const target = await to.read(remote, partition)
  const copy = seenOf(target.records)
  const holesTo = mirror.current.flow.transactional && target.highWatermark
  const violations = checkCopy({ where, original, copy, sourceStart: source.startOffset, ...options })
  if (violations.length > 0) return violations
  const answers = world.history.translations.filter((one) => one.from === log && one.to === where)
  return [
    ...checkAnswers(where, { original, copy, holesTo }, answers),
    ...checkTranslation({
      where,
      original,
      copy,
      holesTo,
      translate: (upstream) => mirror.current.translate(topic, partition, upstream),
      reverse: (downstream) => mirror.current.translate(remote, partition, downstream, { reverse: true }),
    }),
  ]
}
