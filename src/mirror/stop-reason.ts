// What a refused batch means for its partition: try again from what the target has, or stop and tell a person. The sentences
// are for people: they name the offset, what was refused, and the way out.
import type { TopicPartition } from '../client/topic-partition.ts'
import { HeliostatError } from '../platform/errors.ts'
import { ErrorCode, errorOf } from '../protocol/errors.ts'

/** Why a partition stands still until something outside changes. */
export interface StopReason {
  /** Stable, for scripts and metrics. */
  readonly code: StopCode
  readonly message: string
  /** Rights and topics come back without a restart; such a partition looks again now and then. */
  readonly mayPass: boolean
}

type StopCode =
  | 'record-too-large'
  | 'record-refused'
  | 'corrupt'
  | 'not-authorized'
  | 'foreign-write'
  | 'target-went-back'
  | 'target-recreated'
  | 'ambiguous-position'
  | 'topic-missing'
  | 'data-loss'
  | 'not-ours'
  | 'not-taken-over'
  | 'broken-invariant'

export interface RefusedBatch {
  readonly upstream: number
  readonly bytes: Buffer
}

const SENTENCES: ReadonlyMap<number, (batch: RefusedBatch, limit: number) => StopReason> = new Map([
  [
    ErrorCode.MESSAGE_TOO_LARGE,
    (batch: RefusedBatch, limit: number) => tooLarge(batch.upstream, batch.bytes.length, limit),
  ],
  [
    ErrorCode.INVALID_RECORD,
    (batch: RefusedBatch) => refused(batch, 'an invalid record', 'a null key cannot go to a compacted topic'),
  ],
  [
    ErrorCode.INVALID_TIMESTAMP,
    (batch: RefusedBatch) =>
      refused(
        batch,
        'an invalid timestamp',
        "see the target topic's message.timestamp.after.max.ms and message.timestamp.before.max.ms",
      ),
  ],
  [
    ErrorCode.UNSUPPORTED_COMPRESSION_TYPE,
    (batch: RefusedBatch) => refused(batch, 'an unknown compression', 'the target is too old for this codec'),
  ],
  [ErrorCode.CORRUPT_MESSAGE, (batch: RefusedBatch) => corrupt(batch.upstream, 'the target found its checksum wrong')],
  [ErrorCode.TOPIC_AUTHORIZATION_FAILED, () => denied('write to the topic on the target')],
  [ErrorCode.CLUSTER_AUTHORIZATION_FAILED, () => denied('write to the target cluster')],
  [ErrorCode.INVALID_PRODUCER_EPOCH, () => foreign('the target knows a newer epoch of our producer')],
  [ErrorCode.PRODUCER_FENCED, () => foreign('our producer was fenced')],
  [ErrorCode.INVALID_PRODUCER_ID_MAPPING, () => foreign('our producer id is not ours any more')],
])

/** The reason to stop, or undefined when reading the target again and going on from there is right. */
export function stopReason(errorCode: number, batch: RefusedBatch, limit: number): StopReason | undefined {
  const sentence = SENTENCES.get(errorCode)
  if (sentence) return sentence(batch, limit)
  if (errorOf(errorCode).retriable || MAY_RECOVER.has(errorCode)) return undefined
  const { name, message } = errorOf(errorCode)
  return {
    code: 'record-refused',
    message: `The target refused the batch at source offset ${batch.upstream}: ${name} (${message}).`,
    mayPass: false,
  }
}

/** Not retriable in Kafka's table, because a producer cannot resend blindly; we never do. */
const MAY_RECOVER = new Set<number>([
  ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER,
  ErrorCode.DUPLICATE_SEQUENCE_NUMBER,
  ErrorCode.UNKNOWN_PRODUCER_ID,
  ErrorCode.UNKNOWN_SERVER_ERROR,
  ErrorCode.NOT_ENOUGH_REPLICAS_AFTER_APPEND,
  ErrorCode.UNKNOWN_TOPIC_ID,
  ErrorCode.INCONSISTENT_TOPIC_ID,
])

