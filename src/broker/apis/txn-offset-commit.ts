// TxnOffsetCommit (key 28), versions 0–5. The rules are in coordinator/group/offsets.ts.
//
// - Offsets that count once the transaction commits, appended to `__consumer_offsets` as part of it.
// - Needs WRITE on the transactional id and READ on the group, else their errors for all, and READ on each topic.
// - v2+: leader epoch (KIP-320). v3+: member, generation and instance are checked when they are given (KIP-447).
// - The transaction must reach the group's partition (transaction-admission.ts), or INVALID_TXN_STATE, v4+ TRANSACTION_ABORTABLE; v5: the
//   broker sees to it (KIP-890).

import { ErrorCode } from '../../protocol/errors.ts'
import { txnOffsetCommit } from '../../protocol/messages/txn-offset-commit.ts'
import { type Request, ZERO_UUID } from '../../protocol/schema.ts'
import type { Broker } from '../broker.ts'
import { CONSUMER_OFFSETS } from '../coordinator/controller/topic-name.ts'
import type { OffsetToCommit } from '../coordinator/group/command.ts'
import { partitionOf } from '../coordinator/group/group-coordinator.ts'
import { orElse } from '../coordinator/runtime.ts'
import { type Call, serve } from '../dispatcher.ts'
import type { Partition } from '../partition.ts'
import type { Admission } from '../transaction-admission.ts'

const FIRST_VERSION_WITH_ABORTABLE = 4
const FIRST_VERSION_THAT_ADDS = 5
const NO_SEQUENCE = -1

type CommitRequest = Request<typeof txnOffsetCommit>

export const serveTxnOffsetCommit = serve(txnOffsetCommit, [0, 5], async (broker, request, call) => {
  const refusal = refusalOf(request, call)
  const checked = request.topics.map(({ name, partitions }) => ({
    name,
    partitions: partitions.map((partition) => {
      const errorCode = refusal === ErrorCode.NONE ? checkedPartition(broker, call, name, partition) : refusal
      return { ...partition, errorCode }
    }),
  }))
  const offsets = checked.flatMap(({ name, partitions }) =>
    partitions
      .filter(({ errorCode }) => errorCode === ErrorCode.NONE)
      .map(
        (partition): OffsetToCommit => ({
          topic: name,
          topicId: ZERO_UUID,
          partition: partition.partitionIndex,
          offset: partition.committedOffset,
          leaderEpoch: partition.committedLeaderEpoch,
          metadata: partition.committedMetadata ?? '',
        }),
      ),
  )
  const errors = offsets.length === 0 ? undefined : await commit(broker, request, call.version, offsets)
  const topics = checked.map(({ name, partitions }) => ({
    name,
    partitions: partitions.map(({ partitionIndex, errorCode }) => ({
      partitionIndex,
      errorCode: errorCode === ErrorCode.NONE ? errors!(name, partitionIndex) : errorCode,
    })),
  }))
  return { throttleTimeMs: 0, topics }
})

function refusalOf({ transactionalId, groupId }: CommitRequest, { may }: Call): number {
  if (!may('WRITE', 'TRANSACTIONAL_ID', transactionalId)) return ErrorCode.TRANSACTIONAL_ID_AUTHORIZATION_FAILED
  return may('READ', 'GROUP', groupId) ? ErrorCode.NONE : ErrorCode.GROUP_AUTHORIZATION_FAILED
}

function checkedPartition(
  broker: Broker,
  { may }: Call,
  topic: string,
  { partitionIndex }: { readonly partitionIndex: number },
): number {
  if (!may('READ', 'TOPIC', topic)) return ErrorCode.TOPIC_AUTHORIZATION_FAILED
  const exists = broker.image.topics.get(topic)?.partitions[partitionIndex] !== undefined
  return exists ? ErrorCode.NONE : ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
}

/** What became of each offset. */
async function commit(
  broker: Broker,
  request: CommitRequest,
  version: number,
  offsets: readonly OffsetToCommit[],
): Promise<(topic: string, partition: number) => number> {
  const { transactionalId, groupId, producerId, producerEpoch, memberId, groupInstanceId } = request
  if (groupId === '') return () => ErrorCode.INVALID_GROUP_ID
  const partition = offsetsPartition(broker, groupId)
  if (!partition) return () => ErrorCode.NOT_COORDINATOR
  const admission = admissionOf(version)
  const asks = admission === 'add' || broker.config.boolean('transaction.partition.verification.enable')
  const producer = { transactionalId, producerId, producerEpoch }
  const admitted = asks
    ? await broker.admission.admit(producer, new Map([[partition, NO_SEQUENCE]]), admission)
    : undefined
  const { errorCode = ErrorCode.NONE, claims = undefined } = admitted?.get(partition) ?? {}
  if (errorCode !== ErrorCode.NONE) return () => errorCode
  const generationId = request.generationIdOrMemberEpoch
  const member = { groupId, memberId, groupInstanceId, generationId }
  const command = { type: 'txn-offset-commit', ...member, producerId, producerEpoch, offsets } as const
  const reply = await orElse(broker.groups.ask(command, claims), (code) => ({
    partitions: offsets.map((one) => ({ topic: one.topic, partition: one.partition, errorCode: code })),
  }))
  const errors = new Map(reply.partitions.map((one) => [`${one.topic}:${one.partition}`, one.errorCode]))
  return (topic, index) => errors.get(`${topic}:${index}`)!
}

function offsetsPartition(broker: Broker, groupId: string): Partition | undefined {
  const partitionCount = broker.image.topics.get(CONSUMER_OFFSETS)?.partitions.length ?? 0
  if (partitionCount === 0) return undefined
  const partition = broker.partitions.get(CONSUMER_OFFSETS, partitionOf(groupId, partitionCount))
  return partition?.isLeader ? partition : undefined
}

function admissionOf(version: number): Admission {
  if (version >= FIRST_VERSION_THAT_ADDS) return 'add'
  return version >= FIRST_VERSION_WITH_ABORTABLE ? 'verify-abortable' : 'verify'
}
