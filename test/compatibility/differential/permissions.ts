// Where our broker may answer otherwise than Kafka, and why. Each reason is a row of the table in docs/protocol.md; one that no answer
// needs any more fails the test.
import type { Difference } from './comparison.ts'

export interface Permission {
  /** The requests: `API vN: what it says`. */
  readonly at: RegExp
  /** Where in the answer; '' stands for an answer that is not there. */
  readonly path: RegExp
  readonly reason: string
}

export const permissions: readonly Permission[] = [
  {
    at: /^Produce /,
    path: /\.errorMessage$/,
    reason: 'Error messages say more',
  },
  {
    at: /^(CreateTopics|DescribeConfigs) /,
    path: /\.configs\[min\.insync\.replicas\]/,
    reason: '`min.insync.replicas` is a default; Kafka, which knows eligible leaders, sets it for the whole cluster',
  },
  {
    at: /^ApiVersions /,
    path: /^apiKeys\[\d+\]$/,
    reason: 'A request of an API that is\nnot in the table',
  },
  {
    at: /^ApiVersions v[34]/,
    path: /^(supportedFeatures|finalizedFeatures)/,
    reason: 'Of the features group.version, metadata.version, share.version and transaction.version',
  },
  {
    at: /^DescribeLogDirs /,
    path: /\.(totalBytes|usableBytes)$/,
    reason: 'In memory the size of the disk is unknown (−1)',
  },
  {
    at: /^DescribeQuorum .*: the metadata/,
    path: /leaderEpoch|highWatermark|logEndOffset|listeners/,
    reason: 'A broker that is alone has epoch 0 and no listener of controllers; it shows the one that was asked',
  },
  {
    at: /^Fetch v\d+: (request|two topics)/,
    path: /^responses\[[^\]]*\](#\d+|\.partitions\[[^\]]*\])$/,
    reason: 'A topic is named once in an answer; Kafka names it again for partitions that are refused',
  },
  {
    at: /^Fetch .*an unknown isolation/,
    path: /^/,
    reason: 'An isolation level that there is not is read as read_uncommitted; Kafka answers with UNKNOWN_SERVER_ERROR',
  },
  {
    at: /^IncrementalAlterConfigs .*an unknown operation/,
    path: /\.(errorCode|errorMessage)$/,
    reason: 'An operation that there is not: INVALID_REQUEST; Kafka answers with UNKNOWN_SERVER_ERROR',
  },
  {
    at: /^Metadata v1[23]: a null name/,
    path: /^/,
    reason: 'Neither a name nor an id: UNKNOWN_TOPIC_ID; Kafka answers with UNKNOWN_SERVER_ERROR',
  },
]

const used = new Set<Permission>()

/** The permission for a difference, which counts as used from then on. */
export function permissionFor(at: string, { path }: Difference): Permission | undefined {
  const found = permissions.find((permission) => permission.at.test(at) && permission.path.test(path))
  if (found) used.add(found)
  return found
}

export function unusedPermissions(): Permission[] {
  return permissions.filter((permission) => !used.has(permission))
}
