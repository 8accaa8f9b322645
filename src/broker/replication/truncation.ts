/** Where an epoch ends in a log; −1 when the log knows no such epoch. */
export interface EpochEnd {
  readonly leaderEpoch: number
  readonly endOffset: number
}

/**
 * Where a follower must cut its log that the leader says has parted from its own: at the end of the last epoch that both know, or, when
 * the leader named one that the follower has not, at the end of the follower's epoch before that, whereupon the leader is asked again
 * (KIP-101, KIP-279; Kafka's getOffsetTruncationState). Never by the high watermark: that may be behind what is committed.
 */
export function truncationOffset(
  leader: EpochEnd,
  follower: { readonly logEndOffset: number; endOffsetForEpoch(leaderEpoch: number): EpochEnd },
): number {
  const own = follower.endOffsetForEpoch(leader.leaderEpoch)
  if (own.endOffset < 0) return Math.min(leader.endOffset, follower.logEndOffset)
  if (own.leaderEpoch !== leader.leaderEpoch) return Math.min(own.endOffset, follower.logEndOffset)
  return Math.min(own.endOffset, leader.endOffset, follower.logEndOffset)
}
