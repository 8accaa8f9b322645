/** Where an epoch ends in a log; −1 when the log knows no such epoch. */
export interface EpochEnd {
  readonly leaderEpoch: number
  readonly endOffset: number
}

/**
 * Where a follower must cut its log when the leader says that it has parted from its own: what the leader has of its last epoch that is not
 * above the follower's ends at `leader.endOffset`, and the follower has nothing in common with it beyond where its own records up to that
 * epoch end. If that is still too much, since the follower's last epoch there is one that the leader never saw, the leader is asked again
 * (KIP-101, KIP-279; Kafka's getOffsetTruncationState). Never by the high watermark: that may be behind what is committed.
 */
export function truncationOffset(
  leader: EpochEnd,
  follower: { readonly logEndOffset: number; endOffsetForEpoch(leaderEpoch: number): EpochEnd },
): number {
  const { endOffset } = follower.endOffsetForEpoch(leader.leaderEpoch)
  const common = Math.min(leader.endOffset, follower.logEndOffset)
  return endOffset < 0 ? common : Math.min(common, endOffset)
}
