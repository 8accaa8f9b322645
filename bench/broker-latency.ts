// How long does a producer wait for its acknowledgement, at a thousand records a second? Kafka's own perf tool asks.
import { createTopic, runTool, withBroker } from './rig/broker-run.ts'
import { cpuSeconds } from './rig/process-stats.ts'
import { inTurns, type Question } from './rig/question.ts'
import { type Figures, report } from './rig/report.ts'

const partitions = 8
const rate = 1000
const seconds = 60
/** The tool's own first seconds are those of a cold JVM. */
const warmupSeconds = 20

export const brokerLatency: Question = {
  name: 'broker-latency',
  asks: 'produce with acks=1, 1,000 records of 1 KiB a second',
  run: async (options) => {
    const measured = Math.round(seconds * options.scale)
    const rows = await inTurns({ ...options, contestants: options.brokers }, (contestant) =>
      withBroker(contestant, async (broker) => {
        await createTopic(broker, 'records', partitions)
        const before = cpuSeconds(broker.pid).total
        const output = await runTool(broker, 'kafka-producer-perf-test', [
          ...['--topic', 'records', '--num-records', (warmupSeconds + measured) * rate, '--record-size', 1024],
          ...['--throughput', rate, '--warmup-records', warmupSeconds * rate],
          ...['--command-property', 'acks=1', 'linger.ms=0'],
        ])
        const cpu = ((cpuSeconds(broker.pid).total - before) / (warmupSeconds + measured)) * 100
        return { ...latencies(output), 'CPU %': cpu }
      }),
    )
    report(`broker-latency: acks=1, linger.ms=0, ${rate} records a second, ms`, rows)
  },
}

/** "… 0.62 ms avg latency, 22.00 ms max latency, 1 ms 50th, 1 ms 95th, 2 ms 99th, 9 ms 99.9th." */
function latencies(output: string): Figures {
  const line = output.trim().split('\n').at(-1)!
  const figure = (pattern: RegExp) => Number(pattern.exec(line)?.[1])
  const figures = {
    mean: figure(/([\d.]+) ms avg/),
    p50: figure(/([\d.]+) ms 50th/),
    p99: figure(/([\d.]+) ms 99th/),
    'p99.9': figure(/([\d.]+) ms 99\.9th/),
    max: figure(/([\d.]+) ms max/),
  }
  if (Object.values(figures).some(Number.isNaN)) throw new Error(`no figures in ${line}`)
  return figures
}
