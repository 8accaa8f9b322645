// Which topics of the source a flow mirrors, and every rule that led there, in words: what `explain` shows to people.
import { internalTopics, isKafkasOwn } from './naming/internal-topics.ts'
import { type JavaPattern, javaPattern } from './naming/java-pattern.ts'
import { isCycle, isHeartbeats, type ReplicationPolicy } from './replication-policy.ts'

export interface TopicRules {
  /** Whole-string regular expressions in Java's dialect. One that is exactly a topic's name always wins. */
  readonly include: readonly string[]
  readonly exclude: readonly string[]
}

export interface Explanation {
  readonly mirrored: boolean
  /** What decided: `include ".*"`, `exclude "tmp-.*"`, `internal topic`, … */
  readonly rule: string
  /** Every rule that was asked, in order, with its answer; the last one decided. */
  readonly steps: readonly string[]
}

export interface TopicFilter {
  matches(topic: string): boolean
  explain(topic: string): Explanation
}

export interface TopicFilterOptions {
  readonly policy: ReplicationPolicy
  readonly target: string
  /** Whether heartbeats cross that no pattern names; of several flows between two clusters one carries them. */
  readonly heartbeats?: boolean
}

export function topicFilter(rules: TopicRules, options: TopicFilterOptions): TopicFilter {
  const { policy, target, heartbeats = true } = options
  const names = nameRules(rules)
  const isInternal = internalTopics(policy.separator)
  const isBeat = (topic: string) => isHeartbeats(policy, topic)

  function decide(topic: string, steps: string[]): Omit<Explanation, 'steps'> {
    const no = (rule: string) => ({ mirrored: false, rule })
    const yes = (rule: string) => ({ mirrored: true, rule })
    if (isKafkasOwn(topic)) return no('internal topic of Kafka, which every cluster has of its own')
    if (isCycle(policy, topic, target)) return no(`cycle: it came from "${target}" itself`)
    steps.push(`its name does not say that it came from "${target}"`)
    if (names.isExact(topic)) return yes(`include "${topic}", by its exact name`)
    steps.push('no include is exactly its name')
    if (isInternal(topic)) return no('internal topic')
    steps.push('it is no internal topic')
    if (isBeat(topic) && !heartbeats) return no('heartbeats are mirrored by the other flow between these clusters')
    const excluded = names.excluding(topic)
    if (excluded !== undefined) return no(`exclude "${excluded}"`)
    steps.push('no exclude pattern matches')
    const included = names.including(topic)
    if (included !== undefined) return yes(`include "${included}"`)
    if (isBeat(topic)) return yes('heartbeats are always mirrored')
    return no('no include pattern matches')
  }

  function explain(topic: string): Explanation {
    const steps: string[] = []
    const decision = decide(topic, steps)
    return { ...decision, steps: [...steps, decision.rule] }
  }

  return { explain, matches: (topic) => decide(topic, []).mirrored }
}

/** The same rules serve groups: whole-string patterns, exclusion before inclusion, an exact name before both. */
export function nameFilter(rules: TopicRules): TopicFilter {
  const names = nameRules(rules)

  function explain(name: string): Explanation {
    const steps: string[] = []
    const end = (mirrored: boolean, rule: string) => ({ mirrored, rule, steps: [...steps, rule] })
    if (names.isExact(name)) return end(true, `include "${name}", by its exact name`)
    steps.push('no include is exactly its name')
    const excluded = names.excluding(name)
    if (excluded !== undefined) return end(false, `exclude "${excluded}"`)
    steps.push('no exclude pattern matches')
    const included = names.including(name)
    if (included !== undefined) return end(true, `include "${included}"`)
    return end(false, 'no include pattern matches')
  }

  return { explain, matches: (name) => explain(name).mirrored }
}

function nameRules({ include, exclude }: TopicRules) {
  const included = include.map(javaPattern)
  const excluded = exclude.map(javaPattern)
  // `orders\.v1` names a topic as exactly as `orders.v1` does.
  const exact = new Set(
    included.flatMap(({ source, literal }) => (literal === undefined ? [source] : [source, literal])),
  )
  const first = (patterns: readonly JavaPattern[], name: string) =>
    patterns.find((pattern) => pattern.matches(name))?.source
  return {
    isExact: (name: string) => exact.has(name),
    including: (name: string) => first(included, name),
    excluding: (name: string) => first(excluded, name),
  }
}
