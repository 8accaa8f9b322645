import { Findings } from '../../oracle/violation.ts'
import { copiesAreExact } from '../checkers/copies.ts'
import { clustersKeepTheirWord } from '../checkers/words.ts'
import type { Checker, Faults, Scenario } from '../scenario.ts'
import { FLOW, oneWay, TOPICS } from '../topologies/one-way.ts'
import { writer } from '../workloads/writer.ts'

const AWAY = 'the target was away'
const BUFFER_BYTES = 512 * 1024
const LOOK_MS = 5_000
/** A mirror that can do nothing but try the target now and then makes little happen: some thirty events for each trial. */
const EVENTS_PER_MINUTE_MAX = 6_000

/** The target's machine is off, for hours if asked to; the source goes on. */
const away: Faults = async (world, seconds) => {
  const mirror = world.mirror(FLOW)
  const west = world.program('west')
  await world.pass(10_000)
  west.machine.kill()
  const { now, trace } = world.simulation
  const events = trace.events
  for (const end = now + seconds * 1000; world.simulation.now < end; await world.pass(LOOK_MS)) mirror.status()
  world.bit(AWAY, seconds)
  world.figures.set('events per minute', ((world.simulation.trace.events - events) / seconds) * 60)
  world.figures.set('bytes buffered', mirror.bufferedBytesSeen)
  const back = world.simulation.now
  west.start()
  await world.until(() => mirror.behind().length === 0, 600_000)
  world.figures.set('caught up after s', (world.simulation.now - back) / 1000)
}

const isIdleAndSmall: Checker = async ({ figures }) => {
  const findings = new Findings(FLOW)
  const buffered = figures.get('bytes buffered')!
  if (buffered > BUFFER_BYTES) findings.add('unbounded', `${buffered} bytes are buffered, and ${BUFFER_BYTES} may be`)
  const events = figures.get('events per minute')!
  if (events > EVENTS_PER_MINUTE_MAX)
    findings.add('unbounded', `${events.toFixed(0)} events a minute while nothing can be done`)
  return findings.violations()
}

export const d47: Scenario = {
  name: 'D47',
  shows: 'a mirror whose target is away for long stays small and idle, and catches up without a person',
  seconds: 600,
  topology: oneWay({
    mirror: { limits: { bufferBytes: BUFFER_BYTES, fetchBytes: 128 * 1024, fetchPartitionBytes: 64 * 1024 } },
  }),
  workloads: [writer({ to: 'east', topics: Object.keys(TOPICS), every: [500, 2_000] })],
  faults: away,
  checkers: [isIdleAndSmall, clustersKeepTheirWord, copiesAreExact],
  mustBite: [AWAY],
}
