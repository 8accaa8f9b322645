import { ErrorCode } from '../../../src/protocol/errors.ts'
import { produce } from '../../../src/protocol/messages/produce.ts'
import { buildBatch } from '../../../src/records/batch-builder.ts'
import { contentOf } from '../../oracle/seen-record.ts'
import type { Workload } from '../scenario.ts'

export interface WriterOptions {
  readonly to: string
  /** Absent: those that the cluster has at the moment. */
  readonly topics?: readonly string[]
  /** Between the answer to one batch and the next, in milliseconds. */
  readonly every?: readonly [least: number, most: number]
  readonly recordsMax?: number
  readonly valueBytesMax?: number
  /** How many different ones. 50. */
  readonly keys?: number
}

const COMPRESSIONS = ['none', 'none', 'none', 'none', 'none', 'gzip', 'snappy', 'lz4', 'zstd'] as const
const TIMEOUT_MS = 30_000

/** Batches of all kinds, one after the other; what is not answered is never sent again. */
export function writer(options: WriterOptions): Workload {
  const { to, topics, every = [5, 120], recordsMax = 12, valueBytesMax = 300, keys = 50 } = options
  return (world) => {
    const { random, history } = world
    const cluster = world.cluster(to)
    const name = `writer-${to}`
    const machine = world.simulation.machine(name, { datacenter: cluster.datacenter })
    const platform = machine.boot()
    const client = world.clientOf(platform, to)
    let number = 0

    const draw = () =>
      Array.from({ length: 1 + random.below(recordsMax) }, () => {
        const id = `#${to}.${number++}`
        const record = {
          timestamp: platform.clock.now(),
          key: random.chance(0.1) ? null : Buffer.from(`k${random.below(keys)}`),
          value: Buffer.from(`${id} ${'x'.repeat(random.below(valueBytesMax))}`),
          headers: random.chance(0.1) ? [{ key: 'h', value: Buffer.from(id) }] : [],
        }
        return { ...record, id, content: contentOf(record) }
      })

    const writeOne = async () => {
      const topic = random.pick(topics ?? [...cluster.topics.keys()])
      const partition = random.below(cluster.topics.get(topic) ?? 1)
      const records = draw()
      const batch = buildBatch(records, { compression: random.pick(COMPRESSIONS) })
      if (!client.leaderOf(topic, partition)) await client.refresh()
      const connection = await client.node(client.leaderOf(topic, partition)!.nodeId)
      const attempt = history.invoke(name, cluster.logName(topic, partition), records)
      const { responses } = await connection.send(
        produce,
        {
          acks: -1,
          timeoutMs: TIMEOUT_MS,
          topicData: [{ name: topic, partitionData: [{ index: partition, records: [batch] }] }],
        },
        { version: 12 },
      )
      const { errorCode, baseOffset } = responses[0]!.partitionResponses[0]!
      if (errorCode === ErrorCode.NONE) attempt.ok(baseOffset)
      else await client.refresh()
    }

    const again = () => {
      const next = () => platform.clock.setTimer(random.between(...every), again)
      writeOne().then(next, next)
    }
    again()
    return () => machine.kill()
  }
}
