// The members of a classic group as its coordinator tells them: what each said of itself, and what it was given.

import { HeliostatError } from '../platform/errors.ts'
import { ErrorCode, errorOf } from '../protocol/errors.ts'
import { decodeAssignment, decodeSubscription } from '../protocol/messages/consumer-protocol.ts'
import { describeGroups } from '../protocol/messages/describe-groups.ts'
import type { ClusterClient } from './cluster-client.ts'

export interface DescribedMember {
  readonly clientHost: string
  /** What it would do, as text. */
  readonly settings: string | undefined
  readonly partitions: readonly number[]
}

export async function describeMembers(
  client: ClusterClient,
  groupId: string,
  topic: string,
): Promise<DescribedMember[]> {
  const connection = await client.coordinator('group', groupId)
  const { groups } = await connection.send(describeGroups, { groups: [groupId], includeAuthorizedOperations: false })
  const { errorCode, members } = groups[0]!
  if (errorCode !== ErrorCode.NONE) {
    client.forgetCoordinator('group', groupId)
    const { name, message, retriable } = errorOf(errorCode)
    throw new HeliostatError('HEL_GROUP', `the members of ${groupId} are not told: ${name} (${message})`, { retriable })
  }
  return members
    .filter(({ memberMetadata }) => memberMetadata.length > 0)
    .map(({ clientHost, memberMetadata, memberAssignment }) => ({
      clientHost,
      settings: decodeSubscription(memberMetadata).userData?.toString(),
      partitions: memberAssignment.length === 0 ? [] : partitionsOf(memberAssignment, topic),
    }))
}

function partitionsOf(assignment: Buffer, topic: string): number[] {
  const { assignedPartitions } = decodeAssignment(assignment)
  return assignedPartitions.filter((assigned) => assigned.topic === topic).flatMap(({ partitions }) => partitions)
}
