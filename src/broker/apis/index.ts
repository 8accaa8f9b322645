// What this broker serves, in the order of the API keys. ApiVersions answers with this list, and docs/protocol.md is tested against it.

import type { ServedApi } from '../dispatcher.ts'
import { serveAddOffsetsToTxn } from './add-offsets-to-txn.ts'
import { serveAddPartitionsToTxn } from './add-partitions-to-txn.ts'
import { serveAddRaftVoter } from './add-raft-voter.ts'
import { serveAllocateProducerIds } from './allocate-producer-ids.ts'
import { serveAlterClientQuotas } from './alter-client-quotas.ts'
import { serveAlterConfigs } from './alter-configs.ts'
import { serveAlterPartition } from './alter-partition.ts'
import { serveAlterPartitionReassignments } from './alter-partition-reassignments.ts'
import { serveAlterReplicaLogDirs } from './alter-replica-log-dirs.ts'
import { serveAlterShareGroupOffsets } from './alter-share-group-offsets.ts'
import { serveAlterUserScramCredentials } from './alter-user-scram-credentials.ts'
import { serveApiVersions } from './api-versions.ts'
import { serveBeginQuorumEpoch } from './begin-quorum-epoch.ts'
import { serveBrokerHeartbeat } from './broker-heartbeat.ts'
import { serveBrokerRegistration } from './broker-registration.ts'
import { serveConsumerGroupDescribe } from './consumer-group-describe.ts'
import { serveConsumerGroupHeartbeat } from './consumer-group-heartbeat.ts'
import { serveCreateAcls } from './create-acls.ts'
import { serveCreateDelegationToken } from './create-delegation-token.ts'
import { serveCreatePartitions } from './create-partitions.ts'
import { serveCreateTopics } from './create-topics.ts'
import { serveDeleteAcls } from './delete-acls.ts'
import { serveDeleteGroups } from './delete-groups.ts'
import { serveDeleteRecords } from './delete-records.ts'
import { serveDeleteShareGroupOffsets } from './delete-share-group-offsets.ts'
import { serveDeleteShareGroupState } from './delete-share-group-state.ts'
import { serveDeleteTopics } from './delete-topics.ts'
import { serveDescribeAcls } from './describe-acls.ts'
import { serveDescribeClientQuotas } from './describe-client-quotas.ts'
import { serveDescribeCluster } from './describe-cluster.ts'
import { serveDescribeConfigs } from './describe-configs.ts'
import { serveDescribeDelegationToken } from './describe-delegation-token.ts'
import { serveDescribeGroups } from './describe-groups.ts'
import { serveDescribeLogDirs } from './describe-log-dirs.ts'
import { serveDescribeProducers } from './describe-producers.ts'
import { serveDescribeQuorum } from './describe-quorum.ts'
import { serveDescribeShareGroupOffsets } from './describe-share-group-offsets.ts'
import { serveDescribeTopicPartitions } from './describe-topic-partitions.ts'
import { serveDescribeTransactions } from './describe-transactions.ts'
import { serveDescribeUserScramCredentials } from './describe-user-scram-credentials.ts'
import { serveElectLeaders } from './elect-leaders.ts'
import { serveEndQuorumEpoch } from './end-quorum-epoch.ts'
import { serveEndTxn } from './end-txn.ts'
import { serveEnvelope } from './envelope.ts'
import { serveExpireDelegationToken } from './expire-delegation-token.ts'
import { serveFetch } from './fetch.ts'
import { serveFetchSnapshot } from './fetch-snapshot.ts'
import { serveFindCoordinator } from './find-coordinator.ts'
import { serveHeartbeat } from './heartbeat.ts'
import { serveIncrementalAlterConfigs } from './incremental-alter-configs.ts'
import { serveInitProducerId } from './init-producer-id.ts'
import { serveInitializeShareGroupState } from './initialize-share-group-state.ts'
import { serveJoinGroup } from './join-group.ts'
import { serveLeaveGroup } from './leave-group.ts'
import { serveListConfigResources } from './list-config-resources.ts'
import { serveListGroups } from './list-groups.ts'
import { serveListOffsets } from './list-offsets.ts'
import { serveListPartitionReassignments } from './list-partition-reassignments.ts'
import { serveListTransactions } from './list-transactions.ts'
import { serveMetadata } from './metadata.ts'
import { serveOffsetCommit } from './offset-commit.ts'
import { serveOffsetDelete } from './offset-delete.ts'
import { serveOffsetFetch } from './offset-fetch.ts'
import { serveOffsetForLeaderEpoch } from './offset-for-leader-epoch.ts'
import { serveProduce } from './produce.ts'
import { serveReadShareGroupState } from './read-share-group-state.ts'
import { serveReadShareGroupStateSummary } from './read-share-group-state-summary.ts'
import { serveRemoveRaftVoter } from './remove-raft-voter.ts'
import { serveRenewDelegationToken } from './renew-delegation-token.ts'
import { serveSaslAuthenticate } from './sasl-authenticate.ts'
import { serveSaslHandshake } from './sasl-handshake.ts'
import { serveShareAcknowledge } from './share-acknowledge.ts'
import { serveShareFetch } from './share-fetch.ts'
import { serveShareGroupDescribe } from './share-group-describe.ts'
import { serveShareGroupHeartbeat } from './share-group-heartbeat.ts'
import { serveSyncGroup } from './sync-group.ts'
import { serveTxnOffsetCommit } from './txn-offset-commit.ts'
import { serveUnregisterBroker } from './unregister-broker.ts'
import { serveUpdateFeatures } from './update-features.ts'
import { serveUpdateRaftVoter } from './update-raft-voter.ts'
import { serveVote } from './vote.ts'
import { serveWriteShareGroupState } from './write-share-group-state.ts'
import { serveWriteTxnMarkers } from './write-txn-markers.ts'

