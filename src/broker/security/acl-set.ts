import type { Acl } from './acl.ts'

export type ReadonlyAclSet = Omit<AclSet, 'add' | 'remove'>

/**
 * The access rules of a cluster by id.
 *
 * 1. No two ids have the same rule.
 */
export class AclSet {
  readonly #byId = new Map<string, Acl>()
  readonly #texts = new Set<string>()

  get size(): number {
    return this.#byId.size
  }

  get(id: string): Acl | undefined {
    return this.#byId.get(id)
  }

  has(acl: Acl): boolean {
    return this.#texts.has(textOf(acl))
  }

  entries(): Iterable<readonly [string, Acl]> {
    return this.#byId
  }

  /** Once more with the same id changes nothing. */
  add(id: string, acl: Acl): void {
    this.#byId.set(id, acl)
    this.#texts.add(textOf(acl))
  }

  remove(id: string): void {
    const acl = this.#byId.get(id)
    if (!acl) return
    this.#byId.delete(id)
    this.#texts.delete(textOf(acl))
  }
}

function textOf(acl: Acl): string {
  const { resourceType, patternType, resourceName, principal, host, operation, permissionType } = acl
  return JSON.stringify([resourceType, patternType, resourceName, principal, host, operation, permissionType])
}
