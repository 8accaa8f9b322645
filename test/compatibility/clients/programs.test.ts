// Clients that are not JavaScript, each a program with the same named cases: Kafka's Java clients, franz-go, sarama and
// confluent-kafka. They share one cluster a ground; their topics and groups carry their names.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  apache,
  embedded,
  type Ground,
  lacking,
  type RunningGround,
  threeBrokers,
  title,
  wantsThreeBrokers,
} from '../ground.ts'
import { type CaseName, caseOf } from '../programs/client-cases.ts'
import { type ClientProgram, RunningProgram } from '../programs/client-program.ts'
import { confluentKafka } from '../programs/confluent-kafka.ts'
import { franzGo, sarama } from '../programs/go.ts'
import { java } from '../programs/java.ts'

const caseMs = 90_000
const startMs = 120_000

const programs = await Promise.all(
  [java, franzGo, sarama, confluentKafka].map(async (program) => ({ program, how: await program.prepare() })),
)

/** Of three brokers one client is asked always, and for that which is spread over them there; the rest is for those who ask for it. */
const spread: readonly CaseName[] = [
  ...(['acks', 'idempotent', 'positions', 'resume', 'cooperative-rebalance'] as const),
  ...(['transactions', 'zombie', 'transform', 'transaction-admin'] as const),
  ...(['topics', 'configs', 'groups', 'delete-records', 'list-offsets', 'cluster'] as const),
]
const isAsked = (ground: Ground, { program }: (typeof programs)[number]) =>
  ground !== threeBrokers || wantsThreeBrokers || program === franzGo
const casesOf = (ground: Ground, { cases }: ClientProgram) =>
  ground !== threeBrokers || wantsThreeBrokers ? cases : cases.filter((name) => spread.includes(name))

describe.each([embedded, threeBrokers, apache])('clients of other languages on $name', (ground) => {
  let cluster: RunningGround | undefined
  const running = new Map<ClientProgram, RunningProgram>()

  beforeAll(async () => {
    if (ground.reason !== undefined) return
    cluster = await ground.start(quick(ground), { secure: true })
    const asked = programs.filter((one) => isAsked(ground, one))
    const starts = asked.map(async ({ program, how }) => {
      if (how.reason === undefined) running.set(program, await RunningProgram.start(program, how, cluster!))
    })
    await Promise.all(starts)
  }, startMs)

  afterAll(async () => {
    await Promise.all([...running.values()].map((program) => program.stop()))
    await cluster?.stop()
  })

  for (const { program, how } of programs.filter((one) => isAsked(ground, one))) {
    const reason = how.reason ?? ground.reason
    describe.skipIf(reason)(title(`${program.name} on ${ground.name}`, reason), () => {
      it('has the cases that are listed for it', () => {
        expect([...running.get(program)!.cases].sort()).toEqual([...program.cases].sort())
      })

      for (const name of casesOf(ground, program)) {
        const { says, needs } = caseOf(name)
        const why = lacking(ground, needs)
        if (why) it.skip(`${says} (skipped: ${why})`)
        else it.concurrent(says, () => running.get(program)!.run(name, caseMs), caseMs + 5000)
      }
    })
  }
})

/** Broker properties under which what waits for time does not wait for long. */
function quick(ground: Ground): Record<string, number> {
  return {
    'group.min.session.timeout.ms': 1000,
    ...(!lacking(ground, 'transactions') && { 'transaction.abort.timed.out.transaction.cleanup.interval.ms': 300 }),
    ...(!lacking(ground, 'consumer-protocol') && {
      'group.consumer.min.session.timeout.ms': 1000,
      'group.consumer.session.timeout.ms': 3000,
      'group.consumer.min.heartbeat.interval.ms': 100,
      'group.consumer.heartbeat.interval.ms': 300,
    }),
  }
}
