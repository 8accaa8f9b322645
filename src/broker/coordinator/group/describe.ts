import type { ClassicGroup } from './classic-group.ts'
import type { GroupDescription, GroupListing } from './command.ts'
import { EMPTY, metadataOf } from './member.ts'

/** What DescribeGroups shows: metadata and assignments only while they hold, in the Stable state. */
export function describeGroup(group: ClassicGroup): GroupDescription {
  const stable = group.state === 'Stable'
  return {
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
  groups: Iterable<ClassicGroup>,
  states: readonly string[],
  types: readonly string[],
): GroupListing[] {
  const wanted = new Set(states.map((state) => state.toLowerCase()))
  if (types.length > 0 && !types.some((type) => type.toLowerCase() === 'classic')) return []
  return [...groups]
    .filter((group) => wanted.size === 0 || wanted.has(group.state.toLowerCase()))
    .map((group) => ({
      groupId: group.groupId,
      protocolType: group.protocolType ?? '',
      state: group.state,
      groupType: 'classic' as const,
    }))
}
