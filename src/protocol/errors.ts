// Kafka's protocol errors: one row a code. They are values in responses, never exceptions; `retriable` is Kafka's own
// judgement (whether the same request may succeed later), which the retry loops read.

/** R: the same request may succeed later. */
const R = true
const F = false

const rows = [
  [-1, 'UNKNOWN_SERVER_ERROR', F, 'the broker failed in a way that has no code of its own'],
  [0, 'NONE', F, 'no error'],
  [1, 'OFFSET_OUT_OF_RANGE', F, 'the offset is outside what the partition holds'],
  [2, 'CORRUPT_MESSAGE', R, 'the batch fails its CRC, has a bad size, or lacks the key that a compacted topic needs'],
  [3, 'UNKNOWN_TOPIC_OR_PARTITION', R, 'the broker does not host this partition'],
  [4, 'INVALID_FETCH_SIZE', F, 'the fetch size is not valid'],
  [5, 'LEADER_NOT_AVAILABLE', R, 'the partition has no leader at the moment'],
  [6, 'NOT_LEADER_OR_FOLLOWER', R, 'the broker is not the leader, or not a replica, of the partition'],
  [7, 'REQUEST_TIMED_OUT', R, 'the request timed out'],
  [8, 'BROKER_NOT_AVAILABLE', F, 'the broker is not available'],
  [9, 'REPLICA_NOT_AVAILABLE', R, 'the replica is not available on this broker'],
  [10, 'MESSAGE_TOO_LARGE', F, 'a batch is larger than the topic takes'],
  [11, 'STALE_CONTROLLER_EPOCH', F, 'the controller has moved to another broker'],
  [12, 'OFFSET_METADATA_TOO_LARGE', F, 'the metadata of a committed offset is too large'],
  [13, 'NETWORK_EXCEPTION', R, 'the connection closed before the response came'],
  [14, 'COORDINATOR_LOAD_IN_PROGRESS', R, 'the coordinator is still loading its state'],
  [15, 'COORDINATOR_NOT_AVAILABLE', R, 'there is no coordinator at the moment'],
  [16, 'NOT_COORDINATOR', R, 'the broker does not coordinate this key'],
  [17, 'INVALID_TOPIC_EXCEPTION', F, 'the topic name is not valid, or the topic does not allow this'],
  [18, 'RECORD_LIST_TOO_LARGE', F, 'the batches are larger than a segment'],
  [19, 'NOT_ENOUGH_REPLICAS', R, 'fewer replicas are in sync than the topic requires; nothing was written'],
  [
    20,
    'NOT_ENOUGH_REPLICAS_AFTER_APPEND',
    R,
    'the batch was written, but fewer replicas are in sync than the topic requires',
  ],
  [21, 'INVALID_REQUIRED_ACKS', F, 'acks must be -1, 0 or 1'],
  [22, 'ILLEGAL_GENERATION', F, 'the generation is not the current one of the group'],
  [23, 'INCONSISTENT_GROUP_PROTOCOL', F, 'the member shares no protocol with the group'],
  [24, 'INVALID_GROUP_ID', F, 'the group id is not valid'],
  [25, 'UNKNOWN_MEMBER_ID', F, 'the group has no such member'],
  [26, 'INVALID_SESSION_TIMEOUT', F, 'the session timeout is outside the range that the broker allows'],
  [27, 'REBALANCE_IN_PROGRESS', F, 'the group is rebalancing; the member must join again'],
  [28, 'INVALID_COMMIT_OFFSET_SIZE', F, 'the committed offsets do not fit in one batch'],
  [29, 'TOPIC_AUTHORIZATION_FAILED', F, 'not authorized for the topic'],
  [30, 'GROUP_AUTHORIZATION_FAILED', F, 'not authorized for the group'],
  [31, 'CLUSTER_AUTHORIZATION_FAILED', F, 'not authorized for the cluster'],
  [32, 'INVALID_TIMESTAMP', F, 'the timestamp is outside the range that the topic accepts'],
  [33, 'UNSUPPORTED_SASL_MECHANISM', F, 'the broker does not offer this SASL mechanism'],
  [34, 'ILLEGAL_SASL_STATE', F, 'the request does not fit the state of the SASL exchange'],
  [35, 'UNSUPPORTED_VERSION', F, 'the broker does not support this version of the API'],
  [36, 'TOPIC_ALREADY_EXISTS', F, 'a topic of this name exists'],
  [37, 'INVALID_PARTITIONS', F, 'the number of partitions is not valid'],
  [38, 'INVALID_REPLICATION_FACTOR', F, 'the replication factor is below 1 or above the number of brokers'],
  [39, 'INVALID_REPLICA_ASSIGNMENT', F, 'the replica assignment is not valid'],
  [40, 'INVALID_CONFIG', F, 'a config is not valid'],
  [41, 'NOT_CONTROLLER', R, 'the broker is not the controller'],
  [42, 'INVALID_REQUEST', F, 'the request is malformed or contradicts itself'],
  [43, 'UNSUPPORTED_FOR_MESSAGE_FORMAT', F, 'the message format of the partition does not support this'],
  [44, 'POLICY_VIOLATION', F, 'a policy of the cluster forbids this'],
  [45, 'OUT_OF_ORDER_SEQUENCE_NUMBER', F, 'the sequence number is not the next of this producer'],
  [46, 'DUPLICATE_SEQUENCE_NUMBER', F, 'the sequence number was seen before'],
  [47, 'INVALID_PRODUCER_EPOCH', F, 'the producer epoch is old'],
  [48, 'INVALID_TXN_STATE', F, 'the transaction is not in a state that allows this'],
  [49, 'INVALID_PRODUCER_ID_MAPPING', F, 'the producer id does not belong to this transactional id'],
  [50, 'INVALID_TRANSACTION_TIMEOUT', F, 'the transaction timeout is above the maximum that the broker allows'],
  [51, 'CONCURRENT_TRANSACTIONS', R, 'another operation on the same transaction is under way'],
  [52, 'TRANSACTION_COORDINATOR_FENCED', F, 'the transaction coordinator is no longer the current one'],
  [53, 'TRANSACTIONAL_ID_AUTHORIZATION_FAILED', F, 'not authorized for the transactional id'],
  [54, 'SECURITY_DISABLED', F, 'security is switched off'],
  [55, 'OPERATION_NOT_ATTEMPTED', F, 'not attempted, because another part of the request failed'],
  [56, 'KAFKA_STORAGE_ERROR', R, 'the disk of the log failed'],
  [57, 'LOG_DIR_NOT_FOUND', F, 'the broker has no such log directory'],
  [58, 'SASL_AUTHENTICATION_FAILED', F, 'the credentials were refused'],
  [59, 'UNKNOWN_PRODUCER_ID', F, 'the broker has no state of this producer'],
  [60, 'REASSIGNMENT_IN_PROGRESS', F, 'a reassignment of the partition is under way'],
  [61, 'DELEGATION_TOKEN_AUTH_DISABLED', F, 'delegation tokens are switched off'],
  [62, 'DELEGATION_TOKEN_NOT_FOUND', F, 'there is no such delegation token'],
  [63, 'DELEGATION_TOKEN_OWNER_MISMATCH', F, 'the principal is neither owner nor renewer of the token'],
  [64, 'DELEGATION_TOKEN_REQUEST_NOT_ALLOWED', F, 'delegation tokens cannot be handled over this connection'],
  [65, 'DELEGATION_TOKEN_AUTHORIZATION_FAILED', F, 'not authorized for the delegation token'],
  [66, 'DELEGATION_TOKEN_EXPIRED', F, 'the delegation token has expired'],
  [67, 'INVALID_PRINCIPAL_TYPE', F, 'the principal type is not supported'],
  [68, 'NON_EMPTY_GROUP', F, 'the group has members'],
  [69, 'GROUP_ID_NOT_FOUND', F, 'there is no such group'],
  [70, 'FETCH_SESSION_ID_NOT_FOUND', R, 'the broker has forgotten the fetch session'],
  [71, 'INVALID_FETCH_SESSION_EPOCH', R, 'the epoch of the fetch session is not the expected one'],
  [72, 'LISTENER_NOT_FOUND', R, 'the leader has no listener of this name'],
  [73, 'TOPIC_DELETION_DISABLED', F, 'deleting topics is switched off'],
  [74, 'FENCED_LEADER_EPOCH', R, 'the leader epoch in the request is older than the broker’s'],
  [75, 'UNKNOWN_LEADER_EPOCH', R, 'the leader epoch in the request is newer than the broker’s'],
  [76, 'UNSUPPORTED_COMPRESSION_TYPE', F, 'the client cannot read the compression of the partition'],
  [77, 'STALE_BROKER_EPOCH', F, 'the broker epoch has changed'],
  [78, 'OFFSET_NOT_AVAILABLE', R, 'the new leader does not know its high watermark yet'],
  [79, 'MEMBER_ID_REQUIRED', F, 'the member must join again with the member id that it was given'],
  [80, 'PREFERRED_LEADER_NOT_AVAILABLE', R, 'the preferred leader is not available'],
  [81, 'GROUP_MAX_SIZE_REACHED', F, 'the group is full'],
  [82, 'FENCED_INSTANCE_ID', F, 'another member has registered with the same group instance id'],
  [83, 'ELIGIBLE_LEADERS_NOT_AVAILABLE', R, 'no eligible leader is available'],
  [84, 'ELECTION_NOT_NEEDED', R, 'the partition needs no election'],
  [85, 'NO_REASSIGNMENT_IN_PROGRESS', F, 'no reassignment is under way'],
  [86, 'GROUP_SUBSCRIBED_TO_TOPIC', F, 'the group is subscribed to the topic, so its offsets cannot be deleted'],
  [87, 'INVALID_RECORD', F, 'the broker refused a record'],
  [88, 'UNSTABLE_OFFSET_COMMIT', R, 'a transaction that commits offsets is still open'],
  [89, 'THROTTLING_QUOTA_EXCEEDED', R, 'a quota was exceeded'],
  [90, 'PRODUCER_FENCED', F, 'a newer producer has the same transactional id'],
  [91, 'RESOURCE_NOT_FOUND', F, 'there is no such resource'],
  [92, 'DUPLICATE_RESOURCE', F, 'the request names a resource twice'],
  [93, 'UNACCEPTABLE_CREDENTIAL', F, 'the credential is not acceptable'],
  [94, 'INCONSISTENT_VOTER_SET', F, 'the sender or the receiver is not one of the expected voters'],
  [95, 'INVALID_UPDATE_VERSION', F, 'the version to update to is not valid'],
  [96, 'FEATURE_UPDATE_FAILED', F, 'the features could not be updated'],
  [97, 'PRINCIPAL_DESERIALIZATION_FAILURE', F, 'the principal of a forwarded request cannot be read'],
  [98, 'SNAPSHOT_NOT_FOUND', F, 'there is no such snapshot'],
  [99, 'POSITION_OUT_OF_RANGE', F, 'the position is outside the snapshot'],
  [100, 'UNKNOWN_TOPIC_ID', R, 'the broker does not host a topic of this id'],
  [101, 'DUPLICATE_BROKER_REGISTRATION', F, 'the broker id is taken'],
  [102, 'BROKER_ID_NOT_REGISTERED', F, 'no broker of this id is registered'],
  [103, 'INCONSISTENT_TOPIC_ID', R, 'the topic id in the request is not that of the log'],
  [104, 'INCONSISTENT_CLUSTER_ID', F, 'the cluster id in the request is not that of the broker'],
  [105, 'TRANSACTIONAL_ID_NOT_FOUND', F, 'there is no such transactional id'],
  [106, 'FETCH_SESSION_TOPIC_ID_ERROR', R, 'the fetch session mixes topic ids and names'],
  [107, 'INELIGIBLE_REPLICA', F, 'the new ISR holds a replica that is not eligible'],
  [108, 'NEW_LEADER_ELECTED', F, 'the partition was changed, but its leader is another now'],
  [109, 'OFFSET_MOVED_TO_TIERED_STORAGE', F, 'the offset has moved to tiered storage'],
  [110, 'FENCED_MEMBER_EPOCH', F, 'the member epoch is fenced; the member must give up its partitions and join again'],
  [111, 'UNRELEASED_INSTANCE_ID', F, 'another member still uses the instance id'],
  [112, 'UNSUPPORTED_ASSIGNOR', F, 'the group does not support the assignor'],
  [113, 'STALE_MEMBER_EPOCH', F, 'the member epoch is old; the member must heartbeat first'],
  [114, 'MISMATCHED_ENDPOINT_TYPE', F, 'the request came to an endpoint of the wrong type'],
  [115, 'UNSUPPORTED_ENDPOINT_TYPE', F, 'the endpoint type is not supported'],
  [116, 'UNKNOWN_CONTROLLER_ID', F, 'there is no controller of this id'],
  [117, 'UNKNOWN_SUBSCRIPTION_ID', F, 'the telemetry subscription is unknown or old'],
  [118, 'TELEMETRY_TOO_LARGE', F, 'the telemetry is larger than the broker takes'],
  [119, 'INVALID_REGISTRATION', F, 'the controller finds the registration not valid'],
  [120, 'TRANSACTION_ABORTABLE', F, 'the transaction failed; after an abort the transactional id can go on'],
  [121, 'INVALID_RECORD_STATE', F, 'the state of the record does not allow the acknowledgement'],
  [122, 'SHARE_SESSION_NOT_FOUND', R, 'there is no such share session'],
  [123, 'INVALID_SHARE_SESSION_EPOCH', R, 'the epoch of the share session is not the expected one'],
  [124, 'FENCED_STATE_EPOCH', F, 'the state epoch of the share group does not match'],
  [125, 'INVALID_VOTER_KEY', F, 'the voter key is not that of the replica'],
  [126, 'DUPLICATE_VOTER', F, 'the voter is in the set already'],
  [127, 'VOTER_NOT_FOUND', F, 'the voter is not in the set'],
  [128, 'INVALID_REGULAR_EXPRESSION', F, 'the regular expression is not valid'],
  [129, 'REBOOTSTRAP_REQUIRED', F, 'the client must bootstrap its metadata anew'],
  [130, 'STREAMS_INVALID_TOPOLOGY', F, 'the topology of the streams group is not valid'],
  [131, 'STREAMS_INVALID_TOPOLOGY_EPOCH', F, 'the topology epoch of the streams group is not valid'],
  [132, 'STREAMS_TOPOLOGY_FENCED', F, 'the topology epoch of the streams group is outdated'],
  [133, 'SHARE_SESSION_LIMIT_REACHED', R, 'the broker holds as many share sessions as it may'],
  [134, 'GROUP_DELETION_FAILED', F, 'the group could not be deleted'],
  [135, 'STREAMS_TOPOLOGY_DESCRIPTION_UPDATE_FAILED', F, 'the description of the streams topology could not be stored'],
  [136, 'CONTROLLER_ID_NOT_REGISTERED', F, 'no controller of this id is registered'],
] as const

export type ErrorName = (typeof rows)[number][1]

/** Kafka's names for the codes: `ErrorCode.NOT_LEADER_OR_FOLLOWER`. */
export const ErrorCode = Object.freeze(Object.fromEntries(rows.map(([code, name]) => [name, code]))) as {
  readonly [Row in (typeof rows)[number] as Row[1]]: Row[0]
}
export type ErrorCode = (typeof ErrorCode)[ErrorName]

export interface ProtocolError {
  readonly code: number
  readonly name: string
  readonly retriable: boolean
  readonly message: string
}

const byCode: ReadonlyMap<number, ProtocolError> = new Map(
  rows.map(([code, name, retriable, message]) => [code, Object.freeze({ code, name, retriable, message })]),
)

/** The row of a code. A code of a newer Kafka keeps its number, so that logs show what came. */
export function errorOf(code: number): ProtocolError {
  return (
    byCode.get(code) ?? {
      code,
      name: `UNKNOWN_ERROR_${code}`,
      retriable: false,
      message: `an error unknown here: ${code}`,
    }
  )
}
