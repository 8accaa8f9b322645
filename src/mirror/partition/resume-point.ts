// Where a partition goes on, by what is written of it and where its target ends. Pure.
import type { PartitionProgress } from '../progress-record.ts'

export interface ResumePoint {
  /** Of the target's log, as far as the copy is concerned. */
  readonly end: number
  /** The source offset to go on with, when the map alone would be too low. */
  readonly upstream: number | undefined
  /** Where the map ends, when what stands behind it is none of the source's. */
  readonly mapped: number | undefined
}

/**
 * A joint counts as long as nothing was written behind it: by sequences that is when the target still ends there; in transactions, where
 * others may write to the target's end, when the map still ends there.
 */
export function resumePoint(
  { joint, resumeAt, isTransactional }: PartitionProgress,
  { targetEnd, plannedDownstream }: { targetEnd: number; plannedDownstream: number },
): ResumePoint {
  const isAtJoint = joint && (isTransactional ? plannedDownstream <= joint.mapped : targetEnd === joint.downstream)
  if (!isAtJoint) return { end: targetEnd, upstream: resumeAt, mapped: undefined }
  return {
    end: isTransactional ? joint.downstream : targetEnd,
    upstream: Math.max(joint.upstream, resumeAt ?? 0),
    mapped: joint.mapped,
  }
}
