import type { Flow, Step } from '../../../src/mirror/mirror.ts'
import { copiesAreExact } from '../checkers/copies.ts'
import { after } from '../checkers/settled.ts'
import { clustersKeepTheirWord } from '../checkers/words.ts'
import type { Faults, Scenario, Workload } from '../scenario.ts'
import { FLOW, oneWay } from '../topologies/one-way.ts'
import { asker } from '../workloads/asker.ts'
import { transfers } from '../workloads/transfers.ts'
import { writer } from '../workloads/writer.ts'

/** Steps that every batch takes, those of a partition's start, and those that come once in a topic's life. */
const OFTEN: readonly Step[] = ['fetch-answered', 'batches-accepted', 'produce-sent', 'produce-answered']
const AT_START: readonly Step[] = ['progress-read', 'position-read']
const OF_A_NEW_TOPIC: readonly Step[] = ['topics-created', 'partition-recorded']
/** Only what opens a run of the offset map is planned: always in transactions, else now and then. */
const OF_PLANS: readonly Step[] = ['plan-sent', 'plan-durable']
/** Only where records and progress are committed together. */
const OF_COMMITS: readonly Step[] = ['commit-begun', 'commit-sent', 'committed']
const COMMIT_MS = 200
const PATIENCE_MS = 20_000

interface Death {
  readonly step: Step
  readonly nth: number
}

const nthOf = (steps: readonly Step[], ...nths: number[]): Death[] =>
  steps.flatMap((step) => nths.map((nth) => ({ step, nth })))

const deaths = [...nthOf(OFTEN, 1, 2, 10), ...nthOf(AT_START, 1, 2), ...nthOf(OF_A_NEW_TOPIC, 1)]

const nameOf = ({ step, nth }: Death) => `kill at ${step} ${nth}`

/** One life after the other, each ended at another step, in an order that is drawn. */
const every =
  (all: readonly Death[]): Faults =>
  async (world) => {
    const mirror = world.mirror(FLOW)
    const left = [...all]
    while (left.length > 0) {
      const [death] = left.splice(world.random.below(left.length), 1) as [Death]
      if (OF_A_NEW_TOPIC.includes(death.step) || OF_PLANS.includes(death.step))
        await world.outcome(world.cluster('east').makeTopic(`new-${left.length}`, 1))
      let reached = 0
      let isDead = false
      mirror.reached = (step) => {
        if (isDead || step !== death.step || ++reached !== death.nth) return
        isDead = true
        world.bit(nameOf(death))
        mirror.machine.kill()
      }
      await world.until(() => isDead, PATIENCE_MS, 50)
      mirror.reached = undefined
      if (!isDead) mirror.machine.kill()
      await world.pass(world.random.between(1, 1_500))
      mirror.start()
    }
  }

interface Drill {
  readonly name: string
  readonly shows: string
  readonly deaths: readonly Death[]
  readonly workloads: readonly Workload[]
  readonly settledMs?: number
  readonly flow?: Partial<Flow>
}

function drill({ name, shows, deaths, workloads, settledMs = 0, flow }: Drill): Scenario {
  return {
    name: `D01 ${name}`,
    shows,
    seconds: 60,
    topology: oneWay({
      topics: { orders: 8, events: 1 },
      cluster: { config: CONFIG },
      ...(flow && { mirror: { flow } }),
    }),
    workloads: [...workloads, asker],
    faults: every(deaths),
    checkers: [after(settledMs), clustersKeepTheirWord, copiesAreExact],
    mustBite: deaths.map(nameOf),
  }
}

const CONFIG = { 'transaction.abort.timed.out.transaction.cleanup.interval.ms': 1_000 }
/** Until every transaction that was left open has been aborted for its age. */
const SETTLED_MS = 60_000
const ofPlainAndTransactional = [
  writer({ to: 'east', topics: ['events'] }),
  transfers({ to: 'east', topic: 'orders', producers: 2, datacenter: 'ohio' }),
]

export const d01: readonly Scenario[] = [
  drill({
    name: 'plain',
    shows: 'a mirror that is killed at every step goes on where it was',
    deaths: [...deaths, ...nthOf(OF_PLANS, 1)],
    workloads: [writer({ to: 'east' })],
  }),
  drill({
    name: 'transactions',
    shows: 'a mirror that is killed at every step over transactions goes on where it was',
    deaths: [...deaths, ...nthOf(OF_PLANS, 1, 2)],
    workloads: ofPlainAndTransactional,
    settledMs: SETTLED_MS,
  }),
  drill({
    name: 'delivery in transactions',
    shows: 'a mirror that writes in transactions and is killed at every step shows its readers each record once',
    deaths: [...deaths, ...nthOf(OF_COMMITS, 1, 2, 10)],
    workloads: ofPlainAndTransactional,
    settledMs: SETTLED_MS,
    flow: { transactional: { commitIntervalMs: COMMIT_MS } },
  }),
]
