// Which access rules the copies get, decided from the source's. As in MirrorMaker nobody may more with a copy than with its source:
// a rule that allows all allows to read, and none allows to write. Beyond MirrorMaker: prefixed rules, rules for every name (`*`),
// groups, and that rules which allow to create, alter or delete are not carried either, since a copy belongs to its mirror.
//
// A prefix or `*` is carried as a prefix only where it can name nothing but copies: under prefixed names. Otherwise the target may
// have topics of its own that begin so; then the rule is carried to each copy by name. Beside prefixes that are carried, what is denied
// is denied for all names, mirrored or not: a topic that begins, or is mirrored one day, must not be open until the next pass.
import { ACL_OPERATION, ACL_PATTERN, ACL_PERMISSION, ACL_RESOURCE, type Acl } from '../client/acls.ts'

export interface AclRules {
  /** Name of the copy on the target. */
  remoteTopic(topic: string): string
  /** What the names of all copies begin with, and only theirs; undefined when names are kept or made up. */
  readonly copyPrefix: string | undefined
  isMirrored(topic: string): boolean
  /** Topics of the source that are mirrored. */
  readonly topics: readonly string[]
  /** Groups of the source that are brought over. */
  readonly groups: readonly string[]
  isSyncedGroup(group: string): boolean
}

const EVERYTHING = '*'
const EVERYBODY = 'User:*'
const { ALL, READ, WRITE, CREATE, DELETE, ALTER, DESCRIBE, DESCRIBE_CONFIGS, ALTER_CONFIGS } = ACL_OPERATION

/** What may be allowed on a copy. */
const ALLOWED: ReadonlySet<number> = new Set([READ, DESCRIBE, DESCRIBE_CONFIGS])
const OWNERS_RIGHTS: ReadonlySet<number> = new Set([WRITE, CREATE, DELETE, ALTER, ALTER_CONFIGS])

/** The rules of the target that follow from the source's, each once. */
export function aclsOfCopies(source: readonly Acl[], rules: AclRules): Acl[] {
  // What a rule names is covered by the others also before it exists: a topic that begins in between must not be open meanwhile.
  const named = (type: number) =>
    source
      .filter(({ resourceType, patternType }) => resourceType === type && patternType === ACL_PATTERN.LITERAL)
      .map(({ resourceName }) => resourceName)
      .filter((name) => name !== EVERYTHING)
  const topics = new Set([...rules.topics, ...named(ACL_RESOURCE.TOPIC).filter((name) => rules.isMirrored(name))])
  const groups = new Set([...rules.groups, ...named(ACL_RESOURCE.GROUP).filter((name) => rules.isSyncedGroup(name))])
  const wanted = new Map<string, Acl>()
  // Denials first: what is allowed too widely for a moment has been allowed.
  for (const acl of source.toSorted((a, b) => a.permissionType - b.permissionType)) {
    const operation = operationOnCopy(acl)
    if (operation === undefined) continue
    for (const pattern of patternsOnTarget(acl, { ...rules, topics: [...topics], groups: [...groups] })) {
      const translated = { ...acl, ...pattern, operation }
      wanted.set(aclText(translated), translated)
    }
  }
  return [...wanted.values()]
}

/** Undefined: the rule is not carried. */
function operationOnCopy({ permissionType, operation, principal }: Acl): number | undefined {
  if (permissionType === ACL_PERMISSION.ALLOW) {
    if (operation === ALL) return READ
    return ALLOWED.has(operation) ? operation : undefined
  }
  if (principal !== EVERYBODY) return operation
  // Denied to everybody would be denied to the mirror: nobody may write copies but it, and nobody reads them. Whom another rule lets
  // describe the source may describe the copy.
  if (operation === ALL) return READ
  return OWNERS_RIGHTS.has(operation) ? undefined : operation
}

type Pattern = Pick<Acl, 'resourceName' | 'patternType'>

const literal = (resourceName: string): Pattern => ({ resourceName, patternType: ACL_PATTERN.LITERAL })
const prefixed = (resourceName: string): Pattern => ({ resourceName, patternType: ACL_PATTERN.PREFIXED })

function patternsOnTarget(
  { resourceType, resourceName, patternType, permissionType }: Acl,
  rules: AclRules,
): Pattern[] {
  const isLiteral = patternType === ACL_PATTERN.LITERAL
  const begin = isLiteral ? (resourceName === EVERYTHING ? '' : undefined) : resourceName
  if (resourceType === ACL_RESOURCE.GROUP) {
    if (begin === undefined) return rules.isSyncedGroup(resourceName) ? [literal(resourceName)] : []
    return rules.groups.filter((group) => group.startsWith(begin)).map(literal)
  }
  if (resourceType !== ACL_RESOURCE.TOPIC) return []
  const isForAllNames = permissionType === ACL_PERMISSION.DENY && rules.copyPrefix !== undefined
  if (begin === undefined)
    return rules.isMirrored(resourceName) || isForAllNames ? [literal(rules.remoteTopic(resourceName))] : []
  const covered = rules.topics.filter((topic) => topic.startsWith(begin))
  if (rules.copyPrefix === undefined) return covered.map((topic) => literal(rules.remoteTopic(topic)))
  return covered.length > 0 || isForAllNames ? [prefixed(rules.copyPrefix + begin)] : []
}

export interface AclChanges {
  readonly make: readonly Acl[]
  readonly remove: readonly Acl[]
  /** Rules that we made and that are gone. */
  readonly forget: readonly Acl[]
}

/** `ours` are rules of the target that we made earlier: only those are ever removed. */
export function aclChanges(wanted: readonly Acl[], target: readonly Acl[], ours: readonly Acl[]): AclChanges {
  const [want, have] = [wanted, target].map((acls) => new Set(acls.map(aclText)))
  return {
    make: wanted.filter((acl) => !have!.has(aclText(acl))),
    remove: ours.filter((acl) => have!.has(aclText(acl)) && !want!.has(aclText(acl))),
    forget: ours.filter((acl) => !have!.has(aclText(acl)) && !want!.has(aclText(acl))),
  }
}

/** One rule as one line, the same for equal rules. */
export function aclText(acl: Acl): string {
  const { resourceType, patternType, resourceName, principal, host, operation, permissionType } = acl
  return JSON.stringify([resourceType, patternType, resourceName, principal, host, operation, permissionType])
}

/** A rule for people: `User:alice may READ topics that begin with east. from any host`. */
export function aclSentence(acl: Acl): string {
  const operation = nameIn(ACL_OPERATION, acl.operation)
  const may = acl.permissionType === ACL_PERMISSION.DENY ? 'may not' : 'may'
  const kind = nameIn(ACL_RESOURCE, acl.resourceType).toLowerCase()
  const which =
    acl.patternType === ACL_PATTERN.PREFIXED
      ? `${kind}s that begin with ${acl.resourceName}`
      : `${kind} ${acl.resourceName}`
  return `${acl.principal} ${may} ${operation} ${which} from ${acl.host === EVERYTHING ? 'any host' : acl.host}`
}

function nameIn(names: Readonly<Record<string, number>>, value: number): string {
  return Object.keys(names).find((name) => names[name] === value) ?? String(value)
}

/** A line of `aclText` read back; undefined when it is none. */
export function aclOf(text: string): Acl | undefined {
  try {
    const parts = JSON.parse(text)
    if (!Array.isArray(parts) || parts.length !== 7) return undefined
    const [resourceType, patternType, resourceName, principal, host, operation, permissionType] = parts
    return { resourceType, patternType, resourceName, principal, host, operation, permissionType }
  } catch {
    return undefined
  }
}
