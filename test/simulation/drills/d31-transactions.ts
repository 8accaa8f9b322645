import { copiesAreExact } from '../checkers/copies.ts'
import { after } from '../checkers/settled.ts'
import { clustersKeepTheirWord } from '../checkers/words.ts'
import { drawn } from '../faults/drawn.ts'
import { hold, reset } from '../faults/network.ts'
import { kill, pause } from '../faults/processes.ts'
import type { Checker, Scenario } from '../scenario.ts'
import { MIRROR, oneWay } from '../topologies/one-way.ts'
import { asker } from '../workloads/asker.ts'
import { transfers } from '../workloads/transfers.ts'
import { writer } from '../workloads/writer.ts'

const SETTLED_MS = 60_000
const CONFIG = { 'transaction.abort.timed.out.transaction.cleanup.interval.ms': 1_000 }

/** A run in which no transaction was aborted, or none left open, shows little. */
const ofAllFates: Checker = async (world) => {
  for (const { fate } of world.history.transactions) world.bit(`transactions ${fate}`)
  return []
}

export const d31: Scenario = {
  name: 'D31',
  shows:
    'of transactions that commit, abort, stay open and overlap, between plain batches, what was committed is mirrored, and only that',
  seconds: 30,
  topology: oneWay({ topics: { ledger: 3 }, cluster: { config: CONFIG } }),
  workloads: [
    transfers({ to: 'east', topic: 'ledger', producers: 3, datacenter: 'ohio' }),
    writer({ to: 'east', topics: ['ledger'], every: [20, 200] }),
    asker,
  ],
  faults: drawn(
    {
      'kill a producer': kill('producer-0'),
      'kill another producer': kill('producer-1'),
      'hold a producer up': hold('producer-1', 'east'),
      'pause a producer': pause('producer-2'),
      'kill the mirror': kill(MIRROR),
      'kill the source': kill('east'),
      reset: reset('virginia', 'oregon'),
    },
    { every: [200, 2_500], lasting: [100, 4_000] },
  ),
  checkers: [after(SETTLED_MS), ofAllFates, clustersKeepTheirWord, copiesAreExact],
  mustBite: ['transactions committed', 'transactions aborted', 'transactions open'],
}
