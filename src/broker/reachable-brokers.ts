// The brokers as clients of one listener reach them: what Metadata, DescribeCluster and FindCoordinator tell.

import type { ReadonlyMetadataImage } from './coordinator/controller/metadata-image.ts'
import type { BrokerRegistration } from './coordinator/controller/metadata-record.ts'

export interface ReachableBroker {
  readonly nodeId: number
  readonly host: string
  readonly port: number
  readonly rack: string | null
}

/** Those that serve and advertise the listener, in the order of their ids. */
export function reachableBrokers(image: ReadonlyMetadataImage, listener: string): ReachableBroker[] {
  return inOrder(image).flatMap((broker) => (broker.fenced ? [] : (addressOf(broker, listener) ?? [])))
}

/** Those too that do not serve. */
export function registeredBrokers(
  image: ReadonlyMetadataImage,
  listener: string,
): (ReachableBroker & { readonly isFenced: boolean })[] {
  return inOrder(image).flatMap((broker) => {
    const address = addressOf(broker, listener)
    return address ? [{ ...address, isFenced: broker.fenced }] : []
  })
}

/** The broker, if it serves and advertises the listener. */
export function reachableBroker(
  image: ReadonlyMetadataImage,
  listener: string,
  brokerId: number,
): ReachableBroker | undefined {
  const broker = image.brokers.get(brokerId)
  return broker && !broker.fenced ? addressOf(broker, listener) : undefined
}

function inOrder({ brokers }: ReadonlyMetadataImage): BrokerRegistration[] {
  return [...brokers.values()].sort((a, b) => a.brokerId - b.brokerId)
}

function addressOf({ brokerId, endPoints, rack }: BrokerRegistration, listener: string): ReachableBroker | undefined {
  const endPoint = endPoints.find(({ name }) => name === listener)
  return endPoint && { nodeId: brokerId, host: endPoint.host, port: endPoint.port, rack }
}
