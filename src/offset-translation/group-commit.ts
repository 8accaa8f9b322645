// A group's commit as a record of `__consumer_offsets`, key versions 0 and 1: what classic groups and those of KIP-848 write alike.
// Other keys are about groups and members, and say nothing of positions.
import { DecodeError, decodeStruct } from '../protocol/codec.ts'
import { offsetCommitKey, offsetCommitValue } from '../protocol/messages/offset-commit-record.ts'

export interface GroupCommit {
  readonly group: string
  readonly topic: string
  readonly partition: number
  /** Undefined: the offset was deleted, or expired. */
  readonly position: { readonly offset: number; readonly metadata: string } | undefined
}

const KEY_VERSION_MAX = 1

/** Undefined: not a commit, or one that cannot be read; a tool that writes there on its own must not stop us. */
export function decodeGroupCommit({
  key,
  value,
}: {
  key: Buffer | null
  value: Buffer | null
}): GroupCommit | undefined {
  if (!key || key.length < 2 || key.readInt16BE(0) > KEY_VERSION_MAX) return undefined
  try {
    const of = decodeStruct(offsetCommitKey, key.readInt16BE(0), key.subarray(2))
    const committed = value && decodeStruct(offsetCommitValue, value.readInt16BE(0), value.subarray(2))
    return { ...of, position: committed ? { offset: committed.offset, metadata: committed.metadata } : undefined }
  } catch (error) {
    if (error instanceof DecodeError || error instanceof RangeError) return undefined
    throw error
  }
}
