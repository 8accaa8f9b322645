// Which segments go, by Kafka's rules: always from the oldest on, never at or above the high watermark, never an empty last one.
import type { LogConfig } from './log-config.ts'
import type { Segment } from './segment.ts'

export interface LogBounds {
  readonly logStartOffset: number
  readonly logEndOffset: number
  readonly highWatermark: number
}

export type RetentionReason = 'start-offset' | 'size' | 'time'

/** How many of the oldest segments may go for one reason. */
export function expiredSegments(
  segments: readonly Segment[],
  bounds: LogBounds,
  config: LogConfig,
  reason: RetentionReason,
  now: number,
): number {
  const isExpired = rule(segments, bounds, config, reason, now)
  const kept = segments.findIndex((segment, index) => {
    const next = segments[index + 1]
    const isEmptyLast = next === undefined && segment.size === 0
    const isReplicated = (next?.baseOffset ?? bounds.logEndOffset) <= bounds.highWatermark
    return isEmptyLast || !isReplicated || !isExpired(segment, next)
  })
  return kept === -1 ? segments.length : kept
}

type Rule = (segment: Segment, next: Segment | undefined) => boolean

const never: Rule = () => false

function rule(
  segments: readonly Segment[],
  bounds: LogBounds,
  config: LogConfig,
  reason: RetentionReason,
  now: number,
): Rule {
  if (reason === 'start-offset') {
    return (_, next) => next !== undefined && next.baseOffset <= bounds.logStartOffset
  }
  if (!config.delete) return never
  if (reason === 'time') {
    return config.retentionMs < 0 ? never : (segment) => now - segment.largestTimestamp > config.retentionMs
  }
  let excess = segments.reduce((sum, segment) => sum + segment.size, -config.retentionBytes)
  if (config.retentionBytes < 0) return never
  return (segment) => {
    excess -= segment.size
    return excess >= 0
  }
}
