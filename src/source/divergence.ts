// Where the source's history parts from what was read of it: after an unclean election the new leader's log may be as long as the
// old one's, or longer, and hold other records. Leader epochs tell (KIP-101, KIP-279): the broker says where an epoch ends in its
// log, and each answer may send the search further back.
import type { ClusterClient } from '../client/cluster-client.ts'
import { refusal } from '../client/refusal.ts'
import { type TopicPartition, withoutLeader } from '../client/topic-partition.ts'
import { ErrorCode } from '../protocol/errors.ts'
import { offsetForLeaderEpoch } from '../protocol/messages/offset-for-leader-epoch.ts'

/** From this offset on, records were written under this leader epoch. */
export interface EpochStart {
  readonly epoch: number
  readonly upstream: number
}

/** The largest epoch of the source's log that is not above the one asked for, and where it ends; −1 when there is none. */
export interface EpochEnd {
  readonly leaderEpoch: number
  readonly endOffset: number
}

/**
 * The offset up to which the source still holds what was read below `at`. `epochs` are those of the records that were read,
 * ascending; `ask` puts the question to the leader.
 */
export async function commonEnd(
  epochs: readonly EpochStart[],
  at: number,
  ask: (leaderEpoch: number) => Promise<EpochEnd>,
): Promise<number> {
  let end = at
  for (;;) {
    const last = epochs.findLast(({ upstream }) => upstream < end)
    if (!last) return end
    const { leaderEpoch, endOffset } = await ask(last.epoch)
    // It knows no such epoch, so nothing of ours that was written under it.
    if (endOffset < 0) end = last.upstream
    else {
      // Where the epoch that it named ends with us: later epochs of ours are none of its history.
      const ours = epochs.find(({ epoch }) => epoch > leaderEpoch)?.upstream ?? at
      end = Math.min(end, endOffset, ours)
      if (leaderEpoch === last.epoch) return end
    }
  }
}

/** Asks the leader of the partition. */
export async function epochEnd(
  client: ClusterClient,
  topicPartition: TopicPartition,
  leaderEpoch: number,
): Promise<EpochEnd> {
  const { topic, partition } = topicPartition
  const leader = client.leaderOf(topic, partition)
  if (!leader) throw withoutLeader(topicPartition)
  const connection = await client.node(leader.nodeId, 'control')
  const response = await connection.send(offsetForLeaderEpoch, {
    topics: [{ topic, partitions: [{ partition, leaderEpoch }] }],
  })
  const answer = response.topics[0]?.partitions[0]
  const errorCode = answer?.errorCode ?? ErrorCode.UNKNOWN_SERVER_ERROR
  if (!answer || errorCode !== ErrorCode.NONE) {
    const what = `the end of epoch ${leaderEpoch} cannot be read`
    throw refusal('HEL_EPOCH_END', what, errorCode, { where: { topic, partition } })
  }
  return answer
}
