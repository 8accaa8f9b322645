import type { ReadonlyMetadataImage } from '../coordinator/controller/metadata-image.ts'
import type { ReplicaHosts } from './replica-state.ts'

const UNKNOWN_EPOCH = -1

/** The brokers as the metadata knows them. */
export function replicaHosts(image: ReadonlyMetadataImage): ReplicaHosts {
  const epochOf = (brokerId: number) => image.brokers.get(brokerId)?.brokerEpoch ?? UNKNOWN_EPOCH
  return {
    mayBeInSync: (brokerId, brokerEpoch) =>
      image.isActive(brokerId) && (brokerEpoch === UNKNOWN_EPOCH || brokerEpoch === epochOf(brokerId)),
    hasRestartedSince: (brokerId, brokerEpoch) => brokerEpoch !== UNKNOWN_EPOCH && epochOf(brokerId) > brokerEpoch,
    isAlive: (brokerId) => image.brokers.get(brokerId)?.fenced === false,
  }
}
