import { expect, it } from 'vitest'
import { ClientQuotas } from '../../../src/broker/quota/client-quotas.ts'
import type { QuotaEntity } from '../../../src/broker/quota/quota-entity.ts'
import { QuotaUsage } from '../../../src/broker/quota/quota-usage.ts'

const KEY = 'producer_byte_rate'

// The nearest first, as Kafka's documentation orders them; each with a limit of its own to know it by.
const ORDER: readonly QuotaEntity[] = [
  { user: 'alice', 'client-id': 'app' },
  { user: 'alice', 'client-id': null },
  { user: 'alice' },
  { user: null, 'client-id': 'app' },
  { user: null, 'client-id': null },
  { user: null },
  { 'client-id': 'app' },
  { 'client-id': null },
]

it('takes the nearest quota that is set', () => {
  const quotas = new ClientQuotas()
  for (const [at, entity] of [...ORDER.entries()].reverse()) {
    quotas.apply(entity, KEY, at + 1)
    expect(quotas.ofClient(KEY, 'alice', 'app')?.limit).toBe(at + 1)
  }
  for (const [at, entity] of ORDER.entries()) {
    expect(quotas.ofClient(KEY, 'alice', 'app')?.limit).toBe(at + 1)
    quotas.apply(entity, KEY, undefined)
  }
  expect(quotas.ofClient(KEY, 'alice', 'app')).toBeUndefined()
  expect([...quotas.entries]).toEqual([])
})

it('shares a quota of a user among its clients, and one of client ids among users', () => {
  const shared = (entity: QuotaEntity, ...clients: [user: string, clientId: string][]) => {
    const quotas = new ClientQuotas()
    quotas.apply(entity, KEY, 100)
    return new Set(clients.map(([user, clientId]) => quotas.ofClient(KEY, user, clientId)!.sharedBy)).size
  }
  expect(shared({ user: 'alice' }, ['alice', 'one'], ['alice', 'two'])).toBe(1)
  expect(shared({ user: null }, ['alice', 'one'], ['bob', 'one'])).toBe(2)
  expect(shared({ 'client-id': null }, ['alice', 'one'], ['bob', 'one'])).toBe(1)
  expect(shared({ 'client-id': null }, ['alice', 'one'], ['alice', 'two'])).toBe(2)
  expect(shared({ user: 'alice', 'client-id': null }, ['alice', 'one'], ['alice', 'two'])).toBe(2)
})

it('knows a client that does not say its id only by its user', () => {
  const quotas = new ClientQuotas()
  quotas.apply({ 'client-id': null }, KEY, 1)
  quotas.apply({ user: 'alice', 'client-id': null }, KEY, 2)
  expect(quotas.ofClient(KEY, 'alice', '')).toBeUndefined()
  quotas.apply({ user: null }, KEY, 3)
  expect(quotas.ofClient(KEY, 'alice', '')?.limit).toBe(3)
})

it('counts each client and each kind of use for itself, and holds one answer up no longer than a stretch for its time', () => {
  const quotas = new ClientQuotas()
  const manager = new QuotaUsage(quotas, { samples: 11, sampleMs: 1000 })
  expect(manager.record(KEY, 'alice', 'app', 1e9, 0)).toBe(0)
  quotas.apply({ user: null }, KEY, 100)
  quotas.apply({ user: null }, 'request_percentage', 10)
  expect(manager.record(KEY, 'alice', 'app', 1000, 0)).toBe(0)
  expect(manager.record(KEY, 'alice', 'other', 1000, 0)).toBe(10_000)
  expect(manager.record(KEY, 'bob', 'app', 1000, 0)).toBe(0)
  expect(manager.record('consumer_byte_rate', 'alice', 'app', 1e9, 0)).toBe(0)
  expect(manager.record('request_percentage', 'alice', 'app', 500, 0)).toBe(1000)
  expect(manager.mostAtOnce(KEY, 'alice', 'app')).toBe(1000)
})

it('does not count connections that it keeps out', () => {
  const quotas = new ClientQuotas()
  const manager = new QuotaUsage(quotas, { samples: 11, sampleMs: 1000 })
  quotas.apply({ ip: null }, 'connection_creation_rate', 1)
  const waits = Array.from({ length: 12 }, () => manager.recordConnection('10.0.0.1', 0))
  expect(waits).toEqual([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1000, 1000])
  expect(manager.recordConnection('10.0.0.2', 0)).toBe(0)
  quotas.apply({ ip: '10.0.0.1' }, 'connection_creation_rate', 1000)
  expect(manager.recordConnection('10.0.0.1', 0)).toBe(0)
})
