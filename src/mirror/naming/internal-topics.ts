// Topics that no pattern is meant for, as whole-string expressions in Java's dialect.
import { javaPattern, quotePattern } from './java-pattern.ts'

/** Kafka's own, MirrorMaker's (KIP-1074; with the flow's separator, as its policy names them), and ours. */
export function internalTopicPatterns(separator: string): string[] {
  const dot = quotePattern(separator)
  return ['__.*', '\\..*', `mm2.*${dot}internal`, `.*${dot}checkpoints${dot}internal`, 'heliostat\\..*\\.internal']
}

/** Tells internal topics by their names. */
export function internalTopics(separator: string): (topic: string) => boolean {
  const patterns = internalTopicPatterns(separator).map(javaPattern)
  return (topic) => patterns.some((pattern) => pattern.matches(topic))
}

/** Coordinators' topics: to copy one over another cluster's own would break that cluster, so not even their names win. */
export function isKafkasOwn(topic: string): boolean {
  return topic === '__consumer_offsets' || topic === '__transaction_state' || topic === '__share_group_state'
}
