/** The limits and times of groups, from the broker's `group.*` and `offsets.*` properties. */
export interface GroupConfig {
  readonly minSessionTimeoutMs: number
  readonly maxSessionTimeoutMs: number
  readonly maxSize: number
  readonly initialRebalanceDelayMs: number
  readonly offsetsRetentionMs: number
  readonly offsetsRetentionCheckIntervalMs: number
  readonly offsetMetadataMaxBytes: number
}

/** A new member cannot send heartbeats before its JoinGroup is answered; it is given up for lost after this long. */
export const NEW_MEMBER_JOIN_TIMEOUT_MS = 300_000
