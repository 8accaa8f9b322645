// Kafka's StandardAuthorizer: what a caller may, by access rules.
//
// - Super users may everything. Otherwise a rule speaks when its pattern covers the name, and its principal (or User:*), its host (or *)
//   and its operation (or ALL) are the asked ones. One DENY that speaks is the answer; else one ALLOW; else no.
// - DESCRIBE is also allowed by READ, WRITE, DELETE and ALTER, DESCRIBE_CONFIGS by ALTER_CONFIGS; denied by themselves and ALL alone.
// - A resource that no rule covers, whoever it speaks of, is everybody's when `allow.everyone.if.no.acl.found` says so.

import { type Acl, ALL_OPERATIONS, PERMISSION, WILDCARD } from './acl.ts'
import { type Authorizer, type Caller, OPERATION, type Operation, RESOURCE, type Resource } from './authorizer.ts'
import { PatternIndex } from './pattern-index.ts'

const EVERYBODY = 'User:*'
/** A name that stands for any: Kafka asks about it to find out about super users, wildcards and the default. */
const SOME_NAME = 'hardcode'

/** Operations as bits. */
interface Rights {
  allowed: number
  denied: number
}
type RightsByHost = Map<string, Rights>
const NOTHING: readonly RightsByHost[] = []

const bit = (code: number) => 1 << code
const ALL = bit(ALL_OPERATIONS)
const ALSO_ALLOWED_BY: Partial<Record<Operation, readonly Operation[]>> = {
  DESCRIBE: ['READ', 'WRITE', 'DELETE', 'ALTER'],
  DESCRIBE_CONFIGS: ['ALTER_CONFIGS'],
}

/** What a rule must have to allow the operation. */
const ALLOWED_BY = Object.fromEntries(
  Object.entries(OPERATION).map(([name, code]) => {
    const others = ALSO_ALLOWED_BY[name as Operation] ?? []
    return [name, others.reduce((bits, other) => bits | bit(OPERATION[other]), bit(code) | ALL)]
  }),
) as Record<Operation, number>

export interface AclAuthorizerOptions {
  /** `User:admin`, … */
  readonly superUsers: readonly string[]
  readonly allowEveryoneIfNoAclIsFound: boolean
}

/**
 * 1. It holds exactly the rules that were added and not removed, each of which was added once.
 * 2. `#covered` counts, by pattern, the rules of all principals.
 */
export class AclAuthorizer implements Authorizer {
  readonly #superUsers: ReadonlySet<string>
  readonly #default: boolean
  /** By resource type and principal. */
  readonly #rights = new Map<number, Map<string, PatternIndex<RightsByHost>>>()
  /** By resource type. */
  readonly #covered = new Map<number, PatternIndex<number>>()

  constructor({ superUsers, allowEveryoneIfNoAclIsFound }: AclAuthorizerOptions) {
    this.#superUsers = new Set(superUsers)
    this.#default = allowEveryoneIfNoAclIsFound
  }

