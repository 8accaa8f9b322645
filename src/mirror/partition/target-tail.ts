// What the end of a target's log says about the copy: whether it is where we left it and by whom its last batch was written; and, if
// others wrote between our batches, which offsets are theirs and where ours came to stand. Pure.
import { incrementSequence } from '../../records/sequence.ts'
import type { BatchHeader, Tail } from '../../sink/tail-reader.ts'
import type { OffsetRange } from '../gap.ts'
import type { Joint, ProducerIdentity } from '../progress-record.ts'
import type { Loss } from './loss.ts'

/** The sequence of the batch at this target offset. */
export function sequenceAt(downstream: number, lag: number): number {
  return incrementSequence(downstream, -lag)
}

export interface Expected {
  readonly producer: ProducerIdentity
  /** Where mirroring began; what lies below is not ours. */
  readonly start: number
  readonly joint: Joint | undefined
  /** Everything below was acknowledged. */
  readonly acknowledged: number
}

export type TailVerdict =
  | 'ours'
  /** It ends before what it had acknowledged: at least up to here. */
  | { readonly wentBackFrom: number }
  | 'foreign'

export function judgeTail({ end, batch }: Tail, { producer, start, joint, acknowledged }: Expected): TailVerdict {
  const least = Math.max(start, joint?.downstream ?? 0, acknowledged)
  if (end < least) return { wentBackFrom: least }
  // Nothing was written since mirroring began, or since what stands here was looked into.
  if (end === start || end === joint?.downstream || !batch) return 'ours'
  const fits = isBy(producer, batch) && sequenceAt(end, joint?.lag ?? 0) === nextSequence(batch)
  return fits ? 'ours' : 'foreign'
}

/** Whether this batch is ours and stands where its sequence says: then nobody else wrote below it. */
export function isInPlace(batch: BatchHeader, producer: ProducerIdentity, lag: number): boolean {
  return isBy(producer, batch) && batch.baseSequence === sequenceAt(batch.baseOffset, lag)
}

/** What was planned from `at` on stands `by` further down; ascending, each in the offsets that those before it lead to. */
interface Displacement {
  readonly at: number
  readonly by: number
}

export interface TailSurvey {
  readonly foreign: readonly OffsetRange[]
  readonly displaced: readonly Displacement[]
  /** Our last batch was planned to end here, and ends there. */
  readonly plannedEnd: number
  readonly mappedEnd: number
  /** For the sequences of what follows the log's end. */
  readonly lag: number
}

/**
 * Tells ours from others' by producer and sequence, from `from` to the log's end. Undefined: our own batches contradict each other, and
 * nobody can say what stands where.
 */
export function surveyTail(
  batches: Iterable<BatchHeader>,
  { from, end, producer, lag }: { from: number; end: number; producer: ProducerIdentity; lag: number },
): TailSurvey | undefined {
  const foreign: OffsetRange[] = []
  const displaced: Displacement[] = []
  let shift = 0
  let mappedEnd = from
  const othersFill = (to: number) => {
    const last = foreign.at(-1)
    if (last && last.to >= mappedEnd) foreign[foreign.length - 1] = { from: last.from, to }
    else foreign.push({ from: mappedEnd, to })
  }
  for (const batch of batches) {
    if (batch.lastOffset < from || !isBy(producer, batch)) continue
    const moved = incrementSequence(batch.baseOffset, -lag - batch.baseSequence)
    if (moved < shift) return undefined
    if (moved > shift) {
      othersFill(batch.baseOffset)
      displaced.push({ at: batch.baseOffset - (moved - shift), by: moved - shift })
      shift = moved
    }
    mappedEnd = batch.lastOffset + 1
  }
  if (end > mappedEnd) othersFill(end)
  return { foreign, displaced, plannedEnd: mappedEnd - shift, mappedEnd, lag: lag + shift + (end - mappedEnd) }
}

/** The log is not even as long as when we began, or as when it was last looked into: nothing that followed is left. */
export function shorterThan(
  end: number,
  mapped: number,
  last: BatchHeader | undefined,
  producer: ProducerIdentity,
  lag: number,
): TailSurvey {
  const mappedEnd = Math.min(end, mapped)
  const next = last && isBy(producer, last) ? nextSequence(last) : sequenceAt(end, lag)
  return { foreign: [], displaced: [], plannedEnd: mappedEnd, mappedEnd, lag: incrementSequence(end, -next) }
}

/** Of the foreign ranges of one look so many are told; by then the writer is known well enough. */
const FOREIGN_RANGES_MAX = 100

export interface Surveyed {
  /** The target had taken everything below. */
  readonly acknowledged: number
  /** The source offset that comes next, and that of the first record which the target lost. */
  readonly at: number
  readonly lostFrom: number
  /** The source offset that was planned for a target offset. */
  readonly plannedAt: (downstream: number) => number
}

/**
 * What is to be written in the ledger, first what was lost. Whenever the same foreign records are met, also by who knows less of what was
 * acknowledged, they are told with the source offset that was planned for their place.
 */
export function lossesOf(survey: TailSurvey, { acknowledged, at, lostFrom, plannedAt }: Surveyed): Loss[] {
  const losses: Loss[] = []
  const from = survey.plannedEnd
  const isLost = from < acknowledged
  if (isLost)
    losses.push({ from: lostFrom, to: at, reason: 'target-truncated', downstream: { from, to: acknowledged } })
  let others = 0
  for (const downstream of survey.foreign.slice(0, FOREIGN_RANGES_MAX)) {
    const next = isLost ? at : plannedAt(downstream.from - others)
    losses.push({ from: next, to: next, reason: 'foreign-write', downstream })
    others += downstream.to - downstream.from
  }
  return losses
}

function isBy(producer: ProducerIdentity, batch: BatchHeader): boolean {
  return batch.producerId === producer.id && batch.producerEpoch === producer.epoch
}

function nextSequence({ baseSequence, lastOffsetDelta }: BatchHeader): number {
  return incrementSequence(baseSequence, lastOffsetDelta + 1)
}
