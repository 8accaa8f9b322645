import { type Member, metadataOf } from './member.ts'

/**
 * The topics in the members' subscriptions (ConsumerProtocolSubscription: version int16, array of strings, the rest not needed here).
 * Undefined when a member's metadata is not in that form: some clients use the group protocol for other ends.
 */
export function subscribedTopicsOf(members: readonly Member[], protocolName: string): ReadonlySet<string> | undefined {
  const topics = new Set<string>()
  for (const member of members) {
    const own = readTopics(metadataOf(member, protocolName))
    if (!own) return undefined
    for (const topic of own) topics.add(topic)
  }
  return topics
}

function readTopics(metadata: Buffer): string[] | undefined {
  if (metadata.length < 6 || metadata.readInt16BE(0) < 0) return undefined
  const count = metadata.readInt32BE(2)
  const topics: string[] = []
  let at = 6
  for (let i = 0; i < count; i++) {
    if (at + 2 > metadata.length) return undefined
    const length = metadata.readInt16BE(at)
    const end = at + 2 + length
    if (length < 0 || end > metadata.length) return undefined
    topics.push(metadata.toString('utf8', at + 2, end))
    at = end
  }
  return topics
}
