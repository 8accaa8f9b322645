// Who leads when brokers come and go (ReplicationControlManager): of many partitions at once what partition-change.ts decides of one.

import type { ReadonlyMetadataImage, TopicImage } from './metadata-image.ts'
import { RESOURCE_TYPE } from './metadata-image.ts'
import type { MetadataRecord, PartitionRegistration } from './metadata-record.ts'
import { NO_LEADER } from './metadata-record.ts'
import { decideChange, type Election, type PartitionTarget } from './partition-change.ts'

/** What the decisions about leaders go by. */
export interface Leadership {
  readonly image: ReadonlyMetadataImage
  /** Whether records of a topic with these configs may be given up rather than its partitions. */
  readonly allowsUnclean: (topicConfigs: ReadonlyMap<string, string>) => boolean
}

/** Leaderless rather than unclean, unless the topic says otherwise. */
export function electionOf({ image, allowsUnclean }: Leadership, topic: string): Election {
  return allowsUnclean(image.configs(RESOURCE_TYPE.TOPIC, topic)) ? 'unclean' : 'online'
}

/** The broker is gone, or about to: it leads nothing more and is in sync with nothing, unless it was the last that was. */
export function withoutBroker(leadership: Leadership, brokerId: number): MetadataRecord[] {
  const { image } = leadership
  const mayLead = (id: number) => id !== brokerId && image.isActive(id)
  return changeAll(leadership, mayLead, ({ isr }) =>
    isr.includes(brokerId) ? { isr: isr.filter((id) => id !== brokerId) } : undefined,
  )
}

/** The broker is there: it leads what nobody else could. */
export function withBroker(leadership: Leadership, brokerId: number): MetadataRecord[] {
  const mayLead = (id: number) => id === brokerId || leadership.image.isActive(id)
  return changeAll(leadership, mayLead, ({ leader }) => (leader === NO_LEADER ? {} : undefined))
}

/** What has no leader gets one, now that records may be given up for it. */
export function withoutLeader(leadership: Leadership): MetadataRecord[] {
  const mayLead = (id: number) => leadership.image.isActive(id)
  return changeAll(leadership, mayLead, ({ leader }) => (leader === NO_LEADER ? {} : undefined))
}

/** Leaders go back to the first replicas, of at most `limit` partitions. */
export function withPreferredLeaders(leadership: Leadership, limit: number): MetadataRecord[] {
  const { image } = leadership
  const mayLead = (id: number) => image.isActive(id)
  let left = limit
  return changeAll(leadership, mayLead, ({ leader, replicas, isr }) => {
    const preferred = replicas[0]!
    if (leader === preferred || !isr.includes(preferred) || !mayLead(preferred) || left === 0) return undefined
    left -= 1
    return { election: 'preferred' }
  })
}

export function leadsAnything(image: ReadonlyMetadataImage, brokerId: number): boolean {
  for (const { partitions } of image.topics.values()) {
    if (partitions.some(({ leader }) => leader === brokerId)) return true
  }
  return false
}

function changeAll(
  leadership: Leadership,
  mayLead: (brokerId: number) => boolean,
  targetOf: (partition: PartitionRegistration) => PartitionTarget | undefined,
): MetadataRecord[] {
  const records: MetadataRecord[] = []
  for (const topic of leadership.image.topics.values()) {
    for (const partition of topic.partitions) {
      const target = targetOf(partition)
      if (!target) continue
      const election = target.election ?? electionOf(leadership, topic.name)
      const change = decideChange(partition, { ...target, election }, mayLead)
      if (change) records.push(changeRecord(topic, partition, change))
    }
  }
  return records
}

export function changeRecord(
  { topicId }: TopicImage,
  { partitionId }: PartitionRegistration,
  change: NonNullable<ReturnType<typeof decideChange>>,
): MetadataRecord {
  return { type: 'partition-change', topicId, partitionId, ...change }
}
