// What a flow keeps in step beside its records, as its configuration asks: configs, access rules, deletes. And what of that could not
// be had, for people to see.
import type { ClusterClient } from './client/cluster-client.ts'
import type { MirrorJob } from './config/config.ts'
import type { FlowSchedule, FlowWork } from './jobs/jobs.ts'
import type { AclRules } from './mirror/acl-rules.ts'
import { AclSync } from './mirror/acl-sync.ts'
import { ConfigSync } from './mirror/config-sync.ts'
import { DeleteSync } from './mirror/delete-sync.ts'
import type { Mirror } from './mirror/mirror.ts'
import { nameFilter } from './mirror/topic-filter.ts'
import { listAllGroups } from './offset-translation/group-offsets.ts'
import { HeliostatError } from './platform/errors.ts'
import type { Platform } from './platform/platform.ts'
import type { SyncView } from './server/flow-view.ts'

const SECOND = 1_000
const EVERY_MS = 30 * SECOND
const DELETES_AFTER_MS = 3_600 * SECOND

export interface FlowSyncOptions {
  readonly job: MirrorJob
  readonly mirror: Mirror
  readonly source: ClusterClient
  readonly target: ClusterClient
}

export class FlowSync {
  readonly work: Pick<FlowWork, 'syncTopicConfigs' | 'syncAcls' | 'syncDeletes'>
  readonly schedule: Pick<FlowSchedule, 'topicConfigsEveryMs' | 'aclsEveryMs' | 'deletesEveryMs'>
  readonly #mirror: Mirror
  readonly #configs: ConfigSync | undefined
  readonly #acls: AclSync | undefined
  readonly #deletes: DeleteSync | undefined

  constructor(platform: Platform, options: FlowSyncOptions) {
    const { job, mirror, source, target } = options
    const { topicConfigs, acls, deletes } = job.sync
    const clusters = { source, target }
    const topics = () => mirror.syncedTopics()
    const isShared = (remoteTopic: string) => mirror.sharers(remoteTopic).length > 0
    // Of the sources that are merged into a topic one tells its configs, or they would be changed to and fro.
    const configured = () => [...topics()].filter(({ remoteTopic }) => isFirst(job.name, mirror.sharers(remoteTopic)))
    this.#mirror = mirror
    if (topicConfigs !== false)
      this.#configs = new ConfigSync(platform, {
        ...clusters,
        topics: configured,
        rules: topicConfigs === true ? {} : topicConfigs,
      })
    if (acls !== false) {
      const rules = () => aclRules(options)
      this.#acls = new AclSync(platform, { ...clusters, flow: job.name, notesTopic: mirror.policy.aclsTopic, rules })
    }
    const afterMs = deletesAfterMs(job)
    if (deletes !== false) {
      const { progressTopic } = mirror.policy
      const isOurs = (topic: string) => mirror.isOurs(topic)
      const gone = (topic: string) => mirror.forget(topic)
      this.#deletes = new DeleteSync(platform, { ...clusters, topics, progressTopic, afterMs, isShared, isOurs, gone })
    }
    this.work = {
      syncTopicConfigs: this.#configs && ((signal) => this.#configs!.sync(signal)),
      syncAcls: this.#acls && ((signal) => this.#acls!.sync(signal)),
      syncDeletes: this.#deletes && ((signal) => this.#deletes!.sync(signal)),
    }
    this.schedule = {
      topicConfigsEveryMs: typeof topicConfigs === 'object' ? topicConfigs.every : EVERY_MS,
      aclsEveryMs: typeof acls === 'object' ? acls.every : EVERY_MS,
      deletesEveryMs: Math.min(EVERY_MS, Math.max(SECOND / 10, afterMs / 4)),
    }
  }

  view(): SyncView {
    const fewerReplicas: SyncView['fewerReplicas'][number][] = []
    for (const { remoteTopic, fewerReplicas: replicas } of this.#mirror.syncedTopics())
      if (replicas) fewerReplicas.push({ topic: remoteTopic, ...replicas })
    return {
      refusedTopics: [...this.#mirror.refusedTopics].map(([topic, { message }]) => ({ topic, reason: message })),
      refusedConfigs: this.#configs?.refused ?? [],
      refusedAcls: this.#acls?.refused ?? [],
      fewerReplicas,
      pendingDeletes: this.#deletes?.pending ?? [],
    }
  }
}

/** Every instance decides alike, whichever flow it met first. */
const isFirst = (flow: string, sharers: readonly string[]) => sharers.every((other) => flow < other)

/** How long a source topic is gone before its copy is deleted. */
export function deletesAfterMs({ sync: { deletes } }: MirrorJob): number {
  return typeof deletes === 'object' ? deletes.after : DELETES_AFTER_MS
}

export interface AclScope {
  readonly job: MirrorJob
  readonly mirror: Pick<Mirror, 'policy' | 'explain'>
  readonly source: ClusterClient
}

export async function aclRules({ job, mirror, source }: AclScope): Promise<AclRules> {
  const isSyncedGroup = nameFilter(job.groups).matches
  await source.refresh()
  const { groups, failures } = await listAllGroups(source)
  // What follows from a group that cannot be seen at the moment must not be taken back.
  if (failures.length > 0)
    throw new HeliostatError(
      'HEL_GROUPS_UNSEEN',
      `not all groups of ${source.name} can be listed: ${failures.join('; ')}`,
      {
        retriable: true,
      },
    )
  const isMirrored = (topic: string) => mirror.explain(topic).mirrored
  return {
    remoteTopic: (topic) => mirror.policy.remoteTopic(topic),
    copyPrefix: job.naming === 'prefix' ? job.from + job.separator : undefined,
    isMirrored,
    topics: [...source.topics().values()]
      .filter(({ name, internal }) => !internal && isMirrored(name))
      .map(({ name }) => name),
    groups: [...groups.keys()].filter(isSyncedGroup),
    isSyncedGroup,
  }
}
