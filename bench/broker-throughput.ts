// How fast, and at what cost, does a broker take records and give them out? Kafka's own perf tools ask, first to write, then to read.
import { createTopic, producedMbPerSecond, runTool, withBroker } from './rig/broker-run.ts'
import { cpuSeconds, memory } from './rig/process-stats.ts'
import { inTurns, type Question } from './rig/question.ts'
import { report } from './rig/report.ts'

const partitions = 8
const recordBytes = 1024
const records = 1_953_125
const warmShare = 0.25
const topic = 'records'

export const brokerThroughput: Question = {
  name: 'broker-throughput',
  asks: 'a broker on disk takes and gives 1 KiB records in 100 KB batches',
  run: async (options) => {
    const count = Math.round(records * options.scale)
    const rows = await inTurns({ ...options, contestants: options.brokers }, (contestant) =>
      withBroker(contestant, async (broker) => {
        await createTopic(broker, 'warm', partitions)
        await createTopic(broker, topic, partitions)
        const produce = (to: string, howMany: number) =>
          runTool(broker, 'kafka-producer-perf-test', [
            ...['--topic', to, '--num-records', howMany, '--record-size', recordBytes, '--throughput', -1],
            ...['--command-property', 'batch.size=102400', 'linger.ms=100', 'acks=1', 'buffer.memory=67108864'],
          ])
        const consume = (from: string, howMany: number) =>
          runTool(broker, 'kafka-consumer-perf-test', [
            ...['--topic', from, '--num-records', howMany, '--fetch-size', 1_048_576, '--timeout', 60_000],
          ])
        // What is hot is compiled by then, on either side.
        await produce('warm', Math.round(count * warmShare))
        await consume('warm', Math.round(count * warmShare))
        const gigabytes = (count * recordBytes) / 1e9
        const before = cpuSeconds(broker.pid).total
        const produced = producedMbPerSecond(await produce(topic, count))
        const between = cpuSeconds(broker.pid).total
        const consumed = consumedMbPerSecond(await consume(topic, count))
        const after = cpuSeconds(broker.pid).total
        return {
          'produce MB/s': produced,
          'produce CPU s/GB': (between - before) / gigabytes,
          'consume MB/s': consumed,
          'consume CPU s/GB': (after - between) / gigabytes,
          'peak MB': memory(broker.pid).peakRssMb,
        }
      }),
    )
    report(`broker-throughput: ${count} records of 1 KiB, ${partitions} partitions, batches of 100 KB, acks=1`, rows)
  },
}

const MIB = 1_048_576 / 1e6

/** Of its line of figures, the rate of fetching once the partitions are assigned. */
function consumedMbPerSecond(output: string): number {
  const [heading, figures] = output.trim().split('\n').slice(-2)
  const column = heading?.split(', ').indexOf('fetch.MB.sec') ?? -1
  const figure = Number(figures?.split(', ')[column])
  if (!Number.isFinite(figure)) throw new Error(`no figure in ${output}`)
  return figure * MIB
}
