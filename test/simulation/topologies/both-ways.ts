import type { Topology } from '../scenario.ts'

/** Two clusters that mirror each other, each with topics of its own of the same names. */
export function bothWays(topics: Readonly<Record<string, number>>): Topology {
  return async (world) => {
    const east = await world.addCluster('east', 'virginia')
    const west = await world.addCluster('west', 'oregon')
    for (const cluster of [east, west])
      for (const [name, partitions] of Object.entries(topics)) await world.outcome(cluster.makeTopic(name, partitions))
    world.addMirror({ from: east, to: west }).start()
    world.addMirror({ from: west, to: east }).start()
  }
}
