// How does a broker bear many partitions? CreateTopics requests of 500 topics each (Kafka takes no larger unit), then Metadata of all, then a stop and a start on the same
// data. A broker counts as done when Metadata shows every partition with its leader.
import { setTimeout as delay } from 'node:timers/promises'
import { Connection } from '../src/client/connection.ts'
import { nodePlatform } from '../src/platform/node-platform.ts'
import { createTopics } from '../src/protocol/messages/create-topics.ts'
import { metadata } from '../src/protocol/messages/metadata.ts'
import { withBroker } from './rig/broker-run.ts'
import type { RunningBroker } from './rig/brokers.ts'
import { askMetadata } from './rig/metadata-probe.ts'
import { cpuSeconds, memory } from './rig/process-stats.ts'
import { inTurns, type Question } from './rig/question.ts'
import { report } from './rig/report.ts'

const topicCount = 2000
const partitions = 5
const timeoutMs = 300_000
const topicsPerRequest = 500
const asked = 20

export const brokerMany: Question = {
  name: 'broker-many',
  asks: '2,000 topics of 5 partitions: created, listed, stopped and started again',
  run: async (options) => {
    const count = Math.round(topicCount * options.scale)
    const rows = await inTurns({ ...options, contestants: options.brokers }, (contestant) =>
      withBroker(contestant, async (broker, directory) => {
        const createdMs = await create(broker, count)
        const answers: number[] = []
        for (let round = 0; round < asked; round++) answers.push((await askMetadata(broker.port)).ms)
        const { rssMb, peakRssMb } = memory(broker.pid)
        const cpu = cpuSeconds(broker.pid).total
        const stopping = performance.now()
        await broker.stop()
        const stopMs = performance.now() - stopping
        const again = await contestant.start(directory)
        await again.stop()
        return {
          'created s': createdMs / 1000,
          'Metadata ms': answers.sort((left, right) => left - right)[asked / 2]!,
          'Metadata ms, worst': answers.at(-1)!,
          MB: rssMb,
          'peak MB': peakRssMb,
          'CPU s': cpu,
          'stop s': stopMs / 1000,
          'start s': again.readyMs / 1000,
        }
      }),
    )
    report(`broker-many: ${count} topics of ${partitions} partitions`, rows)
  },
}

async function create(broker: RunningBroker, count: number): Promise<number> {
  const platform = nodePlatform({ log: { level: 'silent' } })
  const connection = await Connection.open(platform, { host: '127.0.0.1', port: broker.port, clientId: 'bench' })
  const topics = Array.from({ length: count }, (_, index) => ({
    name: `many.${index}`,
    numPartitions: partitions,
    replicationFactor: 1,
    assignments: [],
    configs: [],
  }))
  const startedAt = performance.now()
  for (let from = 0; from < count; from += topicsPerRequest) {
    const wanted = topics.slice(from, from + topicsPerRequest)
    const answer = await connection.send(createTopics, { topics: wanted, timeoutMs }, { timeoutMs })
    const failed = answer.topics.find(({ errorCode }) => errorCode !== 0)
    if (failed) throw new Error(`${failed.name}: ${failed.errorCode} ${failed.errorMessage}`)
  }
  for (;;) {
    const listed = await connection.send(metadata, { topics: null }, { timeoutMs })
    const led = listed.topics.reduce(
      (sum, topic) => sum + topic.partitions.filter((one) => one.leaderId >= 0).length,
      0,
    )
    if (led >= count * partitions) break
    await delay(50)
  }
  const ms = performance.now() - startedAt
  connection.close()
  return ms
}
