import { ErrorCode } from '../../../protocol/errors.ts'
import { ClassicGroup } from './classic-group.ts'
import type { GroupDescription, GroupListing, ItemRefusal } from './command.ts'
import type { ConsumerGroup } from './consumer/consumer-group.ts'
import { EMPTY, metadataOf } from './member.ts'

/** What DescribeGroups shows: metadata and assignments only while they hold, in the Stable state. */
export function describeGroup(
  groupId: string,
  group: ClassicGroup | ConsumerGroup | undefined,
): GroupDescription | ItemRefusal {
  if (!group) return { errorCode: ErrorCode.GROUP_ID_NOT_FOUND, errorMessage: `Group ${groupId} not found.` }
  if (!(group instanceof ClassicGroup)) {
    return { errorCode: ErrorCode.GROUP_ID_NOT_FOUND, errorMessage: `Group ${groupId} is not a classic group.` }
  }
  const stable = group.state === 'Stable'
  return {
    errorCode: ErrorCode.NONE,
    groupId: group.groupId,
    state: group.state,
    protocolType: group.protocolType ?? '',
    protocolName: stable ? (group.protocolName ?? '') : '',
    members: [...group.members.values()].map((member) => ({
      memberId: member.memberId,
      groupInstanceId: member.groupInstanceId,
      clientId: member.clientId,
      clientHost: member.clientHost,
      metadata: stable ? metadataOf(member, group.protocolName) : EMPTY,
      assignment: stable ? member.assignment : EMPTY,
    })),
  }
}

/** Filters are compared without regard to case, as Kafka does; an empty filter lets all pass. */
export function listGroups(
  groups: Iterable<ClassicGroup | ConsumerGroup>,
  shares: readonly GroupListing[],
  states: readonly string[],
  types: readonly string[],
): GroupListing[] {
  const wantedStates = new Set(states.map((state) => state.toLowerCase()))
  const wantedTypes = new Set(types.map((type) => type.toLowerCase()))
  return [...[...groups].map(listed), ...shares]
    .filter(({ state }) => wantedStates.size === 0 || wantedStates.has(state.toLowerCase()))
    .filter(({ groupType }) => wantedTypes.size === 0 || wantedTypes.has(groupType))
}

function listed(group: ClassicGroup | ConsumerGroup): GroupListing {
  const { groupId, state } = group
  if (group instanceof ClassicGroup) {
    return { groupId, protocolType: group.protocolType ?? '', state, groupType: 'classic' }
  }
  return { groupId, protocolType: 'consumer', state, groupType: 'consumer' }
}
