// In transactions the map says where our records stand, and others may write beside them. When the target's log went back and has grown
// again, something else stands in their places: markers, what was aborted, records of others. Pure but for what it asks.
import type { OffsetMap } from '../../offset-translation/offset-map.ts'
import { incrementSequence } from '../../records/sequence.ts'
import type { BatchHeader } from '../../sink/tail-reader.ts'
import type { OffsetRange } from '../gap.ts'

/** The last batch of a partition that was committed. */
export interface LastBatch {
  readonly producerId: number
  readonly producerEpoch: number
  readonly sequence: number
  /** The target's leader epoch under which all that was committed before was last seen to stand; absent: not known. */
  readonly leaderEpoch?: number | undefined
}

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
  const ahead = incrementSequence(batch.baseSequence, -last.sequence)
  return ahead === 0 || ahead > AHEAD_MAX
}

/** What is asked of a log about the places of our records. */
export interface Places {
  readonly map: Pick<OffsetMap, 'lastRecordBelow' | 'firstRecordFrom'>
  batchAt(offset: number): Promise<BatchHeader | undefined>
  isOurs(batch: BatchHeader): boolean
}

/** Of what retention or compaction took nobody can tell. */
async function isGoneAt({ batchAt, isOurs }: Places, at: number): Promise<boolean> {
  const batch = await batchAt(at)
  return batch !== undefined && batch.baseOffset <= at && !isOurs(batch)
}

/**
 * Up to which target offset, `to` at most, our records stand where the map says. What lies below `from` is not looked at. A log loses an
 * end, so where one record is gone all later ones are: it is found by halving.
 */
export async function endOfOurs(
  places: Places,
  { from, to }: { readonly from: number; readonly to: number },
): Promise<number> {
  /** Where below this offset the last record of ours should stand, if it does not. */
  const goneBelow = async (offset: number): Promise<number | undefined> => {
    const at = places.map.lastRecordBelow(offset)
    return at !== undefined && at >= from && (await isGoneAt(places, at)) ? at : undefined
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

/**
 * What is gone though the last of our records stands: at `from` the log was cut off, others filled it up beyond all that we had, and we wrote
 * behind them before anybody looked. So from one place on our records stand again, and that is found by halving.
 */
export async function lostWithin(
  places: Places,
  { from, to }: { readonly from: number; readonly to: number },
): Promise<OffsetRange | undefined> {
  const first = places.map.firstRecordFrom(from)
  if (first === undefined || first >= to || !(await isGoneAt(places, first))) return undefined
  let stands = to
  for (let gone = first; gone + 1 < stands; ) {
    const middle = Math.ceil((gone + stands) / 2)
    const at = places.map.firstRecordFrom(middle) ?? stands
    if (at < stands && (await isGoneAt(places, at))) gone = at
    else stands = middle
  }
  return { from: first, to: places.map.firstRecordFrom(stands) ?? stands }
}
