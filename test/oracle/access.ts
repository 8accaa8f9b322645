// Whether copies are opened no further than their sources. Decided by Kafka's rules (KIP-11, KIP-290, StandardAuthorizer) from the rules of
// both sides as they were read, so that no knowledge is shared with whoever carried them over.
import { Findings, type Violation } from './violation.ts'

/** An access rule, in Kafka's numbers. */
export interface AccessRule {
  readonly resourceType: number
  readonly resourceName: string
  readonly patternType: number
  readonly principal: string
  readonly host: string
  readonly operation: number
  readonly permissionType: number
}

/** Something on the target, and what it is a copy of. */
export interface Resource {
  readonly resourceType: number
  readonly name: string
  /** Absent: it is the target's own. */
  readonly source?: string
}

const LITERAL = 3
const DENY = 2
const ALL = 2
const EVERYBODY = 'User:*'
const ANY = '*'
const TOPIC = 2

const OPERATIONS = {
  READ: 3,
  WRITE: 4,
  CREATE: 5,
  DELETE: 6,
  ALTER: 7,
  DESCRIBE: 8,
  DESCRIBE_CONFIGS: 10,
  ALTER_CONFIGS: 11,
} as const
/** Whoever may do one of the second may do the first. */
const IMPLIED: ReadonlyMap<number, readonly number[]> = new Map([
  [OPERATIONS.DESCRIBE, [OPERATIONS.READ, OPERATIONS.WRITE, OPERATIONS.DELETE, OPERATIONS.ALTER]],
  [OPERATIONS.DESCRIBE_CONFIGS, [OPERATIONS.ALTER_CONFIGS]],
])
/** A copy is its mirror's: nobody else may do these. */
const OF_THE_OWNER: ReadonlySet<number> = new Set([
  ...[OPERATIONS.WRITE, OPERATIONS.CREATE, OPERATIONS.DELETE, OPERATIONS.ALTER, OPERATIONS.ALTER_CONFIGS],
])

export interface Access {
  readonly where: string
  /** The rules of the source: now, and any that were in force while those of the target were carried over. */
  readonly source: readonly (readonly AccessRule[])[]
  readonly target: readonly AccessRule[]
  /** Rules that somebody else made at the target. */
  readonly byHand?: readonly AccessRule[]
  readonly resources: readonly Resource[]
}

/** Nobody may do with a copy what he may not do with its source, nor write it, nor do anything new with what is no copy. */
export function checkAccess({ where, source, target, byHand = [], resources }: Access): Violation[] {
  const findings = new Findings(where)
  const all = [...source.flat(), ...target, ...byHand]
  // Somebody of whom no rule speaks stands for all the others.
  const principals = new Set(['User:nobody', ...all.map(({ principal }) => principal)])
  const hosts = new Set(['203.0.113.9', ...all.map(({ host }) => host)])
  principals.delete(EVERYBODY)
  hosts.delete(ANY)
  for (const resource of resources)
    for (const [operation, code] of Object.entries(OPERATIONS))
      for (const principal of principals)
        for (const host of hosts) {
          const asked = { ...resource, principal, host, operation: code }
          if (!allows(target, asked) || allows(byHand, asked)) continue
          const isOwners = resource.resourceType === TOPIC && OF_THE_OWNER.has(code)
          const { source: original } = resource
          if (
            !isOwners &&
            original !== undefined &&
            source.some((rules) => allows(rules, { ...asked, name: original }))
          )
            continue
          findings.add('acl-widened', `${principal} may ${operation} ${resource.name} from ${host}`)
        }
  return findings.violations()
}

interface Asked {
  readonly resourceType: number
  readonly name: string
  readonly principal: string
  readonly host: string
  readonly operation: number
}

function allows(rules: readonly AccessRule[], asked: Asked): boolean {
  const matching = rules.filter(
    (rule) =>
      rule.resourceType === asked.resourceType &&
      (rule.principal === asked.principal || rule.principal === EVERYBODY) &&
      (rule.host === asked.host || rule.host === ANY) &&
      (rule.patternType === LITERAL
        ? rule.resourceName === asked.name || rule.resourceName === ANY
        : asked.name.startsWith(rule.resourceName)),
  )
  const isDenied = matching.some(
    ({ permissionType, operation }) => permissionType === DENY && (operation === ALL || operation === asked.operation),
  )
  if (isDenied) return false
  const enough = [ALL, asked.operation, ...(IMPLIED.get(asked.operation) ?? [])]
  return matching.some(({ permissionType, operation }) => permissionType !== DENY && enough.includes(operation))
}