  add(acl: Acl): void {
    const { resourceType, patternType, resourceName, principal, host } = acl
    const ofType = obtain(this.#rights, resourceType, () => new Map<string, PatternIndex<RightsByHost>>())
    const index = obtain(ofType, principal, () => new PatternIndex<RightsByHost>())
    const byHost: RightsByHost = index.get(patternType, resourceName) ?? new Map()
    index.set(patternType, resourceName, byHost)
    const rights = obtain(byHost, host, () => ({ allowed: 0, denied: 0 }))
    if (acl.permissionType === PERMISSION.ALLOW) rights.allowed |= bit(acl.operation)
    else rights.denied |= bit(acl.operation)
    this.#cover(acl, 1)
  }

  remove(acl: Acl): void {
    const { resourceType, patternType, resourceName, principal, host, operation } = acl
    const ofType = this.#rights.get(resourceType)
    const index = ofType?.get(principal)
    const byHost = index?.get(patternType, resourceName)
    const rights = byHost?.get(host)
    if (!ofType || !index || !byHost || !rights) return
    if (acl.permissionType === PERMISSION.ALLOW) rights.allowed &= ~bit(operation)
    else rights.denied &= ~bit(operation)
    if (rights.allowed === 0 && rights.denied === 0) byHost.delete(host)
    if (byHost.size === 0) index.delete(patternType, resourceName)
    if (index.isEmpty) ofType.delete(principal)
    this.#cover(acl, -1)
  }

  allows(caller: Caller, operation: Operation, resource: Resource, name: string): boolean {
    const principal = principalOf(caller)
    if (this.#superUsers.has(principal)) return true
    const ofType = this.#rights.get(RESOURCE[resource])
    const deniedBy = bit(OPERATION[operation]) | ALL
    let allowed = false
    for (const whose of [principal, EVERYBODY]) {
      for (const byHost of ofType?.get(whose)?.covering(name) ?? NOTHING) {
        for (const rights of [byHost.get(caller.host), byHost.get(WILDCARD)]) {
          if (!rights) continue
          if (rights.denied & deniedBy) return false
          if (rights.allowed & ALLOWED_BY[operation]) allowed = true
        }
      }
    }
    return allowed || (this.#default && !this.#isCovered(RESOURCE[resource], name))
  }

  /** As Authorizer.authorizeByResourceType: rules that imply the operation do not count, and a rule that is wholly denied neither. */
  allowsSome(caller: Caller, operation: Operation, resource: Resource): boolean {
    if (this.allows(caller, operation, resource, SOME_NAME)) return true
    const { allowed, denied } = this.#patternsFor(caller, operation, resource)
    if (denied.literals.has(WILDCARD)) return false
    if (allowed.literals.has(WILDCARD)) return true
    const isFree = (name: string) => {
      for (let length = 1; length <= name.length; length++) {
        if (denied.prefixes.has(name.slice(0, length))) return false
      }
      return true
    }
    for (const name of allowed.literals) if (!denied.literals.has(name) && isFree(name)) return true
    for (const prefix of allowed.prefixes) if (isFree(prefix)) return true
    return false
  }

  #patternsFor(caller: Caller, operation: Operation, resource: Resource) {
    const allowed = { literals: new Set<string>(), prefixes: new Set<string>() }
    const denied = { literals: new Set<string>(), prefixes: new Set<string>() }
    const asked = bit(OPERATION[operation]) | ALL
    for (const whose of [principalOf(caller), EVERYBODY]) {
      const index = this.#rights.get(RESOURCE[resource])?.get(whose)
      if (!index) continue
      for (const kind of ['literals', 'prefixes'] as const) {
        for (const [name, byHost] of index[kind]) {
          for (const rights of [byHost.get(caller.host), byHost.get(WILDCARD)]) {
            if (rights && rights.allowed & asked) allowed[kind].add(name)
            if (rights && rights.denied & asked) denied[kind].add(name)
          }
        }
      }
    }
    return { allowed, denied }
  }

  #isCovered(resourceType: number, name: string): boolean {
    return (this.#covered.get(resourceType)?.covering(name).length ?? 0) > 0
  }

  /** Invariant 2. */
  #cover({ resourceType, patternType, resourceName }: Acl, change: number): void {
    const index = obtain(this.#covered, resourceType, () => new PatternIndex<number>())
    const count = (index.get(patternType, resourceName) ?? 0) + change
    if (count === 0) index.delete(patternType, resourceName)
    else index.set(patternType, resourceName, count)
  }
}

function obtain<Key, Value>(map: Map<Key, Value>, key: Key, make: () => Value): Value {
  const value = map.get(key) ?? make()
  map.set(key, value)
  return value
}

function principalOf({ principal }: Caller): string {
  return `${principal.type}:${principal.name}`
}
