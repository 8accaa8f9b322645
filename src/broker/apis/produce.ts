// Produce (key 0), versions 3–13, advertised from 0 (see api-versions.ts).
//
// - acks 0: appended and not answered; an error closes the connection, the only sign there is. acks 1: answered once appended. acks −1:
//   refused with NOT_ENOUGH_REPLICAS when fewer than min.insync.replicas are in sync; else answered when all in sync have it, or with
//   REQUEST_TIMED_OUT, NOT_ENOUGH_REPLICAS_AFTER_APPEND, NOT_LEADER_OR_FOLLOWER. Other acks: INVALID_REQUIRED_ACKS.
// - Only the leader takes records: NOT_LEADER_OR_FOLLOWER, v10+ with who leads and where (KIP-951).
// - One batch per partition, checked and stored by the log (LogValidator's rules, idempotent sequences, duplicates).
// - v7+: zstd; before, UNSUPPORTED_COMPRESSION_TYPE. v8+: error messages and the records at fault (KIP-467). v13: topic ids (KIP-516).
// - A log that refuses a batch tells where it starts, unless the batch was damaged or too large.
// - Needs WRITE on the topic: TOPIC_AUTHORIZATION_FAILED, told before whether there is such a topic.
// - Internal topics take records only from Kafka's own admin client id: INVALID_TOPIC_EXCEPTION.
// - The request's bytes count against the client's producer_byte_rate.
// - Differs from Kafka: a partition named twice in one request is refused with INVALID_REQUEST; Kafka keeps the last and loses the
//   others without a word.
// - Transactions: before its first batch the coordinator is asked whether the transaction reaches the partition (transaction-admission.ts);
//   from v12 on it is made to (KIP-890). When it cannot say now, NOT_ENOUGH_REPLICAS, which old clients retry, or from v12 on
//   CONCURRENT_TRANSACTIONS. Before v11, INVALID_TXN_STATE in place of TRANSACTION_ABORTABLE. Needs WRITE on the transactional id; without,
//   or without an id, one transactional batch makes the answer TRANSACTIONAL_ID_AUTHORIZATION_FAILED for all, whatever else is wrong.

import { ErrorCode, errorOf } from '../../protocol/errors.ts'
import { produce } from '../../protocol/messages/produce.ts'
import type { Request } from '../../protocol/schema.ts'
import { CODECS } from '../../records/compression/index.ts'
import { ATTRIBUTE, HEADER, type RecordBatch, splitBatches } from '../../records/record-batch.ts'
import { RecordsError } from '../../records/records-error.ts'
import type { Broker } from '../broker.ts'
import { type Write, whenCommitted } from '../committed-writes.ts'
import { isInternalTopic } from '../coordinator/controller/topic-name.ts'
import { type Answer, type Call, CLOSE, serve } from '../dispatcher.ts'
import { type CurrentLeader, leaderHints } from '../leader-hints.ts'
import type { Appended, Partition } from '../partition.ts'
import type { Admission, Admitted } from '../transaction-admission.ts'

const ACKS: ReadonlySet<number> = new Set([0, 1, -1])
const ADMIN_CLIENT_ID = '__admin_client'
const FIRST_VERSION_WITH_HINTS = 10
const FIRST_VERSION_WITH_IDS = 13
const FIRST_VERSION_WITH_ZSTD = 7
const ZSTD = CODECS.indexOf('zstd')
const FIRST_VERSION_WITH_ABORTABLE = 11
const FIRST_VERSION_THAT_ADDS = 12

/** The coordinator cannot say now; producers before KIP-890 retry only on what a log may answer. */
const UNDECIDED: ReadonlySet<number> = new Set([
  ErrorCode.CONCURRENT_TRANSACTIONS,
  ErrorCode.NETWORK_EXCEPTION,
  ErrorCode.COORDINATOR_LOAD_IN_PROGRESS,
  ErrorCode.COORDINATOR_NOT_AVAILABLE,
  ErrorCode.NOT_COORDINATOR,
])

type ProduceRequest = Request<typeof produce>
type TopicData = ProduceRequest['topicData'][number]
type PartitionData = TopicData['partitionData'][number]

