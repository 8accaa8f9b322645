import type { Topology } from '../scenario.ts'

const PLACES = { virginia: 'east', oregon: 'west', frankfurt: 'north' } as const

/** A cluster in each of three datacenters, and a mirror from each to each other. */
export function threeDatacenters(topics: Readonly<Record<string, number>>): Topology {
  return async (world) => {
    for (const [datacenter, name] of Object.entries(PLACES)) {
      const cluster = await world.addCluster(name, datacenter)
      for (const [topic, partitions] of Object.entries(topics))
        await world.outcome(cluster.makeTopic(topic, partitions))
    }
    // What came from elsewhere is not passed on: every copy comes straight from its origin.
    for (const from of world.clusters.values())
      for (const to of world.clusters.values())
        if (from !== to)
          world.addMirror({ from, to, flow: { topics: { include: Object.keys(topics), exclude: [] } } }).start()
  }
}
