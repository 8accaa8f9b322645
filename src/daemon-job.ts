// What a mirror of a configuration means to the rooms that carry it out.
import type { Config, MirrorJob } from './config/config.ts'
import { leastRights, type Right } from './mirror/least-rights.ts'
import type { Flow, Start } from './mirror/mirror.ts'
import { offsetSyncsAtSource, type ReplicationPolicy, replicationPolicy } from './mirror/replication-policy.ts'
import { type TopicFilter, topicFilter } from './mirror/topic-filter.ts'

const COMMIT_INTERVAL_MS = 1_000
const HEARTBEATS = 'heartbeats'

function startOf(start: MirrorJob['start']): Start {
  return typeof start === 'string' ? start : { timestamp: Date.parse(start.timestamp) }
}

function transactionalOf(delivery: MirrorJob['delivery']): Flow['transactional'] {
  if (delivery === 'exactly-once') return undefined
  return { commitIntervalMs: delivery === 'transactional' ? COMMIT_INTERVAL_MS : delivery.transactional.commitInterval }
}

export function flowOf(job: MirrorJob): Flow {
  return {
    name: job.name,
    source: job.from,
    target: job.to,
    topics: job.topics,
    naming: job.naming,
    separator: job.separator,
    transactional: transactionalOf(job.delivery),
    isolation: job.isolation,
    start: startOf(job.start),
    startByTopic: job.startByTopic.map(({ topics, start }) => ({ topics, start: startOf(start) })),
    progress: job.progress,
    onDataLoss: job.onDataLoss,
    takeOver: job.takeOver,
    configs: job.sync.topicConfigs === true ? {} : job.sync.topicConfigs,
    replicationFactor: job.replicationFactor,
    refreshMs: job.refresh,
  }
}

/** What each instance may have of its own: how fast it works, and what it is measured by. */
const OWN_SETTINGS: ReadonlySet<string> = new Set(['buffer', 'refresh', 'limits', 'rpo'])

/** What the instances of a flow must agree on, for each writes what the others go on with. */
export function sharedSettings(job: MirrorJob, compat: Config['compat']): object {
  return { ...Object.fromEntries(Object.entries(job).filter(([name]) => !OWN_SETTINGS.has(name))), compat }
}

/** Which topics a mirror of a configuration takes. */
export function filterOf(job: MirrorJob): TopicFilter {
  const heartbeats = job.progress === undefined
  return topicFilter(job.topics, { policy: policyOf(job), target: job.to, heartbeats })
}

/** How a mirror of a configuration names its topics. */
export function policyOf({ from, naming, separator, progress }: MirrorJob): ReplicationPolicy {
  return replicationPolicy({ naming, source: from, separator, progress })
}

/** The group on the target by which instances share a mirror. */
export function sharingGroupOf({ name }: MirrorJob): string {
  return `heliostat.${name}`
}

/** What a mirror of a configuration must be allowed at both clusters, and nothing else. */
export function rightsOf(
  job: MirrorJob,
  { mirrors, compat: { mm2Topics } }: Pick<Config, 'mirrors' | 'compat'>,
): Right[] {
  const { topicConfigs, acls, deletes, groupOffsets } = job.sync
  return leastRights({
    policy: policyOf(job),
    topics: job.topics.include,
    groups: job.groups.include,
    copyPrefix: job.naming === 'prefix' ? job.from + job.separator : undefined,
    keepsNames: job.naming === 'identity',
    sharingGroup: sharingGroupOf(job),
    follows: { topicConfigs: topicConfigs !== false, acls: acls !== false, deletes: deletes !== false, groupOffsets },
    mm2Topics,
    heartbeats: job.progress === undefined ? heartbeatsAt(job.from, mirrors, [job.to]) : [],
    beatsAtSource: job.heartbeats === 'both' && job.progress === undefined,
    takesOverWith: job.takeOver && offsetSyncsAtSource(job.to, job.separator),
    transactionalIds: job.delivery === 'exactly-once' ? undefined : `${sharingGroupOf(job)}.`,
  })
}

/** Heartbeats of a cluster itself, and of those from which the mirrors of the file lead to it; none that went round. */
function heartbeatsAt(cluster: string, mirrors: readonly MirrorJob[], seen: readonly string[]): string[] {
  const path = [...seen, cluster]
  const upstream = mirrors.filter(
    ({ from, to, progress }) => to === cluster && progress === undefined && !path.includes(from),
  )
  const brought = upstream.flatMap((job) =>
    heartbeatsAt(job.from, mirrors, path).map((topic) => policyOf(job).remoteTopic(topic)),
  )
  return [...new Set([HEARTBEATS, ...brought])]
}
