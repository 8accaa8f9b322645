// How a source topic is called on the target, and what a name on some cluster says about where it came from. The words and
// rules are MirrorMaker's: `prefix` is its DefaultReplicationPolicy, `identity` its IdentityReplicationPolicy.

export type Naming =
  | 'prefix'
  | 'identity'
  | { readonly rename: { readonly match: RegExp | string; readonly replace: string } }

export interface ReplicationPolicy {
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

const HEARTBEATS = 'heartbeats'

export function replicationPolicy(options: { naming: Naming; source: string; separator?: string }): ReplicationPolicy {
  const { naming, source, separator = '.' } = options
  const prefixed = prefixRules(source, separator)
  const rules = naming === 'prefix' ? prefixed : naming === 'identity' ? identityRules(prefixed) : renameRules(naming)
  return {
    ...rules,
    heartbeatsTopic: HEARTBEATS,
    checkpointsTopic: `${source}${separator}checkpoints${separator}internal`,
    offsetSyncsTopic: `mm2-offset-syncs${separator}${source}${separator}internal`,
    progressTopic: `heliostat.${source}.progress.internal`,
    gapsTopic: `heliostat.${source}.gaps.internal`,
    aclsTopic: `heliostat.${source}.acls.internal`,
  }
}

type NamingRules = Pick<ReplicationPolicy, 'remoteTopic' | 'topicSource' | 'upstreamTopic'>

function prefixRules(source: string, separator: string): NamingRules {
  const cut = (topic: string) => topic.indexOf(separator)
  return {
    remoteTopic: (topic) => source + separator + topic,
    // The text before the first separator: an alias that is not ours to judge may stand there.
    topicSource: (topic) => (cut(topic) > 0 ? topic.slice(0, cut(topic)) : undefined),
    upstreamTopic: (topic) => (cut(topic) > 0 ? topic.slice(cut(topic) + separator.length) : undefined),
  }
}

function identityRules(prefixed: NamingRules): NamingRules {
  // Heartbeats keep their prefix, since every cluster has a topic of that name of its own.
  const isHeartbeats = (topic: string) => topic.endsWith(HEARTBEATS)
  return {
    remoteTopic: (topic) => (isHeartbeats(topic) ? prefixed.remoteTopic(topic) : topic),
    topicSource: (topic) => (isHeartbeats(topic) ? prefixed.topicSource(topic) : undefined),
    upstreamTopic: (topic) => (isHeartbeats(topic) ? prefixed.upstreamTopic(topic) : undefined),
  }
}

function renameRules(naming: Exclude<Naming, string>): NamingRules {
  const { match, replace } = naming.rename
  const whole = new RegExp(`^(?:${typeof match === 'string' ? match : match.source})$`, 'u')
  return {
    remoteTopic: (topic) => topic.replace(whole, replace),
    topicSource: () => undefined,
    upstreamTopic: () => undefined,
  }
}

/** Whether a topic of the source came, at some hop, from the target: to mirror it would send it round for ever. */
export function isCycle(policy: ReplicationPolicy, topic: string, target: string): boolean {
  for (let at: string | undefined = topic; at !== undefined; at = policy.upstreamTopic(at))
    if (policy.topicSource(at) === target) return true
  return false
}
