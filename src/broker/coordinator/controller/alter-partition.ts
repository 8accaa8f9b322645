import { ErrorCode } from '../../../protocol/errors.ts'
import type { AlteredPartition, AlterPartitionCommand } from './command.ts'
import { changeRecord, electionOf, type Leadership } from './leadership.ts'
import type { TopicImage } from './metadata-image.ts'
import { type MetadataRecord, type PartitionRegistration, RECOVERED, RECOVERING } from './metadata-record.ts'
import { decided } from './partition-change.ts'

type Asked = AlterPartitionCommand['topics'][number]['partitions'][number]

/** Decides AlterPartition: a leader says which replicas are in sync (ReplicationControlManager.alterPartition). */
export function alterPartition(leadership: Leadership, command: AlterPartitionCommand) {
  const { image } = leadership
  const broker = image.brokers.get(command.brokerId)
  if (broker?.brokerEpoch !== command.brokerEpoch) {
    const errorCode = broker ? ErrorCode.STALE_BROKER_EPOCH : ErrorCode.BROKER_ID_NOT_REGISTERED
    return { reply: { errorCode, topics: [] }, records: [] }
  }
  const records: MetadataRecord[] = []
  const topics = command.topics.map(({ topicId, partitions }) => {
    const topic = image.topicById(topicId)
    const altered = partitions.map((asked) => alter(leadership, command.brokerId, topic, asked, records))
    return { topicId, partitions: altered }
  })
  return { reply: { errorCode: ErrorCode.NONE, topics }, records }
}

function alter(
  leadership: Leadership,
  brokerId: number,
  topic: TopicImage | undefined,
  asked: Asked,
  records: MetadataRecord[],
): AlteredPartition {
  if (!topic) return refused(asked, ErrorCode.UNKNOWN_TOPIC_ID)
  const partition = topic.partitions[asked.partitionIndex]
  if (!partition) return refused(asked, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)
  const errorCode = whyNot(leadership, brokerId, partition, asked)
  if (errorCode !== ErrorCode.NONE) return refused(asked, errorCode)
  const target = {
    isr: asked.newIsr.map((replica) => replica.brokerId),
    leaderRecoveryState: asked.leaderRecoveryState,
    election: electionOf(leadership, topic.name),
  }
  const { partition: after, change } = decided(partition, target, (id) => leadership.image.isActive(id))
  if (change) records.push(changeRecord(topic, partition, change))
  // The end of a reassignment may take the leadership from the leader that asked.
  if (after.leader !== brokerId) return refused(asked, ErrorCode.NEW_LEADER_ELECTED)
  const { isr, leader: leaderId, leaderEpoch, leaderRecoveryState, partitionEpoch } = after
  const { partitionIndex } = asked
  const now = { leaderId, leaderEpoch, isr, leaderRecoveryState, partitionEpoch }
  return { partitionIndex, errorCode: ErrorCode.NONE, ...now }
}

function whyNot({ image }: Leadership, brokerId: number, partition: PartitionRegistration, asked: Asked): number {
  // Whoever knows more than this controller does has heard of a newer one.
  if (asked.leaderEpoch > partition.leaderEpoch || asked.partitionEpoch > partition.partitionEpoch) {
    return ErrorCode.NOT_CONTROLLER
  }
  if (asked.leaderEpoch < partition.leaderEpoch) return ErrorCode.FENCED_LEADER_EPOCH
  if (brokerId !== partition.leader) return ErrorCode.INVALID_REQUEST
  if (asked.partitionEpoch < partition.partitionEpoch) return ErrorCode.INVALID_UPDATE_VERSION
  const ids = asked.newIsr.map((replica) => replica.brokerId)
  if (new Set(ids).size < ids.length || ids.some((id) => !partition.replicas.includes(id))) {
    return ErrorCode.INVALID_REQUEST
  }
  if (!ids.includes(brokerId)) return ErrorCode.INVALID_REQUEST
  const { leaderRecoveryState } = asked
  if (leaderRecoveryState === RECOVERING && ids.length > 1) return ErrorCode.INVALID_REQUEST
  if (leaderRecoveryState === RECOVERING && partition.leaderRecoveryState === RECOVERED)
    return ErrorCode.INVALID_REQUEST
  const isEligible = (replica: Asked['newIsr'][number]) => {
    const isOfThisStart = [-1, image.brokers.get(replica.brokerId)?.brokerEpoch].includes(replica.brokerEpoch)
    return image.isActive(replica.brokerId) && isOfThisStart
  }
  return asked.newIsr.every(isEligible) ? ErrorCode.NONE : ErrorCode.INELIGIBLE_REPLICA
}

function refused({ partitionIndex }: Asked, errorCode: number): AlteredPartition {
  return {
    partitionIndex,
    errorCode,
    leaderId: 0,
    leaderEpoch: 0,
    isr: [],
    leaderRecoveryState: RECOVERED,
    partitionEpoch: 0,
  }
}
