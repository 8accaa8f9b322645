// A gap: what is known to be missing, or to stand in the wrong place, and why. One cause is one entry of the ledger, with the exact
// range; what is done about it is the flow's `onDataLoss`.
import type { StopReason } from './stop-reason.ts'

export const gapReasons = [
  /** The source deleted records before they were mirrored: retention, or DeleteRecords. */
  'retention',
  /** The source lost records after they were mirrored: an unclean election. */
  'truncation',
  /** The source topic was deleted and created again, or its name leads to another cluster. */
  'recreated',
  /** The target topic was deleted, or is another one than before. */
  'target-deleted',
  /** The target lost records that it had acknowledged. */
  'target-truncated',
  /** Somebody else wrote into the mirrored topic. */
  'foreign-write',
] as const

export type GapReason = (typeof gapReasons)[number]

export interface OffsetRange {
  readonly from: number
  /** The first offset behind it. */
  readonly to: number
}

/** The source records from ≤ offset < to. With `from` = `to` no source record is known to be missing. */
export interface Gap extends OffsetRange {
  /** Its name on the source. */
  readonly topic: string
  readonly partition: number
  readonly reason: GapReason
  /** Where on the target, when it is the target that changed. */
  readonly downstream?: OffsetRange
  /** Milliseconds since the epoch. */
  readonly seenAt: number
  /** What was done about it. */
  readonly action: DataLossPolicy
}

export type DataLossPolicy = 'stop' | 'skip' | 'restart'

/** A gap that is met again, after a restart say, is the same entry. */
export function gapKey({ topic, partition, from, reason, downstream }: Gap): string {
  return JSON.stringify([topic, partition, from, reason, ...(downstream ? [downstream.from] : [])])
}

export function isSameGap(a: Gap, b: Gap): boolean {
  return gapKey(a) === gapKey(b) && a.to === b.to && a.downstream?.to === b.downstream?.to && a.action === b.action
}

/** Why the partition stands still, with the range and the way out. */
export function lossReason(gap: Gap): StopReason {
  const wayOut = gap.action === 'stop' ? ` ${WAYS_OUT[gap.reason]}` : ''
  return {
    code: 'data-loss',
    message: `${whatHappened(gap)}. onDataLoss is "${gap.action}".${wayOut}`,
    mayPass: gap.reason === 'target-deleted',
  }
}

function whatHappened(gap: Gap): string {
  const source = gap.from === gap.to ? `from source offset ${gap.from} on` : `source offsets ${rangeText(gap)}`
  const copies = gap.from === gap.to ? `The copies ${source}` : `The copies of ${source}`
  const target = gap.downstream ? `target offsets ${rangeText(gap.downstream)}` : ''
  switch (gap.reason) {
    case 'retention':
      return `Records are missing, ${source}: the source deleted them before they were mirrored`
    case 'truncation':
      return `Records are missing, ${source}: the source lost them after they were mirrored`
    case 'recreated':
      return `Records may be missing, ${source}: the source topic was deleted and created again, or is that of another cluster`
    case 'target-deleted':
      return `${copies} are gone: the target topic was deleted, or is another one than before`
    case 'target-truncated':
      return `${copies} are gone: the target lost ${target}, which it had acknowledged`
    case 'foreign-write':
      return `Somebody else wrote ${target} into the mirrored topic`
  }
}

const rangeText = ({ from, to }: OffsetRange) => (to - from === 1 ? `${from}` : `${from} to ${to - 1}`)

const GO_ON = '"skip" goes on behind it'
const WAYS_OUT: Readonly<Record<GapReason, string>> = {
  retention: `${GO_ON}.`,
  truncation: '"skip" goes on where the histories part, "restart" copies again from the source\'s start.',
  recreated: '"skip" and "restart" copy the new topic from its start.',
  'target-deleted': '"skip" goes on with what comes next, "restart" copies again from the source\'s start.',
  'target-truncated': '"restart" copies again what the target lost, "skip" goes on with what comes next.',
  'foreign-write': `Find the writer first; ${GO_ON}.`,
}
