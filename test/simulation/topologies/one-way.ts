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
  /** Of both. */
  readonly cluster?: SimClusterOptions
  readonly source?: SimClusterOptions
  readonly target?: SimClusterOptions
  readonly mirror?: Partial<Omit<SimMirrorOptions, 'from' | 'to'>>
}

export const TOPICS = { orders: 2, events: 2 }

/** East in Virginia, west in Oregon, and beside the target a mirror from the one to the other. */
export function oneWay(options: OneWay = {}): Topology {
  const { topics = TOPICS, configs, cluster, source = cluster, target = cluster, mirror } = options
  return async (world) => {
    const from = await world.addCluster('east', 'virginia', source)
    const to = await world.addCluster('west', 'oregon', target)
    for (const [name, partitions] of Object.entries(topics))
      await world.outcome(from.makeTopic(name, partitions, configs))
    world.addMirror({ from, to, ...mirror }).start()
  }
}
