import fc from 'fast-check'
import { expect, it } from 'vitest'
import { type Acl, PATTERN, PERMISSION } from '../../../src/broker/security/acl.ts'
import { AclAuthorizer } from '../../../src/broker/security/acl-authorizer.ts'
import { type Caller, OPERATION, type Operation, RESOURCE } from '../../../src/broker/security/authorizer.ts'
import { hostAddress } from '../../../src/broker/security/host-address.ts'

const ALL = 2

function caller(name: string, host = '10.0.0.1'): Caller {
  return { principal: { type: 'User', name }, host }
}

interface Words {
  readonly resource?: keyof typeof RESOURCE
  readonly prefixed?: boolean
  readonly host?: string
  readonly deny?: boolean
}

function acl(who: string, operation: Operation | 'ALL', name: string, words: Words = {}): Acl {
  return {
    resourceType: RESOURCE[words.resource ?? 'TOPIC'],
    resourceName: name,
    patternType: words.prefixed ? PATTERN.PREFIXED : PATTERN.LITERAL,
    principal: `User:${who}`,
    host: words.host ?? '*',
    operation: operation === 'ALL' ? ALL : OPERATION[operation],
    permissionType: words.deny ? PERMISSION.DENY : PERMISSION.ALLOW,
  }
}

function authorizer(acls: readonly Acl[], allowEveryoneIfNoAclIsFound = false): AclAuthorizer {
  const made = new AclAuthorizer({ superUsers: ['User:root'], allowEveryoneIfNoAclIsFound })
  for (const one of acls) made.add(one)
  return made
}

it('allows nothing that no rule allows, except to super users', () => {
  const none = authorizer([])
  expect(none.allows(caller('alice'), 'READ', 'TOPIC', 't')).toBe(false)
  expect(none.allows(caller('root'), 'READ', 'TOPIC', 't')).toBe(true)
  expect(none.allows({ ...caller('root'), principal: { type: 'Group', name: 'root' } }, 'READ', 'TOPIC', 't')).toBe(
    false,
  )
})

it('takes a rule by name, by prefix, for all names, for everybody, from a host', () => {
  const some = authorizer([
    acl('alice', 'READ', 'orders'),
    acl('alice', 'READ', 'pay', { prefixed: true }),
    acl('bob', 'WRITE', '*'),
    acl('*', 'READ', 'news'),
    acl('carol', 'READ', 'orders', { host: '10.0.0.9' }),
  ])
  const may = (who: string, name: string, operation: Operation = 'READ', host?: string) =>
    some.allows(caller(who, host), operation, 'TOPIC', name)
  expect([may('alice', 'orders'), may('alice', 'orders2'), may('alice', 'order')]).toEqual([true, false, false])
  expect([may('alice', 'pay'), may('alice', 'payments'), may('alice', 'pa')]).toEqual([true, true, false])
  expect([may('bob', 'anything', 'WRITE'), may('bob', 'anything')]).toEqual([true, false])
  expect([may('nobody', 'news'), may('nobody', 'orders')]).toEqual([true, false])
  expect([may('carol', 'orders'), may('carol', 'orders', 'READ', '10.0.0.9')]).toEqual([false, true])
  expect(some.allows(caller('alice'), 'READ', 'GROUP', 'orders')).toBe(false)
})

it('takes a name of one star for all names only when it is literal', () => {
  const prefix = authorizer([acl('alice', 'READ', '*', { prefixed: true })])
  expect(prefix.allows(caller('alice'), 'READ', 'TOPIC', 't')).toBe(false)
  expect(prefix.allows(caller('alice'), 'READ', 'TOPIC', '*t')).toBe(true)
})

it('lets one denial win over any number of permissions', () => {
  const some = authorizer([
    acl('alice', 'ALL', '*'),
    acl('alice', 'READ', 'secret'),
    acl('*', 'READ', 'sec', { prefixed: true, deny: true }),
  ])
  expect(some.allows(caller('alice'), 'READ', 'TOPIC', 'secret')).toBe(false)
  expect(some.allows(caller('alice'), 'WRITE', 'TOPIC', 'secret')).toBe(true)
  expect(some.allows(caller('root'), 'READ', 'TOPIC', 'secret')).toBe(true)
})

