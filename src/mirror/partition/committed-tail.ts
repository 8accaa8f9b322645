// In transactions the map says where our records stand, and others may write beside them. When the target's log went back and has grown
// again, something else stands in their places: markers, what was aborted, records of others. Pure but for what it asks.
import type { OffsetMap } from '../../offset-translation/offset-map.ts'
import type { BatchHeader } from '../../sink/tail-reader.ts'

/** The last batch of a partition that was committed. */
export interface LastBatch {
  readonly producerId: number
  readonly producerEpoch: number
  readonly sequence: number
}

const SEQUENCES = 2 ** 31
/** Records that a transaction may bring, by far; what is more ahead than that is behind, so many sequences ago. */
const AHEAD_MAX = 2 ** 26

/**
 * Whether the batch in the place of a record of ours is the one that was committed there. Whatever we append after a log went back is
 * later than the last that was committed: by its epoch, since a doubt costs us ours, or within it by its sequence. `writers` are the
 * producer ids under which we ever wrote.
 */
export function isStillOurs(batch: BatchHeader, last: LastBatch, writers: ReadonlySet<number>): boolean {
  if (batch.isControl) return false
  if (batch.producerId !== last.producerId) return writers.has(batch.producerId)
  if (batch.producerEpoch !== last.producerEpoch) return batch.producerEpoch < last.producerEpoch
  const ahead = (batch.baseSequence - last.sequence + SEQUENCES) % SEQUENCES
  return ahead === 0 || ahead > AHEAD_MAX
}

/**
 * Up to which target offset, `to` at most, our records stand where the map says. What lies below `from` is not looked at. A log loses an
 * end, so where one record is gone all later ones are: it is found by halving.
 */
export async function endOfOurs(
  map: Pick<OffsetMap, 'lastRecordBelow'>,
  { from, to }: { readonly from: number; readonly to: number },
  batchAt: (offset: number) => Promise<BatchHeader | undefined>,
  isOurs: (batch: BatchHeader) => boolean,
): Promise<number> {
  /** Where below this offset the last record of ours should stand, if it does not. */
  const goneBelow = async (offset: number): Promise<number | undefined> => {
    const at = map.lastRecordBelow(offset)
    if (at === undefined || at < from) return undefined
    const batch = await batchAt(at)
    // Of what retention or compaction took nobody can tell.
    return batch && batch.baseOffset <= at && !isOurs(batch) ? at : undefined
  }
  let gone = await goneBelow(to)
  if (gone === undefined) return to
  for (let stands = from; stands < gone; ) {
    const middle = Math.ceil((stands + gone) / 2)
    const lower = await goneBelow(middle)
    if (lower === undefined) stands = middle
    else gone = lower
  }
  return gone
}
