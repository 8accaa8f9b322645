// The cases that clients from outside run, by name: what is told in the report, and what the broker must be able to do.
import type { Capability } from '../ground.ts'

interface ClientCase {
  readonly says: string
  readonly needs?: Capability
}

export const clientCases = {
  // Producing and consuming.
  'whole-records': { says: 'reads back keys, values, headers, nulls and timestamps as they were sent' },
  acks: { says: 'produces with acks 0, 1 and all' },
  'codec-none': { says: 'reads back batches that are not compressed' },
  'codec-gzip': { says: 'reads back batches compressed with gzip' },
  'codec-snappy': { says: 'reads back batches compressed with snappy' },
  'codec-lz4': { says: 'reads back batches compressed with lz4' },
  'codec-zstd': { says: 'reads back batches compressed with zstd' },
  'large-records': {
    says: 'sends a record near the limit, is refused one beyond it, and reads it with smaller limits',
  },
  idempotent: { says: 'produces idempotently, several requests in flight' },
  positions: { says: 'consumes from an offset, by time, from both ends and out of range' },
  'unknown-topic': { says: 'is told that a topic is unknown or has no name' },

  // Groups.
  resume: { says: 'resumes a group at its committed offset' },
  'commit-metadata': { says: 'commits offsets with metadata, and none that is too long' },
  'eager-rebalance': { says: 'shares six partitions among three members that join, leave and crash (range)' },
  'eager-round-robin': { says: 'shares six partitions among three members that join, leave and crash (round robin)' },
  'cooperative-rebalance': { says: 'shares six partitions among three members, taking away only what moves' },
  'static-member': { says: 'gives a static member that comes back its partitions, and fences its twin' },
  pattern: { says: 'subscribes to a pattern, and finds the topic that comes later' },
  'new-protocol-resume': { says: 'resumes a KIP-848 group at its committed offset', needs: 'consumer-protocol' },
  'new-protocol-rebalance': {
    says: 'shares six partitions among three members of a KIP-848 group (uniform)',
    needs: 'consumer-protocol',
  },
  'new-protocol-range': {
    says: 'shares six partitions among three members of a KIP-848 group (range)',
    needs: 'consumer-protocol',
  },
  'new-protocol-static': {
    says: 'gives a static member of a KIP-848 group that comes back its partitions, and refuses its twin',
    needs: 'consumer-protocol',
  },
  'new-protocol-pattern': { says: 'lets the broker match a pattern (KIP-848)', needs: 'consumer-protocol' },
  'new-protocol-migration': {
    says: 'replaces classic members by those of KIP-848 one by one, and back',
    needs: 'consumer-protocol',
  },
  'new-protocol-admin': { says: 'describes, lists and deletes KIP-848 groups', needs: 'consumer-protocol' },

  // Transactions.
  transactions: { says: 'commits and aborts transactions', needs: 'transactions' },
  'open-transaction': { says: 'holds readers of committed data before an open transaction', needs: 'transactions' },
  zombie: { says: 'fences a zombie', needs: 'transactions' },
  transform: { says: 'consumes, transforms and produces with offsets, each record once', needs: 'transactions' },
  'transaction-timeout': { says: 'sees a transaction aborted that lasted too long', needs: 'transactions' },
  'transaction-admin': { says: 'lists, describes and fences transactions', needs: 'transactions' },

  // Administration.
  topics: { says: 'creates, describes, extends and deletes topics' },
  configs: { says: 'describes, sets, extends and resets configs' },
  groups: { says: 'lists, describes, alters and deletes groups' },
  'delete-records': { says: 'deletes records up to an offset' },
  'list-offsets': { says: 'lists offsets by every kind of time' },
  cluster: { says: 'describes the cluster' },
  features: { says: 'describes the features of the cluster', needs: 'features' },
  'group-configs': { says: 'alters and describes configs of a group', needs: 'group-configs' },
  acls: { says: 'creates, describes and deletes ACLs' },
  'scram-users': { says: 'creates, describes and deletes SCRAM users', needs: 'scram-users' },
  quotas: { says: 'sets quotas, is throttled by them, and removes them', needs: 'quotas' },

  // Security.
  tls: { says: 'speaks TLS to a broker that it trusts, and not to one that it does not', needs: 'tls' },
  'sasl-plain': { says: 'logs in with PLAIN, and not with a wrong password', needs: 'sasl-plain' },
  'sasl-scram-256': { says: 'logs in with SCRAM-SHA-256, and not with a wrong password', needs: 'sasl-scram' },
  'sasl-scram-512': { says: 'logs in with SCRAM-SHA-512, and not with a wrong password', needs: 'sasl-scram' },
  denied: { says: 'is told by every API that a stranger has no right', needs: 'sasl-plain' },
} as const satisfies Readonly<Record<string, ClientCase>>

export type CaseName = keyof typeof clientCases

export function caseOf(name: CaseName): ClientCase {
  return clientCases[name]
}
