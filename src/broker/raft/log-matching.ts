// Where the log of a follower parts from its leader's (KIP-595): by epochs, since an epoch has one leader.
import type { OffsetAndEpoch } from './message.ts'
import type { RaftLog } from './raft-log.ts'

/** What a follower whose log ends like this must do before it can go on; nothing, if its log is the beginning of the leader's. */
export function divergenceFrom(
  log: RaftLog,
  { offset, epoch }: OffsetAndEpoch,
): { diverging: OffsetAndEpoch } | { snapshotId: OffsetAndEpoch } | undefined {
  const { start, latestSnapshotId } = log
  if (offset === start.offset && epoch === start.epoch) return undefined
  const isBelowStart = offset <= start.offset || epoch < start.epoch
  if (latestSnapshotId && start.offset > 0 && isBelowStart) return { snapshotId: latestSnapshotId }
  const end = log.endOf(epoch)
  return end.epoch === epoch && end.offset >= offset ? undefined : { diverging: end }
}

/** Where a follower's log is cut, as far as that can be told from one answer: `leaderEnd` is all that the leader has of that epoch. */
export function truncationOffset(log: RaftLog, leaderEnd: OffsetAndEpoch): number {
  const own = log.endOf(leaderEnd.epoch)
  return own.epoch === leaderEnd.epoch ? Math.min(own.offset, leaderEnd.offset) : own.offset
}
