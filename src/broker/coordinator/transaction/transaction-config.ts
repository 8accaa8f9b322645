/** The limits and times of transactions, from the broker's `transaction.*` properties. */
export interface TransactionConfig {
  readonly maxTimeoutMs: number
  readonly idExpirationMs: number
  readonly abortTimedOutIntervalMs: number
  readonly removeExpiredIntervalMs: number
  /** The level of the feature: what the coordinator's own aborts follow. */
  readonly transactionVersion: number
}