/** Refusals that are about a batch: its partition stops, and the transaction goes on. */
export function isOfTheBatch(errorCode: number): boolean {
  return OF_THE_BATCH.has(errorCode)
}

const OF_THE_BATCH: ReadonlySet<number> = new Set([
  ErrorCode.MESSAGE_TOO_LARGE,
  ErrorCode.RECORD_LIST_TOO_LARGE,
  ErrorCode.INVALID_RECORD,
  ErrorCode.INVALID_TIMESTAMP,
  ErrorCode.UNSUPPORTED_COMPRESSION_TYPE,
  ErrorCode.CORRUPT_MESSAGE,
  ErrorCode.TOPIC_AUTHORIZATION_FAILED,
])

export function tooLarge(upstream: number, bytes: number, limit: number): StopReason {
  return {
    code: 'record-too-large',
    message: `The record at source offset ${upstream} needs ${bytes} bytes, and the target topic takes ${limit} (max.message.bytes). Raise the limit there; mirroring goes on by itself.`,
    mayPass: true,
  }
}

export function corrupt(upstream: number, why: string): StopReason {
  return { code: 'corrupt', message: `The batch at source offset ${upstream} is damaged: ${why}.`, mayPass: false }
}

export function foreign(why: string): StopReason {
  return {
    code: 'foreign-write',
    message: `Something else writes to the target topic (${why}); its content can no longer be told from the source's.`,
    mayPass: false,
  }
}

/** Somebody mirrored or wrote there before, and nothing says what: to begin anew behind it could double everything. */
export function unknownCopy(remote: TopicPartition, end: number): StopReason {
  return {
    code: 'foreign-write',
    message: `${remote} holds records up to offset ${end}, and there is no progress that says how they came there. Delete ${remote.topic} to have it made anew, mirror under another name beside it, or say takeOver: mirrormaker if that made it.`,
    mayPass: true,
  }
}

/** None of several plans for one place came true there. */
export function ambiguous(downstream: number, remote: TopicPartition): StopReason {
  return {
    code: 'ambiguous-position',
    message: `What stands at offset ${downstream} of ${remote} is none of the batches that were planned for it.`,
    mayPass: false,
  }
}

/** What kept the position from being known, and will not pass by itself. */
export function unpositioned(error: Error): StopReason {
  const known = error instanceof HeliostatError ? error : undefined
  const isDenied = known?.where?.['errorCode'] === ErrorCode.TOPIC_AUTHORIZATION_FAILED
  const code = isDenied ? 'not-authorized' : 'broken-invariant'
  return { code, message: error.message, mayPass: known !== undefined }
}

export function notTakenOver(remoteTopic: string, why: string): StopReason {
  return {
    code: 'not-taken-over',
    message: `The copy that MirrorMaker made cannot be gone on with: ${why}. Delete ${remoteTopic} to have it made anew, or mirror under another name beside it.`,
    mayPass: true,
  }
}

/** `left`: source offsets that are known not to have been mirrored. */
export function missing(topic: string, left?: { readonly from: number; readonly to: number }): StopReason {
  const lost = left && left.from < left.to ? ` Source offsets ${left.from} to ${left.to - 1} were not mirrored.` : ''
  return {
    code: 'topic-missing',
    message: `The source has no topic ${topic} any more; its copy on the target is kept.${lost}`,
    mayPass: true,
  }
}

export function denied(what: string): StopReason {
  return { code: 'not-authorized', message: `We have no right to ${what}.`, mayPass: true }
}

function refused(batch: RefusedBatch, what: string, hint: string): StopReason {
  return {
    code: 'record-refused',
    message: `The target found ${what} in the batch at source offset ${batch.upstream} (${hint}).`,
    mayPass: false,
  }
}
