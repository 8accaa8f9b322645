// Who may do what: the question every handler asks before it serves, and the vocabulary of the answer (org.apache.kafka.common.acl).

/** Operations as ACLs number them (AclOperation). */
export const OPERATION = {
  READ: 3,
  WRITE: 4,
  CREATE: 5,
  DELETE: 6,
  ALTER: 7,
  DESCRIBE: 8,
  CLUSTER_ACTION: 9,
  DESCRIBE_CONFIGS: 10,
  ALTER_CONFIGS: 11,
  IDEMPOTENT_WRITE: 12,
  CREATE_TOKENS: 13,
  DESCRIBE_TOKENS: 14,
  TWO_PHASE_COMMIT: 15,
} as const

/** Resource types as ACLs number them (ResourceType). */
export const RESOURCE = {
  TOPIC: 2,
  GROUP: 3,
  CLUSTER: 4,
  TRANSACTIONAL_ID: 5,
  DELEGATION_TOKEN: 6,
  USER: 7,
} as const

export type Operation = keyof typeof OPERATION
export type Resource = keyof typeof RESOURCE

/** The one resource of type CLUSTER. */
export const CLUSTER_NAME = 'kafka-cluster'

/** `User:alice`; whoever did not log in is `User:ANONYMOUS`. */
export interface Principal {
  readonly type: string
  readonly name: string
}

export const ANONYMOUS: Principal = { type: 'User', name: 'ANONYMOUS' }

/** One end of a connection, as those see it who decide what it may. */
export interface Caller {
  readonly principal: Principal
  /** Without the port; as Java writes addresses, which is how access rules name them. */
  readonly host: string
}

export interface Authorizer {
  allows(caller: Caller, operation: Operation, resource: Resource, name: string): boolean
  /** Whether there may be a resource of the type, known or not, with which the caller may do this. */
  allowsSome(caller: Caller, operation: Operation, resource: Resource): boolean
}
