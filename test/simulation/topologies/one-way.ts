import type { Topology } from '../scenario.ts'
import type { SimClusterOptions } from '../sim-cluster.ts'
import type { SimMirrorOptions } from '../sim-mirror.ts'

/** The program that mirrors. */
export const MIRROR = 'mirror-east-west'
export const FLOW = 'east->west'

export interface OneWay {
  /** Partitions by topic. */
  readonly topics?: Readonly<Record<string, number>>
  readonly configs?: Readonly<Record<string, string>>
  readonly cluster?: SimClusterOptions
  readonly mirror?: Partial<Omit<SimMirrorOptions, 'from' | 'to'>>
}

export const TOPICS = { orders: 2, events: 2 }

/** East in Virginia, west in Oregon, and beside the target a mirror from the one to the other. */
export function oneWay({ topics = TOPICS, configs, cluster, mirror }: OneWay = {}): Topology {
  return async (world) => {
    const from = await world.addCluster('east', 'virginia', cluster)
    const to = await world.addCluster('west', 'oregon', cluster)
    for (const [name, partitions] of Object.entries(topics))
      await world.outcome(from.makeTopic(name, partitions, configs))
    world.addMirror({ from, to, ...mirror }).start()
  }
}
