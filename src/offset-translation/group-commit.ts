// Commits of groups as records of `__consumer_offsets`, key versions 0 and 1: what classic groups and those of KIP-848 write alike.
// Other keys are about groups and members, and say nothing of positions.
//
// key: int16 version, string group, string topic, int32 partition
import { TopicPartition } from '../client/topic-partition.ts'
import { DecodeError, decodeStruct } from '../protocol/codec.ts'
import { offsetCommitValue } from '../protocol/messages/offset-commit-record.ts'
import { INFLATED_BYTES_MAX } from '../records/record.ts'
import type { RecordBatch } from '../records/record-batch.ts'
import { RecordCursor } from '../records/record-cursor.ts'
import { RecordsError } from '../records/records-error.ts'
import { readVarint, varintEnd } from '../records/varint.ts'

export interface GroupCommit {
  readonly group: string
  readonly topic: string
  readonly partition: number
  /** Undefined: the offset was deleted, or expired. */
  readonly position: { readonly offset: number; readonly metadata: string } | undefined
}

const KEY_VERSION_MAX = 1
/** Version and two empty strings. */
const NAMES_BYTES_MIN = 6
const PARTITION_BYTES = 4

/**
 * Reads batch after batch without an object for a record. A consumer commits all its partitions at once, so neighbours mostly have the
 * same names: those are made once. A tool that writes there on its own must not stop us: what cannot be understood is no commit.
 */
export class GroupCommitReader {
  /** The key that was read last, without its partition. */
  #names: Buffer = Buffer.alloc(0)
  #group = ''
  #topic = ''

  /** Of records from this offset on, in order. Throws a RecordsError when the batch is damaged, or older than Kafka 0.11. */
  read(batch: RecordBatch, from: number, take: (commit: GroupCommit) => void): void {
    if (batch.magic < 2) throw new RecordsError('unsupported', `commits in a batch of magic ${batch.magic}`)
    const section = batch.recordSection(INFLATED_BYTES_MAX)
    const cursor = new RecordCursor(section, batch.count, batch.lastOffset - batch.baseOffset)
    for (; cursor.isAtRecord; cursor.next()) {
      if (batch.baseOffset + cursor.offsetDelta < from) continue
      const keyLength = readVarint(section, cursor.tailAt, cursor.end)
      const key = varintEnd
      const partitionAt = key + keyLength - PARTITION_BYTES
      if (keyLength < 0 || key + keyLength > cursor.end || !this.#readNames(section, key, partitionAt)) continue
      const valueLength = readVarint(section, key + keyLength, cursor.end)
      const value = valueLength < 0 ? null : section.subarray(varintEnd, Math.min(varintEnd + valueLength, cursor.end))
      const position = value && positionOf(value)
      if (position === undefined) continue
      const partition = section.readInt32BE(partitionAt)
      if (!TopicPartition.isNumber(partition)) continue
      take({ group: this.#group, topic: this.#topic, partition, position: position ?? undefined })
    }
  }

  #readNames(section: Buffer, start: number, end: number): boolean {
    if (end - start < NAMES_BYTES_MIN) return false
    const version = section.readInt16BE(start)
    if (version < 0 || version > KEY_VERSION_MAX) return false
    if (this.#names.length === end - start && section.compare(this.#names, 0, this.#names.length, start, end) === 0)
      return true
    const topicAt = start + 4 + section.readInt16BE(start + 2)
    if (topicAt < start + 4 || topicAt + 2 > end || topicAt + 2 + section.readInt16BE(topicAt) !== end) return false
    this.#group = section.toString('utf8', start + 4, topicAt)
    this.#topic = section.toString('utf8', topicAt + 2, end)
    this.#names = Buffer.from(section.subarray(start, end))
    return true
  }
}

/** Undefined: not to be read. */
function positionOf(value: Buffer): { offset: number; metadata: string } | undefined {
  if (value.length < 2) return undefined
  try {
    const { offset, metadata } = decodeStruct(offsetCommitValue, value.readInt16BE(0), value.subarray(2))
    return { offset, metadata }
  } catch (error) {
    if (error instanceof DecodeError || error instanceof RangeError) return undefined
    throw error
  }
}