export const servedApis: readonly ServedApi[] = [
  serveProduce,
  serveFetch,
  serveListOffsets,
  serveMetadata,
  serveOffsetCommit,
  serveOffsetFetch,
  serveFindCoordinator,
  serveJoinGroup,
  serveHeartbeat,
  serveLeaveGroup,
  serveSyncGroup,
  serveDescribeGroups,
  serveListGroups,
  serveSaslHandshake,
  serveApiVersions,
  serveCreateTopics,
  serveDeleteTopics,
  serveDeleteRecords,
  serveInitProducerId,
  serveOffsetForLeaderEpoch,
  serveAddPartitionsToTxn,
  serveAddOffsetsToTxn,
  serveEndTxn,
  serveWriteTxnMarkers,
  serveTxnOffsetCommit,
  serveDescribeAcls,
  serveCreateAcls,
  serveDeleteAcls,
  serveDescribeConfigs,
  serveAlterConfigs,
  serveAlterReplicaLogDirs,
  serveDescribeLogDirs,
  serveSaslAuthenticate,
  serveCreatePartitions,
  serveCreateDelegationToken,
  serveRenewDelegationToken,
  serveExpireDelegationToken,
  serveDescribeDelegationToken,
  serveDeleteGroups,
  serveElectLeaders,
  serveIncrementalAlterConfigs,
  serveAlterPartitionReassignments,
  serveListPartitionReassignments,
  serveOffsetDelete,
  serveDescribeClientQuotas,
  serveAlterClientQuotas,
  serveDescribeUserScramCredentials,
  serveAlterUserScramCredentials,
  serveDescribeQuorum,
  serveUpdateFeatures,
  serveDescribeCluster,
  serveDescribeProducers,
  serveUnregisterBroker,
  serveDescribeTransactions,
  serveListTransactions,
  serveConsumerGroupHeartbeat,
  serveConsumerGroupDescribe,
  serveListConfigResources,
  serveDescribeTopicPartitions,
  serveShareGroupHeartbeat,
  serveShareGroupDescribe,
  serveShareFetch,
  serveShareAcknowledge,
  serveAddRaftVoter,
  serveRemoveRaftVoter,
  serveInitializeShareGroupState,
  serveReadShareGroupState,
  serveWriteShareGroupState,
  serveDeleteShareGroupState,
  serveReadShareGroupStateSummary,
  serveDescribeShareGroupOffsets,
  serveAlterShareGroupOffsets,
  serveDeleteShareGroupOffsets,
]

/** What nodes of a cluster serve one another besides, on a listener that clients are not told of. */
export const internalApis: readonly ServedApi[] = [
  ...servedApis,
  serveVote,
  serveBeginQuorumEpoch,
  serveEndQuorumEpoch,
  serveAlterPartition,
  serveEnvelope,
  serveFetchSnapshot,
  serveBrokerRegistration,
  serveBrokerHeartbeat,
  serveAllocateProducerIds,
  serveUpdateRaftVoter,
]
