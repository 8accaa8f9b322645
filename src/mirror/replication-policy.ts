// How a source topic is called on the target, and what a name on some cluster says about where it came from. The words and
// rules are MirrorMaker's: `prefix` is its DefaultReplicationPolicy, `identity` its IdentityReplicationPolicy.
import { javaPattern, parseReplacement, replaceName } from './naming/java-pattern.ts'

export type Naming =
  | 'prefix'
  | 'identity'
  /** `match` in Java's dialect, for whole names; `replace` as Java's replaceAll takes it. What does not match keeps its name. */
  | { readonly rename: { readonly match: string; readonly replace: string } }

export interface ReplicationPolicy {
  readonly separator: string
  /** The remote topic: the name on the target of this topic of the source. */
  remoteTopic(topic: string): string
  /** The alias of the cluster that a topic was mirrored from, as its name tells; undefined for a topic of its own cluster. */
  topicSource(topic: string): string | undefined
  /** The same topic one hop nearer to where it was written; undefined for a topic of its own cluster. */
  upstreamTopic(topic: string): string | undefined
  readonly heartbeatsTopic: string
  readonly checkpointsTopic: string
  readonly offsetSyncsTopic: string
  readonly progressTopic: string
  readonly gapsTopic: string
  /** Notes of the access rules that the flow made. */
  readonly aclsTopic: string
}

export interface PolicyOptions {
  readonly naming: Naming
  readonly source: string
  readonly separator?: string
  /** Of several flows between two clusters, all but one keep their progress under a name of their own. */
  readonly progress?: string
}

const HEARTBEATS = 'heartbeats'
const NAME_LENGTH_MAX = 249

export function replicationPolicy({ naming, source, separator = '.', progress }: PolicyOptions): ReplicationPolicy {
  const prefixed = prefixRules(source, separator)
  const rules =
    naming === 'prefix' ? prefixed : naming === 'identity' ? identityRules(prefixed) : renameRules(naming, prefixed)
  const own = progress === undefined ? source : `${source}.${progress}`
  return {
    ...rules,
    separator,
    heartbeatsTopic: HEARTBEATS,
    checkpointsTopic: `${source}${separator}checkpoints${separator}internal`,
    offsetSyncsTopic: `mm2-offset-syncs${separator}${source}${separator}internal`,
    progressTopic: `heliostat.${own}.progress.internal`,
    gapsTopic: `heliostat.${source}.gaps.internal`,
    aclsTopic: `heliostat.${source}.acls.internal`,
  }
}

/** Where MirrorMaker writes its offset syncs unless told otherwise: at the source, named after the target. */
export function offsetSyncsAtSource(target: string, separator: string): string {
  return `mm2-offset-syncs${separator}${target}${separator}internal`
}

type NamingRules = Pick<ReplicationPolicy, 'remoteTopic' | 'topicSource' | 'upstreamTopic'>

function prefixRules(source: string, separator: string): NamingRules {
  /** The text before the first separator, unless nothing but separators follows: so Java splits, and so MirrorMaker decides. */
  const sourceOf = (topic: string) => {
    const cut = topic.indexOf(separator)
    const isRemote =
      cut >= 0 &&
      topic
        .slice(cut)
        .split(separator)
        .some((part) => part !== '')
    return isRemote ? topic.slice(0, cut) : undefined
  }
  return {
    remoteTopic: (topic) => source + separator + topic,
    topicSource: sourceOf,
    upstreamTopic: (topic) => {
      const from = sourceOf(topic)
      return from === undefined ? undefined : topic.slice(from.length + separator.length)
    },
  }
}

/** Heartbeats keep their prefix, since every cluster has a topic of that name of its own. */
function identityRules(prefixed: NamingRules): NamingRules {
  const isHeartbeat = (topic: string) => topic.endsWith(HEARTBEATS)
  return {
    remoteTopic: (topic) => (isHeartbeat(topic) ? prefixed.remoteTopic(topic) : topic),
    // MirrorMaker names the source here, and ends the walk all the same: such a name tells nothing.
    topicSource: (topic) => (isHeartbeat(topic) ? prefixed.topicSource(topic) : undefined),
    upstreamTopic: (topic) => (isHeartbeat(topic) ? prefixed.upstreamTopic(topic) : undefined),
  }
}

function renameRules({ rename }: Exclude<Naming, string>, prefixed: NamingRules): NamingRules {
  const pattern = javaPattern(rename.match)
  const replacement = parseReplacement(rename.replace, pattern.parsed)
  const identity = identityRules(prefixed)
  return {
    ...identity,
    remoteTopic: (topic) => {
      const kept = identity.remoteTopic(topic)
      return kept === topic ? (replaceName(pattern, replacement, topic) ?? topic) : kept
    },
  }
}

/** Whether a topic of the source came, at some hop, from the target: to mirror it would send it round for ever. */
export function isCycle(policy: ReplicationPolicy, topic: string, target: string): boolean {
  for (let at: string | undefined = topic; at !== undefined; at = policy.upstreamTopic(at))
    if (policy.topicSource(at) === target) return true
  return false
}

/** Heartbeats of this cluster or, with their prefixes, of others. */
export function isHeartbeats(policy: ReplicationPolicy, topic: string): boolean {
  let original = topic
  for (let at = policy.upstreamTopic(topic); at !== undefined; at = policy.upstreamTopic(at)) original = at
  return original === policy.heartbeatsTopic
}

/**
 * How many mirrors away each cluster is whose records come to a cluster with these topics, read from the names of the heartbeats that
 * come along: as MirrorClient counts them (replicationHops, upstreamClusters).
 */
export function upstreamHops(policy: ReplicationPolicy, topics: Iterable<string>): Map<string, number> {
  const hops = new Map<string, number>()
  for (const topic of topics) {
    if (!isHeartbeats(policy, topic)) continue
    let count = 0
    for (let at: string | undefined = topic; at !== undefined; at = policy.upstreamTopic(at)) {
      const alias = policy.topicSource(at)
      if (alias !== undefined) hops.set(alias, Math.min(++count, hops.get(alias) ?? count))
    }
  }
  return hops
}

/** Why no topic can have this name on the target; undefined when one can. */
export function nameProblem(remoteTopic: string): string | undefined {
  if (remoteTopic === '') return 'its name on the target would be empty'
  if (remoteTopic.length > NAME_LENGTH_MAX)
    return `its name on the target would have ${remoteTopic.length} characters, and Kafka takes ${NAME_LENGTH_MAX}: ${remoteTopic}`
  if (remoteTopic === '.' || remoteTopic === '..' || !/^[\w.-]+$/.test(remoteTopic))
    return `"${remoteTopic}" is no name of a topic: letters, digits, ".", "_" and "-" are`
  return undefined
}
