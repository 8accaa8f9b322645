// Clusters of three brokers under measurement, each broker a process of its own with its data on disk.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ApacheKafka, kafkaVersion } from '../../test/support/apache-kafka.ts'
import { BrokerProcesses } from '../../test/support/broker-processes.ts'
import { clientOf } from '../../test/support/log-content.ts'
import { compiledFile, version } from './compiled.ts'
import { serverJvm } from './rig.ts'

export interface ThreeBrokers {
  readonly bootstrap: string
  readonly pids: readonly number[]
  /** Node id of the active controller now. */
  controllerId(): Promise<number>
  kill(nodeId: number): Promise<void>
  stop(): Promise<void>
}

export interface ThreeBrokersContestant {
  readonly name: string
  /** What ran, for the report: version and the settings that are not defaults. */
  readonly settings: string
  start(config?: Readonly<Record<string, string | number>>): Promise<ThreeBrokers>
}

/** What both kinds are given besides. */
const config = { 'default.replication.factor': 3, 'min.insync.replicas': 2, 'num.partitions': 1 }

export function threeApacheKafka(): ThreeBrokersContestant {
  return {
    name: 'Apache Kafka',
    settings: `Apache Kafka ${kafkaVersion}, three nodes, one of them the controller, -Xms1g -Xmx1g G1 each`,
    start: async (further = {}) => {
      const options = { heap: '1g', jvm: serverJvm, config: { ...internalTopics, ...config, ...further } }
      const first = await ApacheKafka.start(options)
      const joining = [2, 3].map((nodeId) => ApacheKafka.start({ ...options, joins: { node: first, nodeId } }))
      const nodes = [first, ...(await Promise.all(joining))]
      return {
        bootstrap: nodes.map(({ bootstrap }) => bootstrap).join(','),
        pids: nodes.map(({ pid }) => pid),
        controllerId: async () => 1,
        kill: (nodeId) => nodes[nodeId - 1]!.stop('SIGKILL'),
        stop: async () => void (await Promise.all(nodes.map((node) => node.stop()))),
      }
    },
  }
}

const internalTopics = {
  'offsets.topic.replication.factor': 3,
  'transaction.state.log.replication.factor': 3,
  'transaction.state.log.min.isr': 2,
}

export function threeHeliostat(): ThreeBrokersContestant {
  return {
    name: 'heliostat',
    settings: `heliostat ${version} broker, three processes, Node ${process.version}, defaults`,
    start: async (further = {}) => {
      const directory = mkdtempSync(join(tmpdir(), 'heliostat-bench-'))
      const remove = () => rmSync(directory, { recursive: true, force: true })
      process.once('exit', remove)
      const main = compiledFile('cli', 'main.js')
      const cluster = await BrokerProcesses.start({ main, directory, config: { ...config, ...further } })
      const client = clientOf(cluster.bootstrap)
      return {
        bootstrap: cluster.bootstrap,
        pids: cluster.ids.map((id) => cluster.pidOf(id)!),
        controllerId: async () => {
          await client.refresh()
          return (await client.controller()).nodeId!
        },
        kill: (nodeId) => cluster.kill(nodeId),
        stop: async () => {
          client.close()
          await cluster.stop()
          remove()
          process.off('exit', remove)
        },
      }
    },
  }
}
