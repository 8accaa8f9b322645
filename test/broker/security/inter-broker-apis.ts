import { sized } from '../raw-connection.ts'

/** What only brokers and controllers ask one another, on listeners of their own: key by name. */
export const INTER_BROKER_APIS: Readonly<Record<string, number>> = {
  LeaderAndIsr: 4,
  StopReplica: 5,
  UpdateMetadata: 6,
  ControlledShutdown: 7,
  Vote: 52,
  BeginQuorumEpoch: 53,
  EndQuorumEpoch: 54,
  AlterPartition: 56,
  Envelope: 58,
  FetchSnapshot: 59,
  BrokerRegistration: 62,
  BrokerHeartbeat: 63,
  AllocateProducerIds: 67,
  ControllerRegistration: 70,
  AssignReplicasToDirs: 73,
  UpdateRaftVoter: 82,
}

/** A request of the API in its first version, with room for any body. */
export function interBrokerFrame(apiKey: number): Buffer {
  const header = Buffer.alloc(10)
  header.writeInt16BE(apiKey, 0)
  header.writeInt32BE(7, 4)
  header.writeInt16BE(-1, 8)
  return sized(Buffer.concat([header, Buffer.alloc(32)]))
}
