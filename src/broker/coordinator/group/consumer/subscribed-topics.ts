import { createHash } from 'node:crypto'
import type { ClusterView } from './cluster-view.ts'
import type { ConsumerGroup, ResolvedRegex } from './consumer-group.ts'
import { type ConsumerMember, sortedNames } from './consumer-member.ts'

/** The names that the member reads: those that it gave, and those that its regular expression stands for by now. */
function topicNamesOf(member: ConsumerMember, resolved: ReadonlyMap<string, ResolvedRegex>): readonly string[] {
  const byRegex = resolved.get(member.subscribedTopicRegex)?.topics ?? []
  return [...member.subscribedTopicNames, ...byRegex]
}

/** Of the topics that exist. */
export function subscribedTopicIdsOf(
  member: ConsumerMember,
  resolved: ReadonlyMap<string, ResolvedRegex>,
  view: ClusterView,
): ReadonlySet<string> {
  const topics = topicNamesOf(member, resolved).map((name) => view.topics.get(name))
  return new Set(topics.flatMap((topic) => (topic ? [topic.topicId] : [])))
}

/** All names that some member reads. */
export function subscribedNames(members: Iterable<ConsumerMember>, resolved: ReadonlyMap<string, ResolvedRegex>) {
  const names = new Set<string>()
  for (const member of members) for (const name of topicNamesOf(member, resolved)) names.add(name)
  return sortedNames(names)
}

/** The group's members with one of them put in or replaced, and without those that go. */
export function membersWith(
  group: ConsumerGroup,
  updated: ConsumerMember | undefined,
  without: readonly string[] = [],
): ConsumerMember[] {
  const members = new Map(group.members)
  for (const memberId of without) members.delete(memberId)
  if (updated) members.set(updated.memberId, updated)
  return [...members.values()]
}

const HASH_BYTES = 6

/**
 * A number that differs when one of the topics came, grew or went: 0 when none exists. Kafka makes it in another way, which matters to
 * nobody: it is only compared with itself.
 */
export function metadataHash(names: readonly string[], view: ClusterView): number {
  const rows = names.flatMap((name) => {
    const topic = view.topics.get(name)
    return topic ? [`${name}:${topic.topicId}:${topic.partitions.length}`] : []
  })
  if (rows.length === 0) return 0
  return createHash('sha1').update(rows.join('\n')).digest().readUIntBE(0, HASH_BYTES)
}