export const serveProduce = serve(
  produce,
  [3, 13],
  (broker, request, call) => {
    const { principal } = call.caller
    const nowMs = broker.platform.clock.monotonic()
    call.pause(broker.quotas.record('producer_byte_rate', principal.name, call.clientId, call.requestBytes, nowMs))
    const { transactionalId } = request
    const mayTransact = transactionalId !== null && call.may('WRITE', 'TRANSACTIONAL_ID', transactionalId)
    if (!mayTransact && request.topicData.some(hasTransactional)) {
      const refused = refusal(ErrorCode.TRANSACTIONAL_ID_AUTHORIZATION_FAILED)
      return answer(broker, call, request, () => ({ appended: refused }))
    }
    if (transactionalId !== null) return produceInTransaction(broker, request, call, transactionalId)
    return answer(broker, call, request, (topicData, data) => append(broker, call, request.acks, topicData, data))
  },
  0,
)

/** Looked for before anything is checked, in the first batch of each partition: a second one is refused anyhow. */
function hasTransactional({ partitionData }: TopicData): boolean {
  return partitionData.some(({ records }) => {
    const bytes = records?.[0]
    if (!bytes || bytes.length < HEADER.records || bytes[HEADER.magic] !== 2) return false
    return (bytes.readInt16BE(HEADER.attributes) & ATTRIBUTE.transactional) !== 0
  })
}

type AppendOne = (topicData: TopicData, data: PartitionData) => PartitionAppended

/** The partition is known unless the request was refused before it was looked for. */
interface PartitionAppended {
  readonly appended: Appended
  readonly write?: Write
}

type TopicResponses = { name: string; topicId: string; partitionResponses: PartitionResponse[] }[]
type PartitionResponse = ReturnType<typeof partitionResponse> & { currentLeader?: CurrentLeader }

function answer(
  broker: Broker,
  call: Call,
  request: ProduceRequest,
  appendOne: AppendOne,
): Answer<typeof produce> | Promise<Answer<typeof produce>> {
  const named = new Set<string>()
  const writes: Write[] = []
  const written: PartitionResponse[] = []
  let failed = false
  const responses = request.topicData.filter(hasPartitions).map((topicData) => {
    const { name, topicId } = topicData
    const partitionResponses = topicData.partitionData.map((data): PartitionResponse => {
      const key = `${name}${topicId}:${data.index}`
      const repeated = named.has(key)
      named.add(key)
      const { appended, write } = repeated
        ? { appended: refusal(ErrorCode.INVALID_REQUEST, 'the request names the partition twice') }
        : appendOne(topicData, data)
      failed ||= appended.errorCode !== ErrorCode.NONE
      const response = partitionResponse(data.index, appended)
      if (write) {
        writes.push(write)
        written.push(response)
      }
      return response
    })
    return { name, topicId, partitionResponses }
  })
  if (request.acks === 0) return failed ? CLOSE : undefined
  if (request.acks === 1 || writes.length === 0) return withHints(broker, call, responses)
  const finish = (errorCodes: readonly number[]) => {
    // As Kafka, with the offset of what is in the log all the same.
    for (const [index, response] of written.entries()) response.errorCode = errorCodes[index]!
    return withHints(broker, call, responses)
  }
  const errorCodes = whenCommitted(broker.purgatory, writes, request.timeoutMs)
  return errorCodes instanceof Promise ? errorCodes.then(finish) : finish(errorCodes)
}

/** Whoever came to the wrong broker is told who leads. */
function withHints(broker: Broker, call: Call, responses: TopicResponses) {
  if (call.version < FIRST_VERSION_WITH_HINTS) return { responses, throttleTimeMs: 0 }
  const misled = responses.flatMap(({ name, topicId, partitionResponses }) =>
    partitionResponses
      .filter(({ errorCode }) => errorCode === ErrorCode.NOT_LEADER_OR_FOLLOWER)
      .map((response) => ({ response, topic: topicOf(broker, call, name, topicId) ?? '' })),
  )
  const { leaders, nodeEndpoints } = leaderHints(
    broker,
    call.listener,
    misled.map(({ response, topic }) => ({ topic, partition: response.index })),
  )
  misled.forEach(({ response }, index) => {
    const leader = leaders[index]
    if (leader) response.currentLeader = leader
  })
  return { responses, throttleTimeMs: 0, nodeEndpoints }
}

