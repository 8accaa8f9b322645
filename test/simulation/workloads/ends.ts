import { LATEST, OffsetLookup } from '../../../src/client/offset-lookup.ts'
import { TopicPartition } from '../../../src/client/topic-partition.ts'
import type { Workload } from '../scenario.ts'

const EVERY_MS = 150

/** Asks again and again where the logs of a cluster end. */
export function ends(of: string): Workload {
  return (world) => {
    const cluster = world.cluster(of)
    const machine = world.simulation.machine(`asks-${of}`, { datacenter: cluster.datacenter })
    const platform = machine.boot()
    const client = world.clientOf(platform, of)
    const lookup = new OffsetLookup(platform, client)
    const look = async () => {
      for (const [topic, partitions] of cluster.topics)
        for (let partition = 0; partition < partitions; partition++) {
          const log = cluster.logName(topic, partition)
          if (!client.leaderOf(topic, partition)) await client.refresh()
          world.history.ended(`the end of ${log}`, await lookup.find(TopicPartition.of(topic, partition), LATEST))
        }
    }
    const again = () => {
      const next = () => platform.clock.setTimer(EVERY_MS, again)
      const refreshed = () => client.refresh().then(next, next)
      look().then(next, refreshed)
    }
    again()
    return () => machine.kill()
  }
}
