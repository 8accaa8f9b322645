import type { Topology } from '../scenario.ts'

export const CLUSTER = 'east'
export const BROKERS = ['east-1', 'east-2', 'east-3'] as const
/** Partitions by topic; the last is for transactions. */
export const REPLICATED = { orders: 2, ledger: 2 }

/** Whoever is dead or slow is noticed within seconds. */
export const QUICK = {
  'broker.session.timeout.ms': 2_000,
  'broker.heartbeat.interval.ms': 300,
  'replica.lag.time.max.ms': 3_000,
  'replica.socket.timeout.ms': 2_000,
  'min.insync.replicas': 2,
  'default.replication.factor': 3,
  'transaction.abort.timed.out.transaction.cleanup.interval.ms': 1_000,
  'transaction.state.log.num.partitions': 2,
  'offsets.topic.num.partitions': 2,
}

/** One cluster of three brokers, each on a machine and in a datacenter of its own; everything is there three times. */
export function threeBrokers(config: Readonly<Record<string, unknown>> = {}): Topology {
  return async (world) => {
    const cluster = await world.addCluster(CLUSTER, 'virginia', { brokers: 3, config: { ...QUICK, ...config } })
    for (const [topic, partitions] of Object.entries(REPLICATED))
      await world.outcome(cluster.makeTopic(topic, partitions))
  }
}
