// Which configs of a source topic its copy gets, decided from both sides' descriptions. The rules are MirrorMaker's
// (MirrorSourceConnector, DefaultConfigPropertyFilter): what is read-only, sensitive, set in a broker's file or excluded is left
// alone; a config that is at the source's default goes back to the target's default, or is set to the source's when
// `useDefaultsFrom` says so. Ours is that only differences are written.
import type { ConfigChange } from '../sink/config-writer.ts'
import { type JavaPattern, javaPattern } from './naming/java-pattern.ts'

export interface ConfigRules {
  /** Whole-string regular expressions; by default `NOT_COPIED`. */
  readonly exclude?: readonly string[]
  readonly useDefaultsFrom?: 'source' | 'target'
}

/** One config as DescribeConfigs tells it. */
export interface ConfigEntry {
  /** Null: sensitive. */
  readonly value: string | null
  /** Kafka's ConfigSource. */
  readonly source: number
  readonly readOnly: boolean
  readonly sensitive: boolean
}

export type TopicConfigs = ReadonlyMap<string, ConfigEntry>

const DYNAMIC_TOPIC_CONFIG = 1
const STATIC_BROKER_CONFIG = 4
const DEFAULT_CONFIG = 5

/** MirrorMaker's list; and tiered storage, which is each cluster's own affair. */
const NOT_COPIED: readonly string[] = [
  'follower\\.replication\\.throttled\\.replicas',
  'leader\\.replication\\.throttled\\.replicas',
  'message\\.timestamp\\.difference\\.max\\.ms',
  'message\\.timestamp\\.type',
  'unclean\\.leader\\.election\\.enable',
  'min\\.insync\\.replicas',
  '(remote|local)\\..*',
]

/** What a new copy is created with. */
export function configsOfCopy(source: TopicConfigs, rules: ConfigRules): Map<string, string> {
  const changes = configChanges(source, new Map(), rules)
  return new Map(changes.flatMap(({ name, value }) => (value === null ? [] : [[name, value]])))
}

/** What must be changed for the copy to agree with its source. */
export function configChanges(source: TopicConfigs, target: TopicConfigs, rules: ConfigRules): ConfigChange[] {
  const changes: ConfigChange[] = []
  for (const [name, { value, source: from, readOnly, sensitive }] of source) {
    if (readOnly || sensitive || value === null || from === STATIC_BROKER_CONFIG) continue
    const there = target.get(name)
    const isOwn = there?.source === DYNAMIC_TOPIC_CONFIG
    if (from === DEFAULT_CONFIG && rules.useDefaultsFrom !== 'source') {
      if (isOwn) changes.push({ name, value: null })
    } else if (!isOwn || there.value !== value) changes.push({ name, value })
  }
  return changes.filter(({ name }) => !isExcluded(name, rules))
}

/** Read once, and asked last: this is done for every topic again and again, and as a rule there is nothing to change. */
const compiled = new WeakMap<readonly string[], readonly JavaPattern[]>()

function isExcluded(name: string, { exclude = NOT_COPIED }: ConfigRules): boolean {
  const patterns = compiled.get(exclude) ?? exclude.map(javaPattern)
  compiled.set(exclude, patterns)
  return patterns.some((pattern) => pattern.matches(name))
}
