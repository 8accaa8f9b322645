/** The limits and times of groups, from the broker's `group.*` and `offsets.*` properties. */
export interface GroupConfig {
  readonly minSessionTimeoutMs: number
  readonly maxSessionTimeoutMs: number
  readonly maxSize: number
  readonly initialRebalanceDelayMs: number
  readonly offsetsRetentionMs: number
  readonly offsetsRetentionCheckIntervalMs: number
  readonly offsetMetadataMaxBytes: number
  readonly consumer: ConsumerGroupConfig
}

/** Of groups of the protocol of KIP-848: the broker's `group.consumer.*` properties. */
export interface ConsumerGroupConfig {
  readonly sessionTimeoutMs: Bounded
  readonly heartbeatIntervalMs: Bounded
  /** At least so long from one computation of a target assignment to the next (KIP-1263). */
  readonly assignmentIntervalMs: Bounded
  readonly maxSize: number
  /** Names of assignors; the first serves where no member asks for one. */
  readonly assignors: readonly string[]
  readonly migrationPolicy: string
  readonly regexRefreshIntervalMs: number
}

/** A default, and the bounds within which a group may have its own. */
export interface Bounded {
  readonly value: number
  readonly min: number
  readonly max: number
}

/** A new member cannot send heartbeats before its JoinGroup is answered; it is given up for lost after this long. */
export const NEW_MEMBER_JOIN_TIMEOUT_MS = 300_000