/** As in Kafka, whose answer is put together from partitions. */
function hasPartitions({ partitionData }: TopicData): boolean {
  return partitionData.length > 0
}

async function produceInTransaction(
  broker: Broker,
  request: ProduceRequest,
  call: Call,
  transactionalId: string,
): Promise<Answer<typeof produce>> {
  const firsts = new Map<Partition, RecordBatch>()
  for (const topicData of request.topicData) {
    for (const data of topicData.partitionData) {
      const checked = check(broker, call, request.acks, topicData, data)
      const first = 'batches' in checked ? checked.batches.find((batch) => batch.isTransactional) : undefined
      if (first && 'batches' in checked) firsts.set(checked.partition, first)
    }
  }
  const producers = new Map([...firsts.values()].map((batch) => [`${batch.producerId}:${batch.producerEpoch}`, batch]))
  if (producers.size > 1) {
    const message = 'Transactional records contained more than one producer ID'
    const refused = refusal(ErrorCode.INVALID_PRODUCER_ID_MAPPING, message)
    return answer(broker, call, request, () => ({ appended: refused }))
  }
  const admitted = new Map<Partition, Admitted>()
  const admission = admissionOf(call.version)
  for (const { producerId, producerEpoch } of producers.values()) {
    if (admission !== 'add' && !broker.config.boolean('transaction.partition.verification.enable')) break
    const sequences = new Map([...firsts].map(([partition, { baseSequence }]) => [partition, baseSequence]))
    const producer = { transactionalId, producerId, producerEpoch }
    for (const [partition, one] of await broker.admission.admit(producer, sequences, admission))
      admitted.set(partition, one)
  }
  const appendOne: AppendOne = (topicData, data) => append(broker, call, request.acks, topicData, data, admitted)
  return answer(broker, call, request, appendOne)
}

function admissionOf(version: number): Admission {
  if (version >= FIRST_VERSION_THAT_ADDS) return 'add'
  return version >= FIRST_VERSION_WITH_ABORTABLE ? 'verify-abortable' : 'verify'
}

/** `admitted`: of a transactional request, what the coordinator said of each partition that was asked about. */
function append(
  broker: Broker,
  call: Call,
  acks: number,
  topicData: TopicData,
  data: PartitionData,
  admitted?: ReadonlyMap<Partition, Admitted>,
): PartitionAppended {
  const checked = check(broker, call, acks, topicData, data)
  if (!('batches' in checked)) return { appended: checked }
  const { partition, batches } = checked
  if (!admitted && batches.some((batch) => batch.isTransactional)) {
    return { appended: refusal(ErrorCode.TRANSACTIONAL_ID_AUTHORIZATION_FAILED) }
  }
  const admission = admitted?.get(partition)
  if (admission && admission.errorCode !== ErrorCode.NONE) {
    return { appended: notAdmitted(admission.errorCode, call.version) }
  }
  const appended = partition.append(batches, 'client', { claims: admission?.claims, acks })
  if (!('nextOffset' in appended)) return { appended }
  return { appended, write: { partition, nextOffset: appended.nextOffset, tenure: partition.tenure } }
}

function notAdmitted(errorCode: number, version: number): Appended {
  if (errorCode === ErrorCode.INVALID_TXN_STATE) return refusal(errorCode, 'Partition was not added to the transaction')
  const isTold = errorCode === ErrorCode.CONCURRENT_TRANSACTIONS && version >= FIRST_VERSION_THAT_ADDS
  if (isTold || !UNDECIDED.has(errorCode)) return refusal(errorCode)
  const message = `Unable to verify the partition has been added to the transaction. Underlying error: ${errorOf(errorCode).name}`
  return refusal(ErrorCode.NOT_ENOUGH_REPLICAS, message)
}