it('lets describe whoever may read, write, delete or alter; a denial of these denies no describing', () => {
  for (const operation of ['READ', 'WRITE', 'DELETE', 'ALTER', 'ALL'] as const) {
    expect(authorizer([acl('alice', operation, 't')]).allows(caller('alice'), 'DESCRIBE', 'TOPIC', 't')).toBe(true)
  }
  for (const operation of ['CREATE', 'DESCRIBE_CONFIGS', 'ALTER_CONFIGS', 'CLUSTER_ACTION'] as const) {
    expect(authorizer([acl('alice', operation, 't')]).allows(caller('alice'), 'DESCRIBE', 'TOPIC', 't')).toBe(false)
  }
  const alters = authorizer([acl('alice', 'ALTER_CONFIGS', 't')])
  expect(alters.allows(caller('alice'), 'DESCRIBE_CONFIGS', 'TOPIC', 't')).toBe(true)
  const reads = authorizer([acl('alice', 'WRITE', 't'), acl('alice', 'READ', 't', { deny: true })])
  expect(reads.allows(caller('alice'), 'DESCRIBE', 'TOPIC', 't')).toBe(true)
  const none = authorizer([acl('alice', 'WRITE', 't'), acl('alice', 'ALL', 't', { deny: true })])
  expect(none.allows(caller('alice'), 'DESCRIBE', 'TOPIC', 't')).toBe(false)
})

it('gives everybody what no rule speaks of, when told so', () => {
  const open = authorizer([acl('alice', 'READ', 'orders')], true)
  expect(open.allows(caller('bob'), 'READ', 'TOPIC', 'free')).toBe(true)
  // A rule for somebody else makes the topic one that rules speak of.
  expect(open.allows(caller('bob'), 'READ', 'TOPIC', 'orders')).toBe(false)
  open.remove(acl('alice', 'READ', 'orders'))
  expect(open.allows(caller('bob'), 'READ', 'TOPIC', 'orders')).toBe(true)
})

it('names hosts as Java does', () => {
  expect(hostAddress('10.1.2.3')).toBe('10.1.2.3')
  expect(hostAddress('::ffff:10.1.2.3')).toBe('10.1.2.3')
  expect(hostAddress('::1')).toBe('0:0:0:0:0:0:0:1')
  expect(hostAddress('fe80::00a1:b')).toBe('fe80:0:0:0:0:0:a1:b')
  expect(hostAddress('1:2:3:4:5:6:7:8')).toBe('1:2:3:4:5:6:7:8')
})

// The rules read plainly: look at every rule.
class NaiveAuthorizer {
  readonly #acls: readonly Acl[]
  readonly #default: boolean

  constructor(acls: readonly Acl[], allowEveryoneIfNoAclIsFound: boolean) {
    this.#acls = acls
    this.#default = allowEveryoneIfNoAclIsFound
  }

  allows(who: Caller, operation: Operation, resource: keyof typeof RESOURCE, name: string): boolean {
    if (who.principal.name === 'root') return true
    const about = this.#acls.filter(
      (one) =>
        one.resourceType === RESOURCE[resource] &&
        (one.patternType === PATTERN.PREFIXED
          ? name.startsWith(one.resourceName)
          : one.resourceName === name || one.resourceName === '*'),
    )
    if (about.length === 0) return this.#default
    const speaking = this.#speakingTo(who, about)
    const code = OPERATION[operation]
    const implying: number[] = [ALL, code]
    if (operation === 'DESCRIBE') implying.push(OPERATION.READ, OPERATION.WRITE, OPERATION.DELETE, OPERATION.ALTER)
    if (operation === 'DESCRIBE_CONFIGS') implying.push(OPERATION.ALTER_CONFIGS)
    if (speaking.some((one) => one.permissionType === PERMISSION.DENY && [ALL, code].includes(one.operation)))
      return false
    return speaking.some((one) => one.permissionType === PERMISSION.ALLOW && implying.includes(one.operation))
  }

  allowsSome(who: Caller, operation: Operation, resource: keyof typeof RESOURCE): boolean {
    if (this.allows(who, operation, resource, 'hardcode')) return true
    const ofType = this.#acls.filter(({ resourceType }) => resourceType === RESOURCE[resource])
    const speaking = this.#speakingTo(who, ofType).filter((one) => [ALL, OPERATION[operation]].includes(one.operation))
    const denials = speaking.filter(({ permissionType }) => permissionType === PERMISSION.DENY)
    const isDenied = (allowed: Acl) =>
      denials.some((denial) => {
        if (denial.patternType === PATTERN.PREFIXED) {
          return allowed.resourceName !== '*' || allowed.patternType === PATTERN.PREFIXED
            ? allowed.resourceName.startsWith(denial.resourceName)
            : false
        }
        if (denial.resourceName === '*') return true
        return allowed.patternType === PATTERN.LITERAL && allowed.resourceName === denial.resourceName
      })
    return speaking.some((one) => one.permissionType === PERMISSION.ALLOW && !isDenied(one))
  }

  #speakingTo(who: Caller, acls: readonly Acl[]): Acl[] {
    const principals = [`User:${who.principal.name}`, 'User:*']
    return acls.filter(({ principal, host }) => principals.includes(principal) && ['*', who.host].includes(host))
  }
}

