// Whether a MirrorMaker 2 copies between the same clusters at the moment. Both would write the same topics, and records would stand there
// twice. It is told by what MirrorMaker leaves behind, in whichever form it runs: the group of its workers, and records of the last minutes in
// topics that it keeps.
//
// Some of these topics heliostat writes as well. Where it never mirrored, all in them is MirrorMaker's. Where it did, a record with a
// producer id is: MirrorMaker's offset syncs have one since 3.0, heliostat's have none.
import type { ClusterClient } from '../client/cluster-client.ts'
import { readLog } from '../client/log-reader.ts'
import { LATEST, OffsetLookup } from '../client/offset-lookup.ts'
import { TopicPartition } from '../client/topic-partition.ts'
import { hasMembers, listAllGroups } from '../offset-translation/group-offsets.ts'
import type { Platform } from '../platform/platform.ts'
import { groupsThatRun } from './connect-workers.ts'
import { offsetSyncsAtSource, type ReplicationPolicy } from './replication-policy.ts'

export interface Pair {
  readonly source: ClusterClient
  readonly target: ClusterClient
  readonly sourceAlias: string
  readonly targetAlias: string
  readonly policy: Pick<ReplicationPolicy, 'separator' | 'offsetSyncsTopic' | 'checkpointsTopic'>
}

/** MirrorMaker writes its offsets every minute, and its offset-syncs with them. */
const FRESH_MS = 3 * 60_000

/** What says that it lives; undefined: nothing does. */
export async function liveMirrorMaker(platform: Platform, pair: Pair): Promise<string | undefined> {
  const { source, target, sourceAlias, targetAlias, policy } = pair
  await Promise.all([source.refresh(), target.refresh()])
  const atSource = { cluster: source, isShared: hasMirroredTo(source, targetAlias) }
  const atTarget = { cluster: target, isShared: hasMirroredTo(target, sourceAlias) }
  const signs = await Promise.all(
    [
      dedicatedGroup(target, sourceAlias),
      ...[target, source].map((cluster) => connectGroup(cluster, sourceAlias, targetAlias)),
      freshTopic(platform, { cluster: target, isShared: false, topic: `mm2-offsets.${sourceAlias}.internal` }),
      freshTopic(platform, { ...atSource, topic: offsetSyncsAtSource(targetAlias, policy.separator) }),
      freshTopic(platform, { ...atTarget, topic: policy.offsetSyncsTopic }),
      freshTopic(platform, { ...atTarget, topic: policy.checkpointsTopic }),
      // What may not be looked at tells nothing, and hides nothing of the rest.
    ].map((sign) => sign.catch(() => undefined)),
  )
  return signs.find((sign) => sign !== undefined)
}

/** Of `connect-mirror-maker.sh`. */
async function dedicatedGroup(target: ClusterClient, sourceAlias: string): Promise<string | undefined> {
  const group = (await listAllGroups(target)).groups.get(`${sourceAlias}-mm2`)
  if (!group || !hasMembers(group)) return undefined
  return `group ${group.group} on ${target.name} is ${group.state}`
}

/** Of Strimzi, whose connectors are called after their clusters; those of others may be called anything. */
async function connectGroup(cluster: ClusterClient, from: string, to: string): Promise<string | undefined> {
  const connector = `${from}->${to}.MirrorSourceConnector`
  const [group] = await groupsThatRun(cluster, connector)
  return group === undefined ? undefined : `group ${group} on ${cluster.name} runs the connector ${connector}`
}

interface KeptTopic {
  readonly cluster: ClusterClient
  readonly topic: string
  /** Whether heliostat may have written to it. */
  readonly isShared: boolean
}

async function freshTopic(platform: Platform, { cluster, topic, isShared }: KeptTopic): Promise<string | undefined> {
  const partitions = (cluster.topics().get(topic)?.partitions ?? []).map(({ partitionIndex }) =>
    TopicPartition.of(topic, partitionIndex),
  )
  const offsets = new OffsetLookup(platform, cluster)
  const since = platform.clock.now() - FRESH_MS
  const fresh = await Promise.all(
    partitions.map(async (partition) => {
      const [from, to] = await Promise.all([offsets.find(partition, since), offsets.find(partition, LATEST)])
      return from >= 0 && (!isShared || hasProducerIds(cluster, partition, { from, to }))
    }),
  )
  return fresh.includes(true) ? `topic ${topic} on ${cluster.name} was written within minutes` : undefined
}

async function hasProducerIds(
  cluster: ClusterClient,
  partition: TopicPartition,
  stretch: { readonly from: number; readonly to: number },
): Promise<boolean> {
  for await (const { producerId } of readLog(cluster, partition, stretch)) if (producerId >= 0) return true
  return false
}

/** Whether heliostat ever mirrored to this cluster from that one. */
function hasMirroredTo(cluster: ClusterClient, from: string): boolean {
  const isProgress = (topic: string) => topic.startsWith(`heliostat.${from}.`) && topic.endsWith('progress.internal')
  return [...cluster.topics().keys()].some(isProgress)
}