/** The batches of a partition that may be appended, as far as can be told without its log. */
function check(
  broker: Broker,
  call: Call,
  acks: number,
  topicData: TopicData,
  { index, records }: PartitionData,
): { partition: Partition; batches: RecordBatch[] } | Appended {
  const partition = findPartition(broker, call, topicData, index)
  if (typeof partition === 'number') return refusal(partition)
  const bytes = records?.[0]
  if (!bytes || bytes.length === 0) return refusal(ErrorCode.INVALID_RECORD, 'the request has no records')
  const batches = batchesOf(bytes)
  if (!Array.isArray(batches)) return batches
  for (const batch of batches) {
    // Compared as a number: a codec that nobody knows is the log's to refuse.
    const isZstd = (batch.attributes & ATTRIBUTE.codecMask) === ZSTD
    if (isZstd && call.version < FIRST_VERSION_WITH_ZSTD) {
      return refusal(ErrorCode.UNSUPPORTED_COMPRESSION_TYPE, 'zstd needs version 7 of Produce')
    }
  }
  if (!ACKS.has(acks)) return refusal(ErrorCode.INVALID_REQUIRED_ACKS)
  if (isInternalTopic(partition.topic) && call.clientId !== ADMIN_CLIENT_ID) {
    return refusal(ErrorCode.INVALID_TOPIC_EXCEPTION, `Cannot append to internal topic ${partition.topic}`)
  }
  if (!partition.isLeader) return refusal(ErrorCode.NOT_LEADER_OR_FOLLOWER)
  return { partition, batches }
}

/** Batches whose headers hold together: what cannot be read at all is refused here, so that nobody meets it later. */
function batchesOf(bytes: Buffer): RecordBatch[] | Appended {
  try {
    // What follows the batch and is not whole is cut off and never missed, as by Kafka.
    const { batches } = splitBatches(bytes)
    if (batches.length !== 1) return refusal(ErrorCode.INVALID_RECORD, 'records must come as one whole batch')
    if (batches[0]!.magic < 2) return refusal(ErrorCode.INVALID_RECORD, 'records must come as a batch of magic 2')
    return whyUnreadable(batches[0]!) ?? batches
  } catch (error) {
    if (error instanceof RecordsError) return refusal(ErrorCode.CORRUPT_MESSAGE, error.message)
    throw error
  }
}

/** A header with numbers beyond 2^53. */
function whyUnreadable(batch: RecordBatch): Appended | undefined {
  try {
    const numbers = [batch.baseOffset, batch.producerId]
    return numbers.every(Number.isSafeInteger) ? undefined : refusal(ErrorCode.INVALID_RECORD)
  } catch (error) {
    if (error instanceof RecordsError) return refusal(ErrorCode.INVALID_RECORD, error.message)
    throw error
  }
}

function findPartition(broker: Broker, call: Call, { name, topicId }: TopicData, index: number): Partition | number {
  const topic = topicOf(broker, call, name, topicId)
  if (topic === undefined) return ErrorCode.UNKNOWN_TOPIC_ID
  if (!call.may('WRITE', 'TOPIC', topic)) return ErrorCode.TOPIC_AUTHORIZATION_FAILED
  return broker.partitions.find(topic, index)
}

function topicOf(broker: Broker, call: Call, name: string, topicId: string): string | undefined {
  return call.version < FIRST_VERSION_WITH_IDS ? name : broker.image.topicById(topicId)?.name
}

function partitionResponse(index: number, appended: Appended) {
  if ('baseOffset' in appended) {
    const { errorCode, baseOffset, logAppendTimeMs, logStartOffset } = appended
    return { index, errorCode: errorCode as number, baseOffset, logAppendTimeMs, logStartOffset }
  }
  const recordErrors = appended.recordErrors.map(({ batchIndex, message }) => ({
    batchIndex,
    batchIndexErrorMessage: message,
  }))
  const { errorCode, errorMessage, logStartOffset = -1 } = appended
  const message = errorMessage === '' ? null : errorMessage
  return { index, errorCode, baseOffset: -1, logStartOffset, errorMessage: message, recordErrors }
}

function refusal(errorCode: number, errorMessage = ''): Appended {
  return { errorCode, errorMessage, recordErrors: [] }
}