const names = fc.constantFrom('*', 'a', 'ab', 'abc', 'abd', 'b', 'ba', 'hardcode', 'h')
const hosts = fc.constantFrom('*', '10.0.0.1', '10.0.0.2')
const operations = fc.constantFrom(...(Object.keys(OPERATION) as Operation[]))
const resources = fc.constantFrom('TOPIC' as const, 'GROUP' as const)
const people = fc.constantFrom('alice', 'bob', 'root')
const rules = fc.record({
  resourceType: resources.map((resource) => RESOURCE[resource] as number),
  resourceName: names,
  patternType: fc.constantFrom<number>(PATTERN.LITERAL, PATTERN.PREFIXED),
  principal: fc.constantFrom('User:alice', 'User:bob', 'User:*', 'Group:alice'),
  host: hosts,
  operation: fc.oneof(
    operations.map((operation) => OPERATION[operation] as number),
    fc.constant(ALL),
  ),
  permissionType: fc.constantFrom<number>(PERMISSION.ALLOW, PERMISSION.ALLOW, PERMISSION.DENY),
})

it('judges as whoever reads every rule, whatever was added and removed', () => {
  const question = fc.record({ who: people, host: hosts, operation: operations, resource: resources, name: names })
  fc.assert(
    fc.property(
      fc.uniqueArray(rules, { maxLength: 12, selector: (one) => JSON.stringify(one) }),
      fc.array(fc.nat(11)),
      fc.boolean(),
      fc.array(question, { minLength: 1, maxLength: 8 }),
      (added, removed, open, questions) => {
        const fast = authorizer(added, open)
        for (const index of new Set(removed)) if (added[index]) fast.remove(added[index])
        const left = added.filter((_, index) => !removed.includes(index))
        const naive = new NaiveAuthorizer(left, open)
        for (const { who, host, operation, resource, name } of questions) {
          const asker = caller(who, host)
          expect(fast.allows(asker, operation, resource, name)).toBe(naive.allows(asker, operation, resource, name))
          expect(fast.allowsSome(asker, operation, resource)).toBe(naive.allowsSome(asker, operation, resource))
        }
      },
    ),
    { numRuns: 2000 },
  )
})

it('asks no more of 10,000 rules than of ten', () => {
  const many = Array.from({ length: 10_000 }, (_, i) => {
    const who = `user-${i % 500}`
    if (i % 3 === 0) return acl(who, 'READ', `team-${i}.`, { prefixed: true })
    return acl(i % 7 === 0 ? '*' : who, 'READ', `topic-${i}`, { deny: i % 11 === 0 })
  })
  const perQuestionMs = (acls: readonly Acl[]) => {
    const asked = authorizer(acls)
    const asker = caller('user-3')
    for (let i = 0; i < 20_000; i++) asked.allows(asker, 'READ', 'TOPIC', `topic-${i}`)
    const start = performance.now()
    for (let i = 0; i < 20_000; i++) asked.allows(asker, 'READ', 'TOPIC', `topic-${i}`)
    return (performance.now() - start) / 20_000
  }
  // Far from any scan: that would be hundreds of times as much.
  expect(perQuestionMs(many)).toBeLessThan(Math.max(perQuestionMs(many.slice(0, 10)) * 20, 0.02))
})
