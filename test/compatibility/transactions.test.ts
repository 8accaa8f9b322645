// The same raw requests to our transaction coordinator and to Apache Kafka's, and the same answers.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Connection } from '../../src/client/connection.ts'
import { nodePlatform } from '../../src/platform/node-platform.ts'
import { listOffsets } from '../../src/protocol/messages/list-offsets.ts'
import { eventually } from './gathering.ts'
import { grounds, type RunningGround, title } from './ground.ts'
import { transactionCases } from './transaction-cases.ts'

const config = { 'transaction.abort.timed.out.transaction.cleanup.interval.ms': 200 }

/** Kafka knows a topic before it leads its partitions. */
async function untilLed(connection: Connection, topic: string): Promise<void> {
  await eventually(async () => {
    const partitions = [0, 1].map((partitionIndex) => ({ partitionIndex, timestamp: -1 }))
    const { topics } = await connection.send(listOffsets, { replicaId: -1, topics: [{ name: topic, partitions }] })
    if (topics[0]!.partitions.some(({ errorCode }) => errorCode !== 0)) throw new Error(`${topic} is not led yet`)
  })
}

describe.each(grounds)('$name', (ground) => {
  describe.skipIf(ground.reason !== undefined)(title('coordinates transactions', ground.reason), () => {
    let running: RunningGround
    let connection: Connection

    beforeAll(async () => {
      running = await ground.start(config)
      const [host, port] = running.bootstrap.split(':')
      const platform = nodePlatform({ log: { level: 'error' } })
      connection = await Connection.open(platform, { host: host!, port: Number(port), clientId: 'test' })
    }, 120_000)

    afterAll(async () => {
      connection?.close()
      await running?.stop()
    })

    it.each(transactionCases.map((one, index) => [one.name, { ...one, index }] as const))(
      '%s',
      async (_, { run, told, index }) => {
        const topic = `topic-${index}`
        await running.createTopic(topic, 2)
        await untilLed(connection, topic)
        const lines: string[] = []
        await run({ connection, topic, prefix: `case-${index}`, tell: (line) => lines.push(line) })
        expect(lines).toEqual(told)
      },
      60_000,
    )
  })
})
