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
  readonly share: ShareGroupConfig
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

/** Of share groups (KIP-932): the broker's `group.share.*` properties. */
export interface ShareGroupConfig {
  readonly sessionTimeoutMs: Bounded
  readonly heartbeatIntervalMs: Bounded
  /** How long a member may keep a record before it acknowledges it. */
  readonly recordLockMs: Bounded
  /** A record that was delivered so often and is still not done is given up. */
  readonly deliveryCountLimit: Bounded
  /** Of one group in one partition: so many records may be under way. */
  readonly maxRecordLocks: Bounded
  readonly maxSize: number
  readonly maxSessions: number
}

/** A default, and the bounds within which a group may have its own. */
export interface Bounded {
  readonly value: number
  readonly min: number
  readonly max: number
}

/** A new member cannot send heartbeats before its JoinGroup is answered; it is given up for lost after this long. */
export const NEW_MEMBER_JOIN_TIMEOUT_MS = 300_000
