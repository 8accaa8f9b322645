// Produce (key 0), versions 3–13, advertised from 0 (see api-versions.ts).
//
// - acks 0: appended and not answered; an error closes the connection, the only sign there is. acks 1 and −1: answered once
//   appended, which with one replica is also committed. Other acks: INVALID_REQUIRED_ACKS.
// - One batch per partition, checked and stored by the log (LogValidator's rules, idempotent sequences, duplicates).
// - v7+: zstd; before, UNSUPPORTED_COMPRESSION_TYPE. v8+: error messages and the records at fault (KIP-467). v13: topic ids (KIP-516).
// - Needs WRITE on the topic: TOPIC_AUTHORIZATION_FAILED, told before whether there is such a topic.
// - Internal topics take records only from Kafka's own admin client id: INVALID_TOPIC_EXCEPTION.
// - Differs from Kafka: a partition named twice in one request is refused with INVALID_REQUEST; Kafka keeps the last and loses the
//   others without a word.
// - Left out: transactions. A transactional batch is refused with TRANSACTIONAL_ID_AUTHORIZATION_FAILED, as by Kafka when the request
//   names no transactional id.

import { ErrorCode } from '../../protocol/errors.ts'
import { produce } from '../../protocol/messages/produce.ts'
import type { Request } from '../../protocol/schema.ts'
import { splitBatches } from '../../records/record-batch.ts'
import type { Broker } from '../broker.ts'
import { isInternalTopic } from '../coordinator/controller/topic-name.ts'
import { type Call, CLOSE, serve } from '../dispatcher.ts'
import type { Appended, Partition } from '../partition.ts'

const ADMIN_CLIENT_ID = '__admin_client'
const FIRST_VERSION_WITH_IDS = 13
const FIRST_VERSION_WITH_ZSTD = 7

type TopicData = Request<typeof produce>['topicData'][number]
type PartitionData = TopicData['partitionData'][number]

export const serveProduce = serve(
  produce,
  [3, 13],
  (broker, request, call) => {
    const validAcks = request.acks === 0 || request.acks === 1 || request.acks === -1
    const named = new Set<string>()
    let failed = false
    const responses = request.topicData.map((topicData) => {
      const { name, topicId } = topicData
      const partitionResponses = topicData.partitionData.map((data) => {
        const key = `${name}${topicId}:${data.index}`
        const repeated = named.has(key)
        named.add(key)
        const appended = !validAcks
          ? refusal(ErrorCode.INVALID_REQUIRED_ACKS)
          : repeated
            ? refusal(ErrorCode.INVALID_REQUEST, 'the request names the partition twice')
            : append(broker, call, topicData, data)
        failed ||= appended.errorCode !== ErrorCode.NONE
        return partitionResponse(data.index, appended)
      })
      return { name, topicId, partitionResponses }
    })
    if (request.acks === 0) return failed ? CLOSE : undefined
    return { responses, throttleTimeMs: 0 }
  },
  0,
)

function append(broker: Broker, call: Call, topicData: TopicData, { index, records }: PartitionData): Appended {
  const partition = findPartition(broker, call, topicData, index)
  if (typeof partition === 'number') return refusal(partition)
  if (isInternalTopic(partition.topic) && call.clientId !== ADMIN_CLIENT_ID) {
    return refusal(ErrorCode.INVALID_TOPIC_EXCEPTION, `Cannot append to internal topic ${partition.topic}`)
  }
  const bytes = records?.[0]
  if (!bytes || bytes.length === 0) return refusal(ErrorCode.INVALID_RECORD, 'the request has no records')
  const { batches, incompleteBytes } = splitBatches(bytes)
  if (incompleteBytes > 0) return refusal(ErrorCode.INVALID_RECORD, 'the last batch is incomplete')
  for (const batch of batches) {
    if (batch.magic < 2) continue
    if (batch.isTransactional) return refusal(ErrorCode.TRANSACTIONAL_ID_AUTHORIZATION_FAILED)
    if (batch.compression === 'zstd' && call.version < FIRST_VERSION_WITH_ZSTD) {
      return refusal(ErrorCode.UNSUPPORTED_COMPRESSION_TYPE, 'zstd needs version 7 of Produce')
    }
  }
  return partition.append(batches, 'client')
}

function findPartition(broker: Broker, call: Call, { name, topicId }: TopicData, index: number): Partition | number {
  const topic = call.version < FIRST_VERSION_WITH_IDS ? name : broker.image.topicById(topicId)?.name
  if (topic === undefined) return ErrorCode.UNKNOWN_TOPIC_ID
  if (!call.may('WRITE', 'TOPIC', topic)) return ErrorCode.TOPIC_AUTHORIZATION_FAILED
  return broker.partitions.get(topic, index) ?? ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
}

function partitionResponse(index: number, appended: Appended) {
  if ('baseOffset' in appended) return { index, ...appended }
  const recordErrors = appended.recordErrors.map(({ batchIndex, message }) => ({
    batchIndex,
    batchIndexErrorMessage: message,
  }))
  const { errorCode, errorMessage } = appended
  return { index, errorCode, baseOffset: -1, errorMessage: errorMessage === '' ? null : errorMessage, recordErrors }
}

function refusal(errorCode: number, errorMessage = ''): Appended {
  return { errorCode, errorMessage, recordErrors: [] }
}
