import { ErrorCode } from '../../../protocol/errors.ts'
import { entityKey, isEntityType, type QuotaEntity } from '../../quota/quota-entity.ts'
import type { AlterClientQuotasCommand, ItemError } from './command.ts'
import type { ReadonlyMetadataImage } from './metadata-image.ts'
import type { MetadataRecord } from './metadata-record.ts'
import { invalid } from './topic-creation.ts'

type Entry = AlterClientQuotasCommand['entries'][number]
type Op = Entry['ops'][number]

interface KeyType {
  readonly max: number
  readonly integral: boolean
  /** As Kafka calls it. */
  readonly name: string
}

const LONG: KeyType = { max: 2 ** 63, integral: true, name: 'LONG' }
const INT: KeyType = { max: 2_147_483_647, integral: true, name: 'INT' }
const DOUBLE: KeyType = { max: Number.POSITIVE_INFINITY, integral: false, name: 'DOUBLE' }

const CLIENT_KEYS: ReadonlyMap<string, KeyType> = new Map([
  ['producer_byte_rate', LONG],
  ['consumer_byte_rate', LONG],
  ['request_percentage', DOUBLE],
  ['controller_mutation_rate', DOUBLE],
])
const ADDRESS_KEYS: ReadonlyMap<string, KeyType> = new Map([['connection_creation_rate', INT]])

/** Decides AlterClientQuotas (ClientQuotaControlManager): of each entity all or nothing. */
export function alterClientQuotas(image: ReadonlyMetadataImage, { entries, validateOnly }: AlterClientQuotasCommand) {
  const records: MetadataRecord[] = []
  const results = entries.map((entry) => {
    const decided = decide(image, entry, entries)
    if ('errorCode' in decided) return { entity: entry.entity, ...decided }
    if (!validateOnly) records.push(...decided.records)
    return { entity: entry.entity, errorCode: ErrorCode.NONE, errorMessage: null }
  })
  return { reply: { entries: results }, records }
}

function decide(
  image: ReadonlyMetadataImage,
  entry: Entry,
  all: readonly Entry[],
): { records: MetadataRecord[] } | ItemError {
  const entity = entityOf(entry)
  if ('errorCode' in entity) return entity
  const repeated = entry.ops.find(({ key }, at) => entry.ops.findIndex((other) => other.key === key) < at)
  if (repeated) {
    const message = `Duplicate quota key ${repeated.key} not updating quota for this entity ${shown(entry)}`
    return invalid('INVALID_REQUEST', message)
  }
  const earlier = all.slice(0, all.indexOf(entry))
  if (earlier.some((other) => sameEntity(other, entity.entity))) {
    return invalid('INVALID_REQUEST', `Ignoring duplicate entity ${shown(entry)}`)
  }
  const keys = keysOf(entity.entity)
  if ('errorCode' in keys) return keys
  const error = entry.ops.map((op) => opError(keys, op)).find((found) => found !== undefined)
  if (error) return error
  const held = image.quotas.of(entity.entity)
  const records = entry.ops.flatMap(({ key, value, remove }): MetadataRecord[] => {
    const changes = remove ? held.has(key) : held.get(key) !== value
    if (!changes) return []
    return [{ type: 'client-quota', entity: entry.entity, key, value: remove ? 0 : value, remove }]
  })
  return { records }
}

/** The entity, when its parts are of known types, each named once and by a name. */
function entityOf({ entity }: Entry): { entity: QuotaEntity } | ItemError {
  if (entity.length === 0) return invalid('INVALID_REQUEST', 'Invalid empty client quota entity')
  const parts: Record<string, string | null> = {}
  for (const { entityType, entityName } of entity) {
    if (entityType in parts) {
      return invalid('INVALID_REQUEST', `Invalid client quota entity, duplicate entity entry ${entityType}`)
    }
    if (!isEntityType(entityType)) {
      return invalid('INVALID_REQUEST', `Unhandled client quota entity type: ${entityType}`)
    }
    if (entityName === '') return invalid('INVALID_REQUEST', `Empty ${entityType} not supported`)
    parts[entityType] = entityName
  }
  return { entity: parts }
}

function sameEntity(other: Entry, entity: QuotaEntity): boolean {
  const found = entityOf(other)
  return 'entity' in found && entityKey(found.entity) === entityKey(entity)
}

/** The keys that the entity may set. */
function keysOf(entity: QuotaEntity): ReadonlyMap<string, KeyType> | ItemError {
  if (entity.ip === undefined) return CLIENT_KEYS
  if (entity.user !== undefined || entity['client-id'] !== undefined) {
    const message = 'Invalid quota entity combination, IP entity should not be combined with User or ClientId'
    return invalid('INVALID_REQUEST', message)
  }
  if (entity.ip === null || isAddress(entity.ip)) return ADDRESS_KEYS
  return invalid('INVALID_REQUEST', `${entity.ip} is not a valid IP or resolvable host.`)
}

function opError(keys: ReadonlyMap<string, KeyType>, { key, value, remove }: Op): ItemError | undefined {
  if (remove) return undefined
  const type = keys.get(key)
  if (!type) return invalid('INVALID_REQUEST', `Invalid configuration key ${key}`)
  if (!(value > 0)) return invalid('INVALID_REQUEST', `Quota ${key} must be greater than 0`)
  if (value > type.max) return invalid('INVALID_REQUEST', `Proposed value for ${key} is too large for a ${type.name}.`)
  if (type.integral && value % 1 > 1e-6) return invalid('INVALID_REQUEST', `${key} cannot be a fractional value.`)
  return undefined
}

/** An address, not a host name: nobody is asked here which addresses a name has. */
function isAddress(text: string): boolean {
  if (/^(?:\d{1,3}\.){3}\d{1,3}$/.test(text)) return text.split('.').every((part) => Number(part) < 256)
  return text.includes(':') && URL.canParse(`http://[${text}]`)
}

function shown({ entity }: Entry): string {
  const parts = entity.map(({ entityType, entityName }) => `${entityType}=${entityName ?? 'null'}`)
  return `ClientQuotaEntity(entries={${parts.join(', ')}})`
}
