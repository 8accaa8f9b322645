/** Whose quota it is: a user, a client id or both, or an address; null stands for all that have no quota of their own (KIP-546). */
export interface QuotaEntity {
  readonly user?: string | null
  readonly 'client-id'?: string | null
  readonly ip?: string | null
}

export type EntityType = keyof QuotaEntity
export const ENTITY_TYPES: readonly EntityType[] = ['user', 'client-id', 'ip']

export type QuotaKey =
  | 'producer_byte_rate'
  | 'consumer_byte_rate'
  | 'request_percentage'
  | 'controller_mutation_rate'
  | 'connection_creation_rate'

export function isEntityType(name: string): name is EntityType {
  return (ENTITY_TYPES as readonly string[]).includes(name)
}

/** The same text for the same entity. */
export function entityKey(entity: QuotaEntity): string {
  return JSON.stringify(ENTITY_TYPES.map((type) => (type in entity ? [entity[type]] : [])))
}
