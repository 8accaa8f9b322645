import { after } from '../checkers/settled.ts'
import { clustersKeepTheirWord } from '../checkers/words.ts'
import type { DiskCall } from '../faults/disks.ts'
import { endAnyhow } from '../faults/processes.ts'
import type { Faults, Scenario } from '../scenario.ts'
import type { SimBroker } from '../sim-broker.ts'
import { writer } from '../workloads/writer.ts'

const BROKER = 'broker'
const PATIENCE_MS = 30_000

interface Phase {
  readonly name: string
  /** Before the first such call of the phase, or one of the next, it dies. */
  readonly call: DiskCall
  readonly path: RegExp
}

/** Where a log changes more than one file, in the order of a log's life. It never splits a segment, so that no phase is of that. */
const PHASES: readonly Phase[] = [
  { name: 'a roll makes its segment', call: 'create', path: /orders-0\/\d+\.log$/ },
  { name: 'a roll writes the indexes', call: 'write', path: /orders-0\/\d+\.(index|timeindex)$/ },
  { name: 'a roll writes the producers', call: 'write', path: /\.snapshot$/ },
  { name: 'a compaction makes its file', call: 'create', path: /\.log\.cleaned$/ },
  { name: 'a compaction writes', call: 'write', path: /\.log\.cleaned$/ },
  { name: 'a compaction syncs', call: 'sync', path: /\.cleaned$/ },
  { name: 'a compaction is to be swapped in', call: 'rename', path: /\.cleaned$/ },
  { name: 'what was compacted is removed', call: 'remove', path: /orders-0\/\d+\.\w+$/ },
  { name: 'a compaction takes its place', call: 'rename', path: /\.swap$/ },
  { name: 'retention removes', call: 'remove', path: /events-0\/\d+\.\w+$/ },
  { name: 'checkpoints are written', call: 'replace', path: /checkpoint$/ },
]

/** Kill or loss of power in the middle of each of them, in an order that is drawn. */
const inEveryPhase: Faults = async (world) => {
  const [broker] = world.cluster(BROKER).brokers as [SimBroker]
  const { random } = world
  let armed: { phase: Phase; left: number } | undefined
  broker.disk = {
    before: (call, path) => {
      if (!armed || call !== armed.phase.call || !armed.phase.path.test(path) || --armed.left > 0) return
      world.bit(armed.phase.name)
      armed = undefined
      endAnyhow(world, broker, 0.5)
    },
  }
  broker.machine.kill()
  broker.start()
  const left = [...PHASES]
  while (left.length > 0) {
    await world.pass(random.between(100, 1_000))
    const [phase] = left.splice(random.below(left.length), 1) as [Phase]
    armed = { phase, left: 1 + random.below(4) }
    await world.until(() => !armed, PATIENCE_MS, 50)
    await world.pass(random.between(1, 500))
    broker.start()
  }
  broker.disk = undefined
}

const SMALL = { 'internal.segment.bytes': '2000' }

export const b05: Scenario = {
  name: 'B05',
  shows:
    'a broker that dies in the middle of a roll, a compaction or a removal, in any phase of it, finds one valid log',
  seconds: 30,
  topology: async (world) => {
    const config = {
      'log.flush.interval.messages': 1,
      'log.cleaner.backoff.ms': 300,
      'log.retention.check.interval.ms': 500,
      'log.flush.offset.checkpoint.interval.ms': 1_000,
    }
    const cluster = await world.addCluster(BROKER, 'virginia', { config })
    await world.outcome(
      cluster.makeTopic('orders', 1, { ...SMALL, 'cleanup.policy': 'compact', 'min.cleanable.dirty.ratio': '0.01' }),
    )
    await world.outcome(cluster.makeTopic('events', 1, { ...SMALL, 'retention.bytes': '6000' }))
  },
  workloads: [writer({ to: BROKER, every: [5, 40], recordsMax: 5, valueBytesMax: 60, keys: 300 })],
  faults: inEveryPhase,
  checkers: [after(2_000), clustersKeepTheirWord],
  mustBite: PHASES.map(({ name }) => name),
}
