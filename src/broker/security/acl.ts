// One access rule, and the filters that find rules: org.apache.kafka.common.acl and .resource, by the numbers that messages and
// records carry. 0 is a number that this broker does not know.

import { CLUSTER_NAME, RESOURCE } from './authorizer.ts'

/** How the name of a rule is meant. ANY and MATCH stand in filters only: any way, and every rule that holds for the name. */
export const PATTERN = { ANY: 1, MATCH: 2, LITERAL: 3, PREFIXED: 4 } as const
export const PERMISSION = { ANY: 1, DENY: 2, ALLOW: 3 } as const
/** In filters: of any operation. */
const ANY_OPERATION = 1
/** A rule for every operation. */
export const ALL_OPERATIONS = 2
/** As the name of a literal rule: every name. As its host: every host. */
export const WILDCARD = '*'

const ANY_RESOURCE = 1
const OPERATION_MAX = 15

export interface Acl {
  readonly resourceType: number
  readonly resourceName: string
  readonly patternType: number
  /** `User:alice`; `User:*` is everybody. */
  readonly principal: string
  readonly host: string
  readonly operation: number
  readonly permissionType: number
}

/** null, and the numbers for ANY, match everything. */
export interface AclFilter {
  readonly resourceType: number
  readonly resourceName: string | null
  readonly patternType: number
  readonly principal: string | null
  readonly host: string | null
  readonly operation: number
  readonly permissionType: number
}

/** What rules and filters have in common. */
type Numbers = Pick<Acl, 'resourceType' | 'patternType' | 'operation' | 'permissionType'>

/** The same with 0 for every number that is not one of Kafka's. */
export function recognized<T extends Numbers>(item: T): T {
  return {
    ...item,
    resourceType: upTo(RESOURCE.USER, item.resourceType),
    patternType: upTo(PATTERN.PREFIXED, item.patternType),
    operation: upTo(OPERATION_MAX, item.operation),
    permissionType: upTo(PERMISSION.ALLOW, item.permissionType),
  }
}

function upTo(max: number, code: number): number {
  return code >= 0 && code <= max ? code : 0
}

/** Whether Kafka's parser takes the numbers; a 0 that was sent closes the connection. */
export function isParsable({ resourceType, patternType, operation, permissionType }: Numbers): boolean {
  return resourceType !== 0 && patternType !== 0 && operation !== 0 && permissionType !== 0
}

/** Whether the numbers name one thing each, as a rule's must, and a filter's need not. */
export function isDefinite({ resourceType, patternType, operation, permissionType }: Numbers): boolean {
  const isPattern = patternType !== PATTERN.ANY && patternType !== PATTERN.MATCH
  return isPattern && resourceType !== ANY_RESOURCE && operation !== ANY_OPERATION && permissionType !== PERMISSION.ANY
}

/** Why there can be no such rule, though it is definite; undefined when there can. In Kafka's order and words. */
export function whyInvalidAcl(acl: Acl): string | undefined {
  const { resourceType, resourceName, patternType, operation, permissionType, principal } = acl
  if (resourceType === RESOURCE.CLUSTER && resourceName !== CLUSTER_NAME) {
    return `The only valid name for the CLUSTER resource is ${CLUSTER_NAME}`
  }
  if (resourceName === '') return 'Invalid empty resource name'
  if (resourceType === 0) return 'Invalid resourceType UNKNOWN'
  if (patternType === 0) return 'Invalid patternType UNKNOWN'
  if (operation === 0) return 'Invalid operation UNKNOWN'
  if (permissionType === 0) return 'Invalid permissionType UNKNOWN'
  if (principal.includes(':')) return undefined
  return `Could not parse principal from \`${principal}\` (no colon is present separating the principal type from the principal name)`
}

/** Why nothing can be found with the filter; undefined when something can. */
export function whyInvalidFilter({
  resourceType,
  patternType,
  operation,
  permissionType,
}: Numbers): string | undefined {
  if (resourceType === 0 || patternType === 0) return 'Unknown patternFilter.'
  return operation === 0 || permissionType === 0 ? 'Unknown entryFilter.' : undefined
}

export function matches(filter: AclFilter, acl: Acl): boolean {
  return (
    (filter.resourceType === ANY_RESOURCE || filter.resourceType === acl.resourceType) &&
    matchesName(filter, acl) &&
    (filter.principal === null || filter.principal === acl.principal) &&
    (filter.host === null || filter.host === acl.host) &&
    (filter.operation === ANY_OPERATION || filter.operation === acl.operation) &&
    (filter.permissionType === PERMISSION.ANY || filter.permissionType === acl.permissionType)
  )
}

function matchesName({ patternType, resourceName: name }: AclFilter, acl: Acl): boolean {
  const covers = patternType === PATTERN.MATCH
  if (patternType !== PATTERN.ANY && !covers && patternType !== acl.patternType) return false
  if (name === null) return true
  if (!covers) return name === acl.resourceName
  if (acl.patternType === PATTERN.PREFIXED) return name.startsWith(acl.resourceName)
  return name === acl.resourceName || acl.resourceName === WILDCARD
}
