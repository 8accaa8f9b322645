// Which copies are deleted after their sources, and when. A source topic counts as deleted once it has been missing at every look
// for the whole delay; one look that finds it, under whichever id, begins anew.
import type { MirroredTopic } from './progress-reader.ts'

export interface PendingDelete extends MirroredTopic {
  /** Wall clock, milliseconds: first seen missing, and when the copy will be deleted. */
  readonly missingSince: number
  readonly dueAt: number
}

export interface Look {
  readonly known: Iterable<MirroredTopic>
  /** Whether the source has a topic of that name. */
  isThere(topic: string): boolean
}

/** The deletes that stand out after a look at the source. */
export function pendingDeletes(
  before: readonly PendingDelete[],
  look: Look,
  afterMs: number,
  nowMs: number,
): PendingDelete[] {
  const waiting = new Map(before.map((pending) => [pending.topic, pending]))
  const pending: PendingDelete[] = []
  for (const topic of look.known) {
    if (look.isThere(topic.topic)) continue
    const missingSince = waiting.get(topic.topic)?.missingSince ?? nowMs
    pending.push({ ...topic, missingSince, dueAt: missingSince + afterMs })
  }
  return pending
}
