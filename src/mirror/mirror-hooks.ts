// Moments at which a test may step in.

/** At each of them it may kill the process; see the drills' step boundaries. */
export type Step =
  | 'claim-taken'
  | 'progress-read'
  | 'fetch-answered'
  | 'batches-accepted'
  | 'plan-sent'
  | 'plan-durable'
  | 'produce-sent'
  | 'produce-answered'
  | 'partition-recorded'
  | 'topics-created'
  | 'position-read'
  | 'commit-begun'
  | 'commit-sent'
  | 'committed'

export interface MirrorHooks {
  reached?(step: Step): void
}
