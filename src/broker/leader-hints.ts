// Whoever asked a broker that does not lead is told who does, and where that is, so that it need not ask for metadata first (KIP-951).

import type { Broker } from './broker.ts'

export interface CurrentLeader {
  readonly leaderId: number
  readonly leaderEpoch: number
}

export interface LeaderHints {
  /** In the order of what was asked; undefined: nobody known here. */
  readonly leaders: readonly (CurrentLeader | undefined)[]
  /** Of those leaders, as reached through the client's listener. */
  readonly nodeEndpoints: {
    readonly nodeId: number
    readonly host: string
    readonly port: number
    readonly rack: string | null
  }[]
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
  const nodeEndpoints = [...nodeIds].flatMap((nodeId) => {
    const known = broker.image.brokers.get(nodeId)
    const endpoint = known?.endPoints.find(({ name }) => name === listener)
    return endpoint ? [{ nodeId, host: endpoint.host, port: endpoint.port, rack: known?.rack ?? null }] : []
  })
  return { leaders, nodeEndpoints }
}
