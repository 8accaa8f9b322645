// Whether a MirrorMaker 2 copies between the same clusters at the moment. Both would write the same topics, and records would stand there
// twice. It is told by what MirrorMaker alone leaves behind; by nothing that heliostat writes, too.
import type { ClusterClient } from '../client/cluster-client.ts'
import { OffsetLookup } from '../client/offset-lookup.ts'
import { TopicPartition } from '../client/topic-partition.ts'
import { listAllGroups } from '../offset-translation/group-offsets.ts'
import type { Platform } from '../platform/platform.ts'
import { offsetSyncsAtSource } from './replication-policy.ts'

export interface Pair {
  readonly source: ClusterClient
  readonly target: ClusterClient
  readonly sourceAlias: string
  readonly targetAlias: string
  readonly separator: string
}

/** MirrorMaker writes its offsets every minute, and its offset-syncs with them. */
const FRESH_MS = 3 * 60_000
const WITHOUT_MEMBERS: ReadonlySet<string> = new Set(['Empty', 'Dead'])

/** What says that it lives; undefined: nothing does. */
export async function liveMirrorMaker(platform: Platform, pair: Pair): Promise<string | undefined> {
  const { source, target, sourceAlias, targetAlias, separator } = pair
  await Promise.all([source.refresh(), target.refresh()])
  const group = (await listAllGroups(target)).groups.get(`${sourceAlias}-mm2`)
  if (group && !WITHOUT_MEMBERS.has(group.state)) return `group ${group.group} on ${target.name} is ${group.state}`
  const places: (readonly [ClusterClient, string])[] = [[target, `mm2-offsets.${sourceAlias}.internal`]]
  // Where heliostat mirrors the other way, too, it writes this one there: then it tells nothing.
  if (!isOurTarget(source, targetAlias)) places.push([source, offsetSyncsAtSource(targetAlias, separator)])
  for (const [cluster, topic] of places)
    if (await isFresh(platform, cluster, topic)) return `topic ${topic} on ${cluster.name} was written within minutes`
  return undefined
}

/** Whether heliostat ever mirrored to this cluster from that one. */
function isOurTarget(cluster: ClusterClient, from: string): boolean {
  const isProgress = (topic: string) => topic.startsWith(`heliostat.${from}.`) && topic.endsWith('progress.internal')
  return [...cluster.topics().keys()].some(isProgress)
}

async function isFresh(platform: Platform, cluster: ClusterClient, topic: string): Promise<boolean> {
  const partitions = cluster.topics().get(topic)?.partitions ?? []
  const offsets = new OffsetLookup(platform, cluster)
  const since = platform.clock.now() - FRESH_MS
  const found = await Promise.all(
    partitions.map(({ partition }) => offsets.find(TopicPartition.of(topic, partition), since)),
  )
  return found.some((offset) => offset >= 0)
}
