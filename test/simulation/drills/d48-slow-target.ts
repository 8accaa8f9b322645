import { Findings } from '../../oracle/violation.ts'
import { copiesAreExact } from '../checkers/copies.ts'
import { clustersKeepTheirWord } from '../checkers/words.ts'
import type { Checker, Faults, Scenario } from '../scenario.ts'
import { FLOW, oneWay, TOPICS } from '../topologies/one-way.ts'
import { writer } from '../workloads/writer.ts'

const BUFFER_BYTES = 256 * 1024
const FETCH_BYTES = 64 * 1024
/** An answer may hold one batch more than it should. */
const BATCH_BYTES = 5 * 8_000 + 1_000
const LOOK_MS = 50
const SLOW = 'a write was slow'

/** Every write takes 100 ms, then five seconds. */
const slowWrites: Faults = async (world, seconds) => {
  const west = world.cluster('west')
  const mirror = world.mirror(FLOW)
  await world.pass(2_000)
  for (const delayMs of [100, 5_000]) {
    const fault = west.faults.add({ api: 'Produce', topic: 'east\\..*', delayMs })
    const until = world.simulation.now + seconds * 500
    for (; world.simulation.now < until; await world.pass(LOOK_MS)) mirror.status()
    if (fault.hits > 0) world.bit(SLOW, fault.hits)
    fault.remove()
  }
  world.figures.set('bytes buffered', mirror.bufferedBytesSeen)
}

const staysSmall: Checker = async ({ figures }) => {
  const findings = new Findings(FLOW)
  const buffered = figures.get('bytes buffered')!
  if (buffered > BUFFER_BYTES + BATCH_BYTES)
    findings.add('unbounded', `${buffered} bytes are buffered, and ${BUFFER_BYTES} may be, and a batch`)
  return findings.violations()
}

export const d48: Scenario = {
  name: 'D48',
  shows: 'a slow target slows the fetch, and fills no memory',
  seconds: 30,
  topology: oneWay({
    mirror: {
      limits: {
        bufferBytes: BUFFER_BYTES,
        fetchBytes: FETCH_BYTES,
        fetchPartitionBytes: 32 * 1024,
        queueBytes: 64 * 1024,
      },
    },
  }),
  workloads: [writer({ to: 'east', topics: Object.keys(TOPICS), every: [5, 40], recordsMax: 5, valueBytesMax: 8_000 })],
  faults: slowWrites,
  checkers: [staysSmall, clustersKeepTheirWord, copiesAreExact],
  mustBite: [SLOW],
}
