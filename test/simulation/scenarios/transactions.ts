import { after } from '../checkers/settled.ts'
import { clustersKeepTheirWord } from '../checkers/words.ts'
import { drawn, type Fault } from '../faults/drawn.ts'
import { cut, cutOneWay, hold, reset } from '../faults/network.ts'
import { cutPower, kill, pause } from '../faults/processes.ts'
import type { Scenario } from '../scenario.ts'
import { transfers } from '../workloads/transfers.ts'

const TOPIC = 'ledger'
const PRODUCERS = 3
/** Until every transaction that was left open has been aborted for its age. */
const SETTLED_MS = 60_000
const CONFIG = {
  'transaction.abort.timed.out.transaction.cleanup.interval.ms': 1_000,
  'transaction.state.log.num.partitions': 2,
}

function scenario(name: string, shows: string, config: Readonly<Record<string, unknown>>, end: Fault): Scenario {
  const producers = Array.from({ length: PRODUCERS }, (_, index) => `producer-${index}`)
  const each = (fault: (producer: string) => Fault, what: string) =>
    Object.fromEntries(producers.map((producer) => [`${what} ${producer}`, fault(producer)]))
  return {
    name,
    shows,
    seconds: 60,
    topology: async (world) => {
      const broker = await world.addCluster('broker', 'virginia', { config: { ...CONFIG, ...config } })
      await world.outcome(broker.makeTopic(TOPIC, 4))
    },
    workloads: [transfers({ to: 'broker', topic: TOPIC, producers: PRODUCERS, datacenter: 'oregon' })],
    faults: drawn(
      {
        'end the broker': end,
        'end it again': end,
        ...each(kill, 'kill'),
        ...each((producer) => hold(producer, 'broker'), 'hold up'),
        cut: cut('oregon', 'virginia'),
        'cut one way': cutOneWay('oregon', 'virginia'),
        reset: reset('oregon', 'virginia'),
        ...each(pause, 'pause'),
      },
      { every: [100, 2_500], lasting: [1, 6_000] },
    ),
    checkers: [after(SETTLED_MS), clustersKeepTheirWord],
  }
}

export const transactions = scenario(
  'transactions',
  'transactions are whole or not at all, and none holds its readers for ever, while broker and producers die',
  {},
  kill('broker'),
)

export const power = scenario(
  'power',
  'they outlive the power of a broker that syncs what it acknowledges',
  { 'log.flush.interval.messages': 1 },
  cutPower('broker'),
)

/** Not a promise: it shows that a disk which loses what was not synced is noticed. */
export const powerWithoutSync = scenario(
  'power without sync',
  'a broker that does not sync loses',
  {},
  cutPower('broker'),
)
