import { entityKey, type QuotaEntity, type QuotaKey } from './quota-entity.ts'

export interface QuotaEntry {
  readonly entity: QuotaEntity
  /** By Kafka's quota keys. */
  readonly quotas: ReadonlyMap<string, number>
}

/** The quota that holds for a client, and with whom it shares it: all requests with the same `sharedBy` count together. */
export interface HeldQuota {
  readonly limit: number
  readonly sharedBy: string
}

/**
 * The quotas that the metadata knows.
 *
 * 1. An entity without a quota is not here.
 */
export class ClientQuotas {
  readonly #entries = new Map<string, { readonly entity: QuotaEntity; readonly quotas: Map<string, number> }>()
  /** How many entities set each key, so that a broker without quotas looks nothing up. */
  readonly #set = new Map<string, number>()

  get entries(): Iterable<QuotaEntry> {
    return this.#entries.values()
  }

  of(entity: QuotaEntity): ReadonlyMap<string, number> {
    return this.#entries.get(entityKey(entity))?.quotas ?? NO_QUOTAS
  }

  /** `undefined` takes the quota away. */
  apply(entity: QuotaEntity, key: string, value: number | undefined): void {
    const name = entityKey(entity)
    const entry = this.#entries.get(name) ?? { entity, quotas: new Map<string, number>() }
    const before = entry.quotas.has(key)
    if (value === undefined) entry.quotas.delete(key)
    else entry.quotas.set(key, value)
    if (entry.quotas.size === 0) this.#entries.delete(name)
    else this.#entries.set(name, entry)
    this.#set.set(key, (this.#set.get(key) ?? 0) + Number(entry.quotas.has(key)) - Number(before))
  }

  isSet(key: QuotaKey): boolean {
    return (this.#set.get(key) ?? 0) > 0
  }

  /** The nearest quota wins, in Kafka's order; one for a user without a client id is shared by all its clients, and the other way round. */
  ofClient(key: QuotaKey, user: string, clientId: string): HeldQuota | undefined {
    if (!this.isSet(key)) return undefined
    const together = entityKey({ user, 'client-id': clientId })
    const orders: readonly (readonly [QuotaEntity, string])[] = [
      [{ user, 'client-id': clientId }, together],
      [{ user, 'client-id': null }, together],
      [{ user }, entityKey({ user })],
      [{ user: null, 'client-id': clientId }, together],
      [{ user: null, 'client-id': null }, together],
      [{ user: null }, entityKey({ user })],
      [{ 'client-id': clientId }, entityKey({ 'client-id': clientId })],
      [{ 'client-id': null }, entityKey({ 'client-id': clientId })],
    ]
    // A client that does not say its id has only the quotas of its user.
    return this.#first(key, clientId === '' ? orders.filter(([entity]) => !('client-id' in entity)) : orders)
  }

  ofAddress(ip: string): HeldQuota | undefined {
    const shared = entityKey({ ip })
    return this.#first('connection_creation_rate', [
      [{ ip }, shared],
      [{ ip: null }, shared],
    ])
  }

  #first(key: QuotaKey, orders: readonly (readonly [QuotaEntity, string])[]): HeldQuota | undefined {
    for (const [entity, sharedBy] of orders) {
      const limit = this.of(entity).get(key)
      if (limit !== undefined) return { limit, sharedBy }
    }
    return undefined
  }
}

const NO_QUOTAS: ReadonlyMap<string, number> = new Map()
