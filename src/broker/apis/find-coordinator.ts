// FindCoordinator (key 10), versions 0–6.
//
// - Groups (key type 0) and transactional ids (1): this broker, which creates `__consumer_offsets` or `__transaction_state` first when it
//   is not there. Kafka answers the first request with COORDINATOR_NOT_AVAILABLE while it creates the topic; here it is there at once.
// - Needs DESCRIBE on the group or transactional id: GROUP_ or TRANSACTIONAL_ID_AUTHORIZATION_FAILED for its key.
// - Its address is that of the listener that the request came through.
// - v4+: several keys at once (KIP-699).
// - Left out: share partitions (2), answered with UNSUPPORTED_VERSION, so that clients fail at once and say why instead of asking for
//   ever.

import { ErrorCode } from '../../protocol/errors.ts'
import { findCoordinator } from '../../protocol/messages/find-coordinator.ts'
import type { Broker } from '../broker.ts'
import { CONSUMER_OFFSETS, TRANSACTION_STATE } from '../coordinator/controller/topic-name.ts'
import { type Call, serve } from '../dispatcher.ts'

const GROUP = 0
const TRANSACTION = 1
/** The topic that knows the keys of each type. */
const TOPICS: ReadonlyMap<number, string> = new Map([
  [GROUP, CONSUMER_OFFSETS],
  [TRANSACTION, TRANSACTION_STATE],
])
const KNOWN_TYPES_MAX = 2

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
  const found = refusals.includes(undefined) ? await find(broker, request.keyType, call.listener) : undefined
  const coordinators = keys.map((key, index) => ({ key, ...(refusals[index] ?? found!) }))
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
  return undefined
}

async function find(broker: Broker, keyType: number, listener: string): Promise<Found> {
  if (keyType < 0 || keyType > KNOWN_TYPES_MAX) return failed(ErrorCode.INVALID_REQUEST, `unknown key type ${keyType}`)
  const topic = TOPICS.get(keyType)
  if (!topic) return failed(ErrorCode.UNSUPPORTED_VERSION, 'this broker coordinates groups and transactions only')
  await broker.topicCreator.createMissing([topic])
  if (!broker.image.topics.has(topic)) {
    return failed(ErrorCode.COORDINATOR_NOT_AVAILABLE, `${topic} could not be created`)
  }
  const address = broker.advertised(listener)
  if (!address) return failed(ErrorCode.COORDINATOR_NOT_AVAILABLE, `listener ${listener} is not advertised`)
  return { nodeId: broker.nodeId, ...address, errorCode: ErrorCode.NONE, errorMessage: '' }
}

function failed(errorCode: number, errorMessage: string): Found {
  return { nodeId: -1, host: '', port: -1, errorCode, errorMessage }
}
