import { ErrorCode } from '../../../protocol/errors.ts'
import type { ElectLeadersCommand, ItemError } from './command.ts'
import { changeRecord, type Leadership } from './leadership.ts'
import { type MetadataRecord, NO_LEADER } from './metadata-record.ts'
import { decideChange } from './partition-change.ts'
import { invalid } from './topic-creation.ts'

/** As ElectLeaders numbers them (KIP-460). */
export const ELECTION = { PREFERRED: 0, UNCLEAN: 1 } as const

/** Decides ElectLeaders (ReplicationControlManager.electLeaders). Asked for all, partitions that need no election are left out. */
export function electLeaders(leadership: Leadership, { electionType, topics }: ElectLeadersCommand) {
  const records: MetadataRecord[] = []
  const all = [...leadership.image.topics.values()].map(({ name, partitions }) => {
    return { topic: name, partitions: partitions.map(({ partitionId }) => partitionId) }
  })
  const results = (topics ?? all).map(({ topic, partitions }) => {
    const partitionResult = partitions
      .map((partitionId) => ({ partitionId, ...elect(leadership, electionType, topic, partitionId, records) }))
      .filter(({ errorCode }) => topics !== null || errorCode !== ErrorCode.ELECTION_NOT_NEEDED)
    return { topic, partitionResult }
  })
  return { reply: { results }, records }
}

function elect(
  { image }: Leadership,
  electionType: number,
  name: string,
  partitionId: number,
  records: MetadataRecord[],
): ItemError {
  const topic = image.topics.get(name)
  if (!topic) return invalid('UNKNOWN_TOPIC_OR_PARTITION', `No such topic as ${name}`)
  const partition = topic.partitions[partitionId]
  if (!partition) return invalid('UNKNOWN_TOPIC_OR_PARTITION', `No such partition as ${name}-${partitionId}`)
  const isPreferred = electionType === ELECTION.PREFERRED
  if (isPreferred ? partition.leader === partition.replicas[0] : partition.leader !== NO_LEADER) {
    return invalid('ELECTION_NOT_NEEDED', 'Leader election not needed for topic partition.')
  }
  const election = isPreferred ? 'preferred' : 'unclean'
  const change = decideChange(partition, { election }, (id) => image.isActive(id))
  if (change) {
    records.push(changeRecord(topic, partition, change))
    return { errorCode: ErrorCode.NONE, errorMessage: null }
  }
  return isPreferred
    ? invalid('PREFERRED_LEADER_NOT_AVAILABLE', 'The preferred leader was not available.')
    : invalid('ELIGIBLE_LEADERS_NOT_AVAILABLE', 'Eligible topic partition leaders are not available.')
}
