import { ErrorCode } from '../protocol/errors.ts'
import type { Partition } from './partition.ts'
import type { Purgatory } from './purgatory.ts'

/** What is in the log of its leader, and perhaps not yet in those of all who are in sync. */
export interface Write {
  readonly partition: Partition
  /** After its last record. */
  readonly nextOffset: number
  /** The partition's when it was appended. */
  readonly tenure: number
}

/**
 * What a client is told of each write that wants all who are in sync to have it: at once when they have, as with a single replica always;
 * else when the last of them is settled. Time that runs out is REQUEST_TIMED_OUT: the write is neither lost nor promised.
 */
export function whenCommitted(
  purgatory: Purgatory,
  writes: readonly Write[],
  timeoutMs: number,
): readonly number[] | Promise<readonly number[]> {
  const answers = writes.map(answerOf)
  if (answers.every((answer) => answer !== undefined)) return answers
  const waits = writes.flatMap((write, index) => {
    if (answers[index] !== undefined) return []
    // What was once told is so: the partition may change hands before the others are settled.
    const isOver = () => {
      answers[index] ??= answerOf(write)
      return answers[index] !== undefined
    }
    return [{ partition: write.partition, isOver }]
  })
  return purgatory.untilOver(waits, timeoutMs).then(() => answers.map((one) => one ?? ErrorCode.REQUEST_TIMED_OUT))
}

function answerOf({ partition, nextOffset, tenure }: Write): number | undefined {
  return partition.committed(nextOffset, tenure)
}
