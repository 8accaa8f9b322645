// How soon do clusters of several brokers in one process serve, and what do they take? From the call to the last broker ready; then a topic
// of three partitions for each broker, RF 3, until every replica is in sync. And how long is a partition without a leader that was killed?
// From the kill to the first record that all replicas in sync have acknowledged, by a client that only asks again.
import { setTimeout as delay } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'
import { Connection } from '../src/client/connection.ts'
import { nodePlatform } from '../src/platform/node-platform.ts'
import { ErrorCode } from '../src/protocol/errors.ts'
import { createTopics } from '../src/protocol/messages/create-topics.ts'
import { metadata } from '../src/protocol/messages/metadata.ts'
import { produce } from '../src/protocol/messages/produce.ts'
import { buildBatch } from '../src/records/batch-builder.ts'
import { ExternalProcess } from '../test/support/external-process.ts'
import { compiledFile, version } from './rig/compiled.ts'
import { cpuSeconds, memory } from './rig/process-stats.ts'
import { inTurns, type Question } from './rig/question.ts'
import { type Figures, report } from './rig/report.ts'

const platform = nodePlatform({ log: { level: 'silent' } })
const sessionMs = 3000
const restMs = 10_000
const sizes = [3, 10, 100]

export const clusters: Question = {
  name: 'clusters',
  asks: '3, 10 and 100 brokers in one process: ready, a topic in sync, memory and CPU at rest; a leader killed',
  run: async (options) => {
    const contestants = sizes.map((brokers) => ({
      name: `${brokers} brokers`,
      settings: `heliostat ${version}, startTopology in memory, Node ${process.version}, session time-out ${sessionMs} ms`,
      run: () => figuresOf(brokers, restMs * options.scale),
    }))
    report('clusters: brokers in one process', await inTurns({ ...options, contestants }, ({ run }) => run()))
  },
}

/** Starts the cluster in a process of its own, and kills a broker when it is told so. */
function programOf(brokers: number): string {
  return `
    const { startTopology } = await import(${JSON.stringify(pathToFileURL(compiledFile('embedded.js')).href)})
    const config = { 'broker.session.timeout.ms': ${sessionMs}, 'broker.heartbeat.interval.ms': 500 }
    const startedAt = performance.now()
    const { clusters } = await startTopology({ clusters: { many: { brokers: ${brokers}, config } } })
    const ms = performance.now() - startedAt
    process.stdout.write(JSON.stringify({ ms, nodes: clusters.many.nodes }) + '\\n')
    process.stdin.on('data', (id) => void clusters.many.broker(Number(id)).kill())`
}

async function figuresOf(brokers: number, settleMs: number): Promise<Figures> {
  const child = new ExternalProcess(process.execPath, ['--input-type=module', '-e', programOf(brokers)])
  try {
    await child.until(({ stdout }) => stdout.includes('\n'), 'started')
    const { ms, nodes } = JSON.parse(child.stdout) as { ms: number; nodes: Record<string, string> }
    const first = await open(nodes['1']!)
    const createdMs = await createdInSync(first, brokers * 3)
    const before = cpuSeconds(child.pid).total
    await delay(settleMs)
    const cpu = (cpuSeconds(child.pid).total - before) / (settleMs / 1000)
    const { rssMb } = memory(child.pid)
    const leaderlessMs = await killedLeader(child, first, nodes)
    return {
      'ready ms': ms,
      'topic in sync ms': createdMs,
      MB: rssMb,
      'CPU %': cpu * 100,
      'no leader ms': leaderlessMs,
    }
  } finally {
    await child.kill()
  }
}

function open(address: string): Promise<Connection> {
  const [host = '', port] = address.split(':')
  return Connection.open(platform, { host, port: Number(port), clientId: 'bench' })
}

async function createdInSync(connection: Connection, partitions: number): Promise<number> {
  const startedAt = performance.now()
  const topic = { name: 't', numPartitions: partitions, replicationFactor: 3, assignments: [], configs: [] }
  await connection.send(createTopics, { topics: [topic], timeoutMs: 30_000 })
  for (;;) {
    const listed = (await connection.send(metadata, { topics: [{ name: 't' }] })).topics[0]!.partitions
    const isInSync = listed.every(({ leaderId, isrNodes }) => leaderId >= 0 && isrNodes.length === 3)
    if (listed.length === partitions && isInSync) return performance.now() - startedAt
    await delay(10)
  }
}

/** Of a partition that the first broker does not lead: it is the one that is asked. */
async function killedLeader(child: ExternalProcess, first: Connection, nodes: Record<string, string>): Promise<number> {
  const { partitions } = (await first.send(metadata, { topics: [{ name: 't' }] })).topics[0]!
  const { partitionIndex, leaderId } = partitions.find((partition) => partition.leaderId !== 1)!
  child.write(`${leaderId}\n`)
  const killedAt = performance.now()
  for (;;) {
    const now = (await first.send(metadata, { topics: [{ name: 't' }] })).topics[0]!.partitions
    const leader = now.find((partition) => partition.partitionIndex === partitionIndex)!.leaderId
    if (leader >= 0 && leader !== leaderId && (await isAcknowledged(nodes[leader]!, partitionIndex))) {
      return performance.now() - killedAt
    }
    await delay(10)
  }
}

async function isAcknowledged(address: string, index: number): Promise<boolean> {
  const connection = await open(address)
  try {
    const records = [buildBatch([{ key: null, value: Buffer.from('x'), timestamp: 0 }])]
    const topicData = [{ name: 't', partitionData: [{ index, records }] }]
    const { responses } = await connection.send(produce, { acks: -1, timeoutMs: 5000, topicData }, { version: 9 })
    return responses[0]!.partitionResponses[0]!.errorCode === ErrorCode.NONE
  } finally {
    connection.close()
  }
}
