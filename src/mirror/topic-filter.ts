// Which topics of the source a flow mirrors, and the rule that decided, in words: `explain` is what people are shown.
import { isCycle, type ReplicationPolicy } from './replication-policy.ts'

export interface TopicRules {
  /** Whole-string regular expressions. A pattern that is exactly a topic's name always wins. */
  readonly include: readonly string[]
  readonly exclude: readonly string[]
}

export interface Explanation {
  readonly mirrored: boolean
  /** What decided: `include ".*"`, `exclude "tmp-.*"`, `internal topic`, … */
  readonly rule: string
}

export interface TopicFilter {
  matches(topic: string): boolean
  explain(topic: string): Explanation
}

// MirrorMaker 4.x's list (KIP-1074), and our own.
const INTERNAL = [/^__/, /^\./, /^mm2.*\.internal$/, /\.checkpoints\.internal$/, /^heliostat\..*\.internal$/]
const HEARTBEATS = /^(.*[._-])?heartbeats$/

function isInternalTopic(topic: string): boolean {
  return INTERNAL.some((pattern) => pattern.test(topic))
}

export function topicFilter(
  rules: TopicRules,
  cycle?: { readonly policy: ReplicationPolicy; readonly target: string },
): TopicFilter {
  const include = rules.include.map((source) => ({ source, pattern: wholeString(source) }))
  const exclude = rules.exclude.map((source) => ({ source, pattern: wholeString(source) }))
  const exact = new Set(rules.include)

  function explain(topic: string): Explanation {
    if (cycle && isCycle(cycle.policy, topic, cycle.target))
      return { mirrored: false, rule: `cycle: it came from "${cycle.target}" itself` }
    if (exact.has(topic)) return { mirrored: true, rule: `include "${topic}", by its exact name` }
    if (isInternalTopic(topic)) return { mirrored: false, rule: 'internal topic' }
    const excluded = exclude.find(({ pattern }) => pattern.test(topic))
    if (excluded) return { mirrored: false, rule: `exclude "${excluded.source}"` }
    const included = include.find(({ pattern }) => pattern.test(topic))
    if (included) return { mirrored: true, rule: `include "${included.source}"` }
    if (HEARTBEATS.test(topic)) return { mirrored: true, rule: 'heartbeats are always mirrored' }
    return { mirrored: false, rule: 'no include pattern matches' }
  }

  return { explain, matches: (topic) => explain(topic).mirrored }
}

/** The same rules serve groups: whole-string patterns, exclusion before inclusion, an exact name before both. */
export function nameFilter(rules: TopicRules): (name: string) => boolean {
  const include = rules.include.map(wholeString)
  const exclude = rules.exclude.map(wholeString)
  const exact = new Set(rules.include)
  return (name) =>
    exact.has(name) || (!exclude.some((pattern) => pattern.test(name)) && include.some((pattern) => pattern.test(name)))
}

function wholeString(source: string): RegExp {
  return new RegExp(`^(?:${source})$`, 'u')
}
