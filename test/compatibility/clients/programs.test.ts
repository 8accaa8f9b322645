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
import { caseOf } from '../programs/client-cases.ts'
import { type ClientProgram, RunningProgram } from '../programs/client-program.ts'
import { confluentKafka } from '../programs/confluent-kafka.ts'
import { franzGo, sarama } from '../programs/go.ts'
import { java } from '../programs/java.ts'

const caseMs = 90_000
const startMs = 120_000

const programs = await Promise.all(
  [java, franzGo, sarama, confluentKafka].map(async (program) => ({ program, how: await program.prepare() })),
)

/** A JVM for three brokers, too, is for those who ask for it: what differs there is asked of each client in its own way. */
const withThreeBrokers = wantsThreeBrokers ? programs : programs.filter(({ program }) => program !== java)

describe.each([embedded, threeBrokers, apache])('clients of other languages on $name', (ground) => {
  let cluster: RunningGround | undefined
  const running = new Map<ClientProgram, RunningProgram>()

  beforeAll(async () => {
    if (ground.reason !== undefined) return
    cluster = await ground.start(quick(ground), { secure: true })
    const starts = (ground === threeBrokers ? withThreeBrokers : programs).map(async ({ program, how }) => {
      if (how.reason === undefined) running.set(program, await RunningProgram.start(program, how, cluster!))
    })
    await Promise.all(starts)
  }, startMs)

  afterAll(async () => {
    await Promise.all([...running.values()].map((program) => program.stop()))
    await cluster?.stop()
  })

  for (const { program, how } of ground === threeBrokers ? withThreeBrokers : programs) {
    const reason = how.reason ?? ground.reason
    describe.skipIf(reason)(title(`${program.name} on ${ground.name}`, reason), () => {
      it('has the cases that are listed for it', () => {
        expect([...running.get(program)!.cases].sort()).toEqual([...program.cases].sort())
      })

      for (const name of program.cases) {
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
