// What consumers of the classic group protocol say to each other through JoinGroup and SyncGroup: subscription and assignment,
// versions 0–3, never flexible, behind an int16 of version. The broker passes them on unread; tools and the mirror read them.
// v1: owned partitions (KIP-429). v2: generation of the owned partitions (KIP-792). v3: rack (KIP-881).

import { decodeStruct, versionOf } from '../codec.ts'
import { array, bytes, int32, type Message, message, string, type Value } from '../schema.ts'

export const consumerProtocolSubscription = message({
  name: 'ConsumerProtocolSubscription',
  versions: [0, 3],
  flexible: Infinity,
  fields: {
    topics: array(string),
    userData: bytes.nullable().default(null),
    ownedPartitions: array({
      topic: string,
      partitions: array(int32),
    })
      .since(1)
      .ignorable(),
    generationId: int32.since(2).default(-1).ignorable(),
    rackId: string.since(3).nullable().default(null).ignorable(),
  },
})

export const consumerProtocolAssignment = message({
  name: 'ConsumerProtocolAssignment',
  versions: [0, 3],
  flexible: Infinity,
  fields: {
    assignedPartitions: array({
      topic: string,
      partitions: array(int32),
    }),
    userData: bytes.nullable().default(null),
  },
})

export type ConsumerProtocolSubscription = Value<typeof consumerProtocolSubscription>
export type ConsumerProtocolAssignment = Value<typeof consumerProtocolAssignment>

export function decodeSubscription(metadata: Buffer): ConsumerProtocolSubscription {
  return decodeNewestKnown(consumerProtocolSubscription, metadata)
}

export function decodeAssignment(assignment: Buffer): ConsumerProtocolAssignment {
  return decodeNewestKnown(consumerProtocolAssignment, assignment)
}

/** A newer version only adds fields at the end, by agreement of the clients, so it is read as the newest that we know. */
function decodeNewestKnown<M extends Message>(message: M, buffer: Buffer): Value<M> {
  const version = Math.min(versionOf(buffer), message.versions[1])
  return decodeStruct(message, version, buffer.subarray(2))
}
