// How fast do three brokers take records that all of them must have? Kafka's own perf tool writes to a topic of replication factor 3 with
// acks=all; both clusters run as three processes on the same machine as the tool.

import { createReplicated, producedMbPerSecond, runToolAt } from './rig/broker-run.ts'
import { cpuSeconds, memory } from './rig/process-stats.ts'
import { inTurns, type Question } from './rig/question.ts'
import { report } from './rig/report.ts'
import { threeApacheKafka, threeHeliostat } from './rig/three-brokers.ts'

const partitions = 6
const recordBytes = 1024
const records = 1_000_000
const warmShare = 0.4

export const replication: Question = {
  name: 'replication',
  asks: 'three brokers as three processes take 1 KiB records, RF 3, acks=all',
  run: async (options) => {
    const count = Math.round(records * options.scale)
    const contestants = [threeApacheKafka(), threeHeliostat()].filter(({ name }) => options.isWanted(name))
    const rows = await inTurns({ ...options, contestants }, async (contestant) => {
      const cluster = await contestant.start()
      try {
        for (const topic of ['warm', 'records']) await createReplicated(cluster, topic, partitions)
        const produce = (topic: string, howMany: number) =>
          runToolAt(cluster.bootstrap, 'kafka-producer-perf-test', [
            ...['--topic', topic, '--num-records', howMany, '--record-size', recordBytes, '--throughput', -1],
            ...['--command-property', 'batch.size=102400', 'linger.ms=100', 'acks=all', 'buffer.memory=67108864'],
          ])
        // What is hot is compiled by then, on either side.
        await produce('warm', Math.round(count * warmShare))
        const used = () => cluster.pids.reduce((sum, pid) => sum + cpuSeconds(pid).total, 0)
        const before = used()
        const produced = producedMbPerSecond(await produce('records', count))
        const gigabytes = (count * recordBytes) / 1e9
        return {
          'produce MB/s': produced,
          'CPU s/GB of the three': (used() - before) / gigabytes,
          'peak MB of the three': cluster.pids.reduce((sum, pid) => sum + memory(pid).peakRssMb, 0),
        }
      } finally {
        await cluster.stop()
      }
    })
    report(`replication: ${count} records of 1 KiB, ${partitions} partitions, RF 3, batches of 100 KB, acks=all`, rows)
  },
}
