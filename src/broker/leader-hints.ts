// Whoever asked a broker that does not lead is told who does, and where that is, so that it need not ask for metadata first (KIP-951).

import type { Broker } from './broker.ts'
import { type ReachableBroker, reachableBroker } from './reachable-brokers.ts'

export interface CurrentLeader {
  readonly leaderId: number
  readonly leaderEpoch: number
}

export interface LeaderHints {
  /** In the order of what was asked; undefined: nobody known here. */
  readonly leaders: readonly (CurrentLeader | undefined)[]
  /** Of those leaders, as reached through the client's listener. */
  readonly nodeEndpoints: ReachableBroker[]
}

export function leaderHints(
  broker: Broker,
  listener: string,
  misled: readonly { readonly topic: string; readonly partition: number }[],
): LeaderHints {
  const leaders = misled.map(({ topic, partition }) => {
    const registration = broker.image.topics.get(topic)?.partitions[partition]
    if (!registration || registration.leader < 0) return undefined
    return { leaderId: registration.leader, leaderEpoch: registration.leaderEpoch }
  })
  const nodeIds = new Set(leaders.flatMap((leader) => (leader ? [leader.leaderId] : [])))
  const nodeEndpoints = [...nodeIds].flatMap((nodeId) => reachableBroker(broker.image, listener, nodeId) ?? [])
  return { leaders, nodeEndpoints }
}
