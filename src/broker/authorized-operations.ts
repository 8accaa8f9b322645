// What a client that asked may do, as the bit field of KIP-430. Without an authorizer everybody may do everything.

import { OPERATION, type Operation } from './security/authorizer.ts'

/** Not asked for. */
export const NOT_REQUESTED = -2_147_483_648

function bits(...operations: Operation[]): number {
  return operations.reduce((field, operation) => field | (1 << OPERATION[operation]), 0)
}

const TOPIC = bits('READ', 'WRITE', 'CREATE', 'DELETE', 'ALTER', 'DESCRIBE', 'DESCRIBE_CONFIGS', 'ALTER_CONFIGS')
const GROUP = bits('READ', 'DELETE', 'DESCRIBE', 'DESCRIBE_CONFIGS', 'ALTER_CONFIGS')
const CLUSTER = bits(
  'CREATE',
  'ALTER',
  'DESCRIBE',
  'CLUSTER_ACTION',
  'DESCRIBE_CONFIGS',
  'ALTER_CONFIGS',
  'IDEMPOTENT_WRITE',
)
const OPERATIONS = { topic: TOPIC, group: GROUP, cluster: CLUSTER } as const

export function authorizedOperations(resource: keyof typeof OPERATIONS, requested: boolean): number {
  return requested ? OPERATIONS[resource] : NOT_REQUESTED
}
