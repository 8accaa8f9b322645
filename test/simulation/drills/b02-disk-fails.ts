import { after } from '../checkers/settled.ts'
import { clustersKeepTheirWord } from '../checkers/words.ts'
import type { DiskCall, DiskFaults } from '../faults/disks.ts'
import { endAnyhow } from '../faults/processes.ts'
import type { Faults, Scenario } from '../scenario.ts'
import type { SimBroker } from '../sim-broker.ts'
import { transfers } from '../workloads/transfers.ts'
import { writer } from '../workloads/writer.ts'
import type { World } from '../world.ts'

const BROKER = 'broker'
const ONCE = 'the disk failed once'
const FROM_THEN_ON = 'the disk failed from then on'
const LIVES_MAX = 12
const SETTLED_MS = 60_000
/** A short write leaves half of its bytes behind. By how often a life of a few seconds does it. */
const CALLS: Readonly<Record<Exclude<DiskCall, 'write'> | 'write' | 'short', number>> = {
  ...{ write: 400, short: 400, sync: 300, read: 20, open: 30, create: 8 },
  ...{ truncate: 5, rename: 3, remove: 4, replace: 10, put: 3 },
}
/** What is written for good is what matters most. */
const KINDS = [...(Object.keys(CALLS) as (keyof typeof CALLS)[]), 'write', 'short', 'sync', 'sync'] as const
const CONFIG = {
  // What it acknowledges is synced, so that a sync that fails must not be followed by an acknowledgement.
  'log.flush.interval.messages': 1,
  'log.cleaner.backoff.ms': 300,
  'log.retention.check.interval.ms': 500,
  'log.flush.offset.checkpoint.interval.ms': 1_000,
  'transaction.abort.timed.out.transaction.cleanup.interval.ms': 1_000,
  'transaction.state.log.num.partitions': 2,
}
const SMALL = { 'internal.segment.bytes': '4000' }

/** In each life another call to the disk fails, the n-th of its kind, alone or with all that follow; then the disk is sound again. */
const everyCallFails: Faults = async (world) => {
  const [broker] = world.cluster(BROKER).brokers as [SimBroker]
  const { random } = world
  const left = [ONCE, FROM_THEN_ON, ONCE, FROM_THEN_ON]
  for (let lives = LIVES_MAX; lives > 0 && left[0] !== undefined; lives--) {
    const [how] = left
    const before = world.bites.get(how)
    broker.disk = failing(world, how)
    if (broker.machine.isUp) broker.machine.kill()
    broker.start()
    await world.pass(random.between(2_000, 4_000))
    broker.disk = undefined
    if (broker.machine.isUp) endAnyhow(world, broker, 0.7)
    await world.pass(random.between(1, 500))
    broker.start()
    await world.pass(random.between(300, 1_000))
    // The call that was to fail may not have come.
    if (world.bites.get(how) !== before) left.shift()
  }
}

function failing(world: World, how: string): DiskFaults {
  const { random } = world
  const kind = random.pick(KINDS)
  const code = random.pick(['EIO', 'ENOSPC'])
  const nth = 1 + Math.floor(random.fraction() ** 2 * CALLS[kind])
  let calls = 0
  return {
    refuses: true,
    before: (call, path, short) => {
      if (call !== (kind === 'short' ? 'write' : kind)) return
      calls++
      if (how === ONCE ? calls !== nth : calls < nth) return
      world.bit(how)
      if (kind === 'short') short((all) => Math.floor(all / 2))
      throw Object.assign(new Error(`${code}: ${call} ${path}`), { code })
    },
  }
}

export const b02: Scenario = {
  name: 'B02',
  shows:
    'whichever call to the disk fails, once or from then on, nothing is acknowledged that cannot be read afterwards',
  seconds: 40,
  topology: async (world) => {
    const cluster = await world.addCluster(BROKER, 'virginia', { config: CONFIG })
    await world.outcome(cluster.makeTopic('orders', 1, { ...SMALL, 'retention.bytes': '12000' }))
    await world.outcome(
      cluster.makeTopic('events', 1, { ...SMALL, 'cleanup.policy': 'compact', 'min.cleanable.dirty.ratio': '0.01' }),
    )
    await world.outcome(cluster.makeTopic('ledger', 2))
  },
  workloads: [
    writer({ to: BROKER, topics: ['orders', 'events'], every: [10, 60], recordsMax: 5 }),
    transfers({ to: BROKER, topic: 'ledger', producers: 1, datacenter: 'virginia', rest: 20 }),
  ],
  faults: everyCallFails,
  checkers: [after(SETTLED_MS), clustersKeepTheirWord],
  mustBite: [ONCE, FROM_THEN_ON],
}
