// FindCoordinator (key 10), versions 0–6.
//
// - Groups (key type 0), transactional ids (1) and share partitions (2, v6, for brokers): who leads the partition of
//   `__consumer_offsets`, `__transaction_state` or `__share_group_state` that the key hashes to, or COORDINATOR_NOT_AVAILABLE. The topic is created when it is not there. Kafka answers the first request with an error while
//   it does that; here it is there at once.
// - Needs DESCRIBE on the group or transactional id: GROUP_ or TRANSACTIONAL_ID_AUTHORIZATION_FAILED for its key.
// - Its address is that of the listener that the request came through.
// - v4+: several keys at once (KIP-699).
// - Of share partitions the key is `group:topicId:partition`, else INVALID_REQUEST.

import { ErrorCode } from '../../protocol/errors.ts'
import { findCoordinator } from '../../protocol/messages/find-coordinator.ts'
import type { Broker } from '../broker.ts'
import { CONSUMER_OFFSETS, SHARE_GROUP_STATE, TRANSACTION_STATE } from '../coordinator/controller/topic-name.ts'
import { partitionOf } from '../coordinator/group/group-coordinator.ts'
import { type Call, serve } from '../dispatcher.ts'
import { reachableBroker } from '../reachable-brokers.ts'
import { CLUSTER_NAME } from '../security/authorizer.ts'

const GROUP = 0
const TRANSACTION = 1
const SHARE = 2
/** The topic that knows the keys of each type. */
const TOPICS: ReadonlyMap<number, string> = new Map([
  [GROUP, CONSUMER_OFFSETS],
  [TRANSACTION, TRANSACTION_STATE],
  [SHARE, SHARE_GROUP_STATE],
])

/** A group, a topic id, a partition. */
const SHARE_KEY = /^.+:[A-Za-z0-9_-]{22}:\d+$/s

interface Found {
  readonly nodeId: number
  readonly host: string
  readonly port: number
  readonly errorCode: number
  readonly errorMessage: string
}

export const serveFindCoordinator = serve(findCoordinator, [0, 6], async (broker, request, call) => {
  const { version } = call
  const keys = version >= 4 ? request.coordinatorKeys : [request.key]
  const refusals = keys.map((key) => refusal(call, request.keyType, key))
  // Who may ask for none of them makes no topic either.
  const unknown = refusals.includes(undefined) ? await topicError(broker, request.keyType) : undefined
  const coordinators = keys.map((key, index) => {
    return { key, ...(refusals[index] ?? unknown ?? find(broker, request.keyType, key, call.listener)) }
  })
  if (version >= 4) return { throttleTimeMs: 0, coordinators }
  const { key: _, ...only } = coordinators[0]!
  // Kafka says so, in these versions, where there is no error.
  return { throttleTimeMs: 0, ...only, errorMessage: only.errorMessage === '' ? 'NONE' : only.errorMessage }
})

function refusal(call: Call, keyType: number, key: string): Found | undefined {
  if (keyType === GROUP && !call.may('DESCRIBE', 'GROUP', key)) {
    return failed(ErrorCode.GROUP_AUTHORIZATION_FAILED, 'Group authorization failed.')
  }
  if (keyType === TRANSACTION && !call.may('DESCRIBE', 'TRANSACTIONAL_ID', key)) {
    return failed(ErrorCode.TRANSACTIONAL_ID_AUTHORIZATION_FAILED, 'Transactional Id authorization failed.')
  }
  if (keyType !== SHARE) return undefined
  if (!call.may('CLUSTER_ACTION', 'CLUSTER', CLUSTER_NAME)) {
    return failed(ErrorCode.CLUSTER_AUTHORIZATION_FAILED, 'Cluster authorization failed.')
  }
  return SHARE_KEY.test(key) ? undefined : failed(ErrorCode.INVALID_REQUEST, '')
}

/** Why nobody is coordinated; makes the topic that is missing. */
async function topicError(broker: Broker, keyType: number): Promise<Found | undefined> {
  const topic = TOPICS.get(keyType)
  if (!topic) return failed(ErrorCode.INVALID_REQUEST, `unknown key type ${keyType}`)
  await broker.topicCreator.createMissing([topic])
  if (broker.image.topics.has(topic)) return undefined
  return failed(ErrorCode.COORDINATOR_NOT_AVAILABLE, `${topic} could not be created`)
}

function find({ image }: Broker, keyType: number, key: string, listener: string): Found {
  const topic = TOPICS.get(keyType)!
  const partitions = image.topics.get(topic)?.partitions
  // It was there a moment ago; operators may delete it.
  if (!partitions) return failed(ErrorCode.COORDINATOR_NOT_AVAILABLE, `${topic} was deleted`)
  const partition = partitions[partitionOf(key, partitions.length)]!
  const leader = reachableBroker(image, listener, partition.leader)
  if (!leader) {
    const message = `${topic}-${partition.partitionId} has no leader on listener ${listener}`
    return failed(ErrorCode.COORDINATOR_NOT_AVAILABLE, message)
  }
  const { nodeId, host, port } = leader
  return { nodeId, host, port, errorCode: ErrorCode.NONE, errorMessage: '' }
}

function failed(errorCode: number, errorMessage: string): Found {
  return { nodeId: -1, host: '', port: -1, errorCode, errorMessage }
}
