import type { ClusterClient } from '../../../src/client/cluster-client.ts'
import type { Connection } from '../../../src/client/connection.ts'
import { EARLIEST, LATEST } from '../../../src/client/offset-lookup.ts'
import { ErrorCode, errorOf } from '../../../src/protocol/errors.ts'
import { fetch } from '../../../src/protocol/messages/fetch.ts'
import { listOffsets } from '../../../src/protocol/messages/list-offsets.ts'
import type { Workload } from '../scenario.ts'
import type { SimCluster } from '../sim-cluster.ts'
import type { World } from '../world.ts'

export interface EndsOptions {
  readonly of: string
  /** How many ask, each for itself. 1. */
  readonly askers?: number
  /** Between two rounds of questions, in milliseconds. */
  readonly every?: number
}

const READ_COMMITTED = 1
const KINDS = [
  { name: 'the end', timestamp: LATEST, isolationLevel: 0 },
  { name: 'the last stable offset', timestamp: LATEST, isolationLevel: READ_COMMITTED },
  { name: 'the start', timestamp: EARLIEST, isolationLevel: 0 },
] as const

/** Ask again and again where the logs of a cluster begin and end, of leaders that know themselves to lead, and read up to there. */
export function ends({ of, askers = 1, every = 150 }: EndsOptions): Workload {
  return (world) => {
    const cluster = world.cluster(of)
    const machines = Array.from({ length: askers }, (_, index) => {
      const machine = world.simulation.machine(`asks-${of}-${index}`, { datacenter: cluster.datacenter })
      const platform = machine.boot()
      const client = world.clientOf(platform, of)
      const again = () => {
        const next = () => platform.clock.setTimer(every, again)
        const refreshed = () => client.refresh().then(next, next)
        askAll(world, cluster, client).then(next, refreshed)
      }
      again()
      return machine
    })
    return () => {
      for (const machine of machines) machine.kill()
    }
  }
}

async function askAll(world: World, cluster: SimCluster, client: ClusterClient): Promise<void> {
  for (const [topic, partitions] of cluster.topics)
    for (let partition = 0; partition < partitions; partition++) {
      if (!client.leaderOf(topic, partition)) await client.refresh()
      const { nodeId, leaderEpoch } = client.leaderOf(topic, partition)!
      const connection = await client.node(nodeId)
      const log = cluster.logName(topic, partition)
      const place = { topic, topicId: client.topics().get(topic)!.topicId, partition, leaderEpoch }
      for (const { name, ...kind } of KINDS) {
        const asked = world.simulation.now
        const value = await offsetOf(connection, place, kind)
        world.history.told(`${name} of ${log}`, { value, asked, answered: world.simulation.now })
        if (kind.timestamp === LATEST)
          world.history.toldEnd(log, value, await readableTo(connection, place, value, kind.isolationLevel))
      }
    }
}

interface Place {
  readonly topic: string
  readonly topicId: string
  readonly partition: number
  readonly leaderEpoch: number
}

async function offsetOf(
  connection: Connection,
  { topic, partition, leaderEpoch }: Place,
  { timestamp, isolationLevel }: { timestamp: number; isolationLevel: number },
): Promise<number> {
  const { topics } = await connection.send(listOffsets, {
    replicaId: -1,
    isolationLevel,
    topics: [{ name: topic, partitions: [{ partitionIndex: partition, currentLeaderEpoch: leaderEpoch, timestamp }] }],
  })
  const { errorCode, offset } = topics[0]!.partitions[0]!
  accept(errorCode)
  return offset
}

/** As far as the leader of this very epoch lets one read. */
async function readableTo(
  connection: Connection,
  { topic, topicId, partition, leaderEpoch }: Place,
  end: number,
  isolationLevel: number,
): Promise<number> {
  const asked = { partition, currentLeaderEpoch: leaderEpoch, fetchOffset: end, partitionMaxBytes: 1 }
  const { responses } = await connection.send(fetch, {
    maxWaitMs: 0,
    minBytes: 0,
    maxBytes: 1,
    isolationLevel,
    sessionEpoch: -1,
    forgottenTopicsData: [],
    topics: [{ topic, topicId, partitions: [asked] }],
  })
  const { errorCode, highWatermark, lastStableOffset } = responses[0]!.partitions[0]!
  // An end that is behind the log itself is refused.
  if (errorCode === ErrorCode.OFFSET_OUT_OF_RANGE) return -1
  accept(errorCode)
  return isolationLevel === READ_COMMITTED ? lastStableOffset : highWatermark
}

function accept(errorCode: number): void {
  if (errorCode !== ErrorCode.NONE) throw new Error(errorOf(errorCode).name)
}
