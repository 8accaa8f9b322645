// What ShareFetch and ShareAcknowledge have in common: a member's session, and what it says of the records that it has.

import { ErrorCode } from '../../protocol/errors.ts'
import type { Broker } from '../broker.ts'
import type { Call } from '../dispatcher.ts'
import { ACKNOWLEDGE, type Acknowledgement } from './delivery.ts'
import type { Settlement, SharePartition } from './share-partition.ts'
import { FINAL_EPOCH, type SharedPartition, type ShareSession } from './share-session.ts'

export interface AskedPartition extends SharedPartition {
  readonly acknowledgementBatches: readonly Acknowledgement[]
}

interface AskedTopic {
  readonly topicId: string
  readonly partitions: readonly {
    readonly partitionIndex: number
    readonly acknowledgementBatches: readonly Acknowledgement[]
  }[]
}

export function askedPartitions(topics: readonly AskedTopic[]): AskedPartition[] {
  return topics.flatMap(({ topicId, partitions }) =>
    partitions.map(({ partitionIndex: partition, acknowledgementBatches }) => {
      return { topicId, partition, acknowledgementBatches }
    }),
  )
}

/** The group in a partition that is led here and that the caller may read, or the error to answer with. */
export async function obtainShare(
  broker: Broker,
  call: Call,
  groupId: string,
  { topicId, partition }: SharedPartition,
): Promise<SharePartition | number> {
  const topic = broker.image.topicById(topicId)
  if (!topic) return ErrorCode.UNKNOWN_TOPIC_ID
  if (!call.may('READ', 'TOPIC', topic.name)) return ErrorCode.TOPIC_AUTHORIZATION_FAILED
  const found = broker.partitions.find(topic.name, partition)
  if (typeof found === 'number') return found
  const errorCode = found.leaderError()
  return errorCode === ErrorCode.NONE ? broker.sharePartitions.obtain(groupId, found) : errorCode
}

/** Settled when all that the member says of the partition is kept, else why nothing of it is. */
export async function acknowledge(
  broker: Broker,
  call: Call,
  { groupId, memberId }: ShareSession,
  asked: AskedPartition,
  isRenewal: boolean,
): Promise<Settlement> {
  const { acknowledgementBatches: batches } = asked
  const mayRenew = isRenewal && broker.image.groupConfigs(groupId).get('share.renew.acknowledge.enable') !== 'false'
  if (!isSound(batches, mayRenew ? ACKNOWLEDGE.RENEW : ACKNOWLEDGE.REJECT)) return refused(ErrorCode.INVALID_REQUEST)
  const share = await obtainShare(broker, call, groupId, asked)
  return typeof share === 'number' ? refused(share) : share.acknowledge(memberId, batches)
}

/** Ends the session: what the member has of its partitions others may have. */
export async function endSession(broker: Broker, call: Call, session: ShareSession): Promise<void> {
  const { groupId, memberId } = session
  broker.shareSessions.close(session)
  for (const partition of session.partitions()) {
    const share = await obtainShare(broker, call, groupId, partition)
    if (typeof share !== 'number') await share.release(memberId)
  }
  if (!broker.shareSessions.hasGroup(groupId)) broker.sharePartitions.forgetGroup(groupId)
}

export function isFinal(epoch: number): boolean {
  return epoch === FINAL_EPOCH
}

function refused(errorCode: number): Settlement {
  return { errorCode, errorMessage: null }
}

/** Each a range with one type for all its offsets or one for each. */
function isSound(batches: readonly Acknowledgement[], greatestType: number): boolean {
  return batches.every(({ firstOffset, lastOffset, acknowledgeTypes: types }) => {
    const isRange = firstOffset >= 0 && lastOffset >= firstOffset
    const isCounted = types.length === 1 || types.length === lastOffset - firstOffset + 1
    return isRange && isCounted && types.every((type) => type >= ACKNOWLEDGE.GAP && type <= greatestType)
  })
}
