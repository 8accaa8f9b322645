import { ErrorCode, errorOf } from '../../../src/protocol/errors.ts'
import { produce } from '../../../src/protocol/messages/produce.ts'
import { buildBatch } from '../../../src/records/batch-builder.ts'
import { type RecordBatch, splitBatches } from '../../../src/records/record-batch.ts'
import { checkCopy } from '../../oracle/copies.ts'
import { contentOf as contentOfRecord, type SeenRecord, seenOf } from '../../oracle/seen-record.ts'
import { Findings, type Violation } from '../../oracle/violation.ts'
import { after } from '../checkers/settled.ts'
import { clustersKeepTheirWord } from '../checkers/words.ts'
import { drawn } from '../faults/drawn.ts'
import { kill } from '../faults/processes.ts'
import type { Checker, Scenario } from '../scenario.ts'
import type { SimBroker } from '../sim-broker.ts'
import { writer } from '../workloads/writer.ts'
import type { World } from '../world.ts'

const BROKER = 'broker'
const TOPIC = 'orders'
const TORN = 'the last batch was cut off'
const GARBLED = 'the last batch was garbled'
/** Within a batch: the base offset, and the leader epoch, which no CRC covers. */
const isCovered = (at: number) => (at >= 8 && at < 12) || at >= 16
const GARBLED_TIMES = 16
/** Every so often what the first opening left is opened again. */
const AGAIN_EVERY = 16

/**
 * Takes the disk out of a broker that was killed, and puts it back with the last batch of a log cut off at every byte, and with bytes of it
 * garbled: as a write that was under way when the power failed. Whatever of it is left, the log ends before that batch.
 */
const tornAnywhere: Checker = async (world) => {
  const cluster = world.cluster(BROKER)
  const [broker] = cluster.brokers as [SimBroker]
  const { directory, segments } = broker.broker!.partitions.get(TOPIC, 0)!.log
  const path = `${directory}/${String(segments.at(-1)!.baseOffset).padStart(20, '0')}.log`
  const before = await contentOf(world)
  broker.machine.kill()
  const whole = broker.machine.takeImage()
  const bytes = whole.read(path)
  const last = splitBatches(bytes).batches.at(-1)!
  const start = bytes.length - last.sizeInBytes
  const left = before.slice(
    0,
    before.findIndex(({ offset }) => offset >= last.baseOffset),
  )
  const violations: Violation[] = []
  let opened = 0
  const open = async (content: Buffer) => {
    const image = broker.machine.takeImage()
    image.replace(path, content)
    broker.machine.putBack(image)
    violations.push(...(await opening(world, broker, left, ++opened % AGAIN_EVERY === 0 ? path : undefined)))
    broker.machine.putBack(whole)
  }
  for (let length = start; length < bytes.length; length++) await open(bytes.subarray(0, length))
  world.bit(TORN, last.sizeInBytes)
  for (const at of drawnOf(world, last)) {
    const garbled = Buffer.from(bytes)
    garbled[start + at]! ^= 1 + world.random.below(255)
    await open(garbled)
    world.bit(GARBLED)
  }
  await world.outcome(broker.begin())
  return violations
}

function drawnOf({ random }: World, { sizeInBytes }: RecordBatch): number[] {
  const places = Array.from({ length: sizeInBytes }, (_, at) => at).filter(isCovered)
  return Array.from({ length: GARBLED_TIMES }, () => random.pick(places))
}

async function contentOf(world: World): Promise<SeenRecord[]> {
  return seenOf((await world.outcome(world.cluster(BROKER).read(TOPIC, 0))).records)
}

/** What the broker finds on its disk now, whether it goes on from there, and, where asked for, whether another opening changes the file. */
async function opening(
  world: World,
  broker: SimBroker,
  left: readonly SeenRecord[],
  path: string | undefined,
): Promise<Violation[]> {
  const where = world.cluster(BROKER).logName(TOPIC, 0)
  const findings = new Findings(where)
  await world.outcome(broker.begin())
  if (path !== undefined) {
    broker.machine.kill()
    const once = broker.machine.takeImage().read(path)
    await world.outcome(broker.begin())
    if (!once.equals(broker.machine.takeImage().read(path))) findings.add('mutated', 'its file, by another opening')
  }
  try {
    const copy = await contentOf(world)
    const next = await appended(world)
    const then = await contentOf(world)
    broker.machine.kill()
    return [
      ...findings.violations(),
      ...checkCopy({ where, original: left, copy }),
      ...checkCopy({ where, original: [...left, next], copy: then }),
    ]
  } catch (error) {
    if (broker.machine.isUp) broker.machine.kill()
    findings.add('unreadable', (error as Error).message)
  }
  return findings.violations()
}

async function appended(world: World): Promise<SeenRecord> {
  const { operator } = world.cluster(BROKER)
  const record = { timestamp: 1, key: null, value: Buffer.from('#next'), headers: [] }
  const topicData = [{ name: TOPIC, partitionData: [{ index: 0, records: [buildBatch([record])] }] }]
  const connection = await world.outcome(operator.anyNode())
  const { responses } = await world.outcome(
    connection.send(produce, { acks: -1, timeoutMs: 1_000, topicData }, { version: 12 }),
  )
  const { errorCode, baseOffset } = responses[0]!.partitionResponses[0]!
  if (errorCode !== ErrorCode.NONE) throw new Error(errorOf(errorCode).name)
  return { offset: baseOffset, id: '#next', content: contentOfRecord(record) }
}

export const b01: Scenario = {
  name: 'B01',
  shows:
    'a log whose last batch is torn or garbled, at whichever byte, ends with the batch before it, and goes on there',
  seconds: 8,
  topology: async (world) => {
    const cluster = await world.addCluster(BROKER, 'virginia')
    await world.outcome(cluster.makeTopic(TOPIC, 1))
  },
  workloads: [writer({ to: BROKER, topics: [TOPIC], every: [20, 200], recordsMax: 2, valueBytesMax: 10 })],
  faults: drawn({ kill: kill(BROKER) }, { every: [500, 4_000], lasting: [50, 500] }),
  checkers: [after(1_000), tornAnywhere, clustersKeepTheirWord],
  mustBite: [TORN, GARBLED],
}
