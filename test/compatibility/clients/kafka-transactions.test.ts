// Kafka's tool for transactions: what runs, who holds a partition, and how a transaction that nobody will end is found and aborted.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Connection } from '../../../src/client/connection.ts'
import { nodePlatform } from '../../../src/platform/node-platform.ts'
import { TransactionalProducer } from '../../broker/transactional-producer.ts'
import { runKafkaTool, unavailable } from '../../support/apache-kafka.ts'
import { eventually } from '../gathering.ts'
import { grounds, type RunningGround, title } from '../ground.ts'

// A JVM starts for every line that a person would type, so a case takes seconds.
const caseMs = 90_000

describe.each(grounds)('kafka-transactions', (ground) => {
  const reason = unavailable() ?? ground.reason
  describe.skipIf(reason)(title(`kafka-transactions on ${ground.name}`, reason), { timeout: caseMs }, () => {
    let cluster: RunningGround
    let connection: Connection

    beforeAll(async () => {
      // Only without its verification does a broker take what will hang.
      cluster = await ground.start({ 'transaction.partition.verification.enable': 'false' })
      const [host, port] = cluster.bootstrap.split(':')
      const platform = nodePlatform({ log: { level: 'error' } })
      connection = await Connection.open(platform, { host: host!, port: Number(port), clientId: 'test' })
    }, 120_000)

    afterAll(async () => {
      connection?.close()
      await cluster?.stop()
    })

    /** The rows that the tool prints, without their heading, as words. */
    async function rows(...args: string[]): Promise<string[][]> {
      const all = ['--bootstrap-server', cluster.bootstrap, ...args]
      const { code, stdout, stderr } = await runKafkaTool('kafka-transactions', all, { input: '', timeoutMs: 40_000 })
      if (code !== 0) throw new Error(`kafka-transactions ${args.join(' ')} ended with ${code}: ${stdout}${stderr}`)
      const lines = stdout.split('\n').filter((line) => line !== '')
      return lines.slice(1).map((line) =>
        line
          .trim()
          .split(/\t|\s{2,}/)
          .map((word) => word.trim()),
      )
    }

    it('lists and describes transactions, and says who writes to a partition', async () => {
      await cluster.createTopic('open', 1)
      const producer = await TransactionalProducer.begin(connection, 'orders')
      await eventually(async () => expect((await producer.produce('open', ['a'])).errorCode).toBe(0))
      const producerId = `${producer.producerId}`
      const listed = await rows('list')
      expect(listed).toContainEqual(['orders', '1', producerId, 'Ongoing'])
      const [described] = await rows('describe', '--transactional-id', 'orders')
      // Coordinator, id, producer id, epoch, state, timeout; then times, and the partitions at the end.
      expect(described!.slice(0, 6)).toEqual(['1', 'orders', producerId, '0', 'Ongoing', '60000'])
      expect(described!.at(-1)).toBe('open-0')
      const [writer] = await rows('describe-producers', '--topic', 'open', '--partition', '0')
      // Producer id, epoch, latest coordinator epoch, last sequence, last timestamp, where the transaction began.
      expect([writer![0], writer![1], writer!.at(-1)]).toEqual([producerId, '0', '0'])
      await producer.end(true)
      await eventually(async () => {
        expect(await rows('list')).toContainEqual(['orders', '1', producerId, 'CompleteCommit'])
      })
    })

    it('finds a transaction that hangs, and aborts it', async () => {
      await cluster.createTopic('stuck', 1)
      const producer = await TransactionalProducer.begin(connection, 'lost')
      // Its coordinator never hears of this partition, so nothing will ever end what begins here.
      await eventually(async () => {
        expect((await producer.produce('stuck', ['a'], { version: 11 })).errorCode).toBe(0)
      })
      const hanging = await rows('find-hanging', '--topic', 'stuck')
      // Topic, partition, producer id, epoch, coordinator epoch, start offset, last timestamp, minutes.
      expect(hanging.map((row) => row.slice(0, 3))).toEqual([['stuck', '0', `${producer.producerId}`]])
      await rows('abort', '--topic', 'stuck', '--partition', '0', '--start-offset', '0')
      expect(await rows('find-hanging', '--topic', 'stuck')).toEqual([])
      const [writer] = await rows('describe-producers', '--topic', 'stuck', '--partition', '0')
      expect(writer!.at(-1)).toBe('None')
    })
  })
})
