// What it means for a copy that its source is not what was read of it. Pure.
import type { Loss } from './loss.ts'

export interface SourceSeen {
  /** The id of the topic that was mirrored, and of the one that is there now. */
  readonly topicId: string
  readonly foundTopicId: string
  /** Its history parts from what was read here, as far as that is known. */
  readonly partedAt: number | undefined
  /** Up to here it was read. */
  readonly nextUpstream: number
  /** Where it ended when it was seen last. */
  readonly sourceEnd: number | undefined
  /** Nothing of it was ever copied. */
  readonly isEmpty: boolean
}

export type SourceChange =
  | { readonly kind: 'recreated'; readonly loss: Loss | undefined }
  | { readonly kind: 'truncated'; readonly loss: Loss; readonly partedAt: number }

/** Undefined: it is the same topic with the same history. */
export function sourceChange(seen: SourceSeen): SourceChange | undefined {
  const { topicId, foundTopicId, partedAt, nextUpstream: at, sourceEnd, isEmpty } = seen
  if (foundTopicId !== topicId) {
    if (isEmpty && sourceEnd === at) return { kind: 'recreated', loss: undefined }
    // What the old topic held beyond its end as it was seen last nobody can tell any more.
    return { kind: 'recreated', loss: { from: at, to: Math.max(at, sourceEnd ?? at), reason: 'recreated' } }
  }
  if (partedAt === undefined || partedAt >= at) return undefined
  return { kind: 'truncated', loss: { from: partedAt, to: at, reason: 'truncation' }, partedAt }
}
