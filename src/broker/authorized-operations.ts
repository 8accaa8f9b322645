// What the caller may do with a resource, as the bit field of KIP-430.

import type { Call } from './dispatcher.ts'
import { CLUSTER_NAME, OPERATION, type Operation } from './security/authorizer.ts'

/** Not asked for. */
export const NOT_REQUESTED = -2_147_483_648

/** Those that make sense, by the type of the resource. */
const OPERATIONS = {
  TOPIC: ['READ', 'WRITE', 'CREATE', 'DELETE', 'ALTER', 'DESCRIBE', 'DESCRIBE_CONFIGS', 'ALTER_CONFIGS'],
  GROUP: ['READ', 'DELETE', 'DESCRIBE', 'DESCRIBE_CONFIGS', 'ALTER_CONFIGS'],
  CLUSTER: ['CREATE', 'ALTER', 'DESCRIBE', 'CLUSTER_ACTION', 'DESCRIBE_CONFIGS', 'ALTER_CONFIGS', 'IDEMPOTENT_WRITE'],
} as const satisfies Record<string, readonly Operation[]>

export function authorizedOperations(
  call: Call,
  resource: keyof typeof OPERATIONS,
  name: string,
  requested: boolean,
): number {
  if (!requested) return NOT_REQUESTED
  const allowed = OPERATIONS[resource].filter((operation) => call.may(operation, resource, name))
  return allowed.reduce((field, operation) => field | (1 << OPERATION[operation]), 0)
}

/** Of the cluster: 0 when the caller may not even describe it. */
export function authorizedClusterOperations(call: Call, requested: boolean): number {
  if (requested && !call.may('DESCRIBE', 'CLUSTER', CLUSTER_NAME)) return 0
  return authorizedOperations(call, 'CLUSTER', CLUSTER_NAME, requested)
}
