import type { PartitionRegistration } from '../../../src/broker/coordinator/controller/metadata-record.ts'
import type { PartitionHost } from '../../../src/broker/partition.ts'
import type { ReplicaHosts } from '../../../src/broker/replication/replica-state.ts'
import type { Clock } from '../../../src/platform/platform.ts'

/** Partition 0 of three replicas, led by the first; all in sync. */
export function registrationOf(changes: Partial<PartitionRegistration> = {}): PartitionRegistration {
  const replicas = changes.replicas ?? [1, 2, 3]
  return {
    partitionId: 0,
    replicas,
    addingReplicas: [],
    removingReplicas: [],
    isr: replicas,
    leader: replicas[0]!,
    leaderRecoveryState: 0,
    leaderEpoch: 0,
    partitionEpoch: 0,
    ...changes,
  }
}

/** Brokers that are all there, but for those that a test takes away. */
export class TestHosts implements ReplicaHosts {
  readonly away = new Set<number>()
  /** Of the brokers that have restarted; of all others 0. */
  readonly epochs = new Map<number, number>()

  mayBeInSync(brokerId: number, brokerEpoch: number): boolean {
    return !this.away.has(brokerId) && [-1, this.epochs.get(brokerId) ?? 0].includes(brokerEpoch)
  }

  hasRestartedSince(brokerId: number, brokerEpoch: number): boolean {
    return brokerEpoch !== -1 && (this.epochs.get(brokerId) ?? 0) > brokerEpoch
  }

  isAlive(brokerId: number): boolean {
    return !this.away.has(brokerId)
  }
}

/** Broker 1 alone: what it leads has no replica elsewhere. */
export function loneHost(clock: Clock): PartitionHost {
  return { nodeId: 1, clock, hosts: new TestHosts(), lagTimeMaxMs: 30_000, propose: () => {} }
}
