import { describe, expect, test } from 'vitest'
import type { Acl } from '../../src/client/acls.ts'
import { type AclRules, aclChanges, aclOf, aclsOfCopies, aclText } from '../../src/mirror/acl-rules.ts'

const RESOURCES = { topic: 2, group: 3, cluster: 4 } as const
const PATTERNS = { literal: 3, prefixed: 4 } as const
const PERMISSIONS = { deny: 2, allow: 3 } as const
const OPERATIONS = {
  all: 2,
  read: 3,
  write: 4,
  create: 5,
  delete: 6,
  alter: 7,
  describe: 8,
  'describe-configs': 10,
  'alter-configs': 11,
} as const

/** `allow User:bob read topic orders`, `deny User:* all topic orders*` (prefixed), `… topic =*` (the literal asterisk). */
function acl(text: string): Acl {
  const [permission, principal, operation, resource, name] = text.split(' ') as [
    keyof typeof PERMISSIONS,
    string,
    keyof typeof OPERATIONS,
    keyof typeof RESOURCES,
    string,
  ]
  const prefixed = name.endsWith('*') && name !== '=*'
  return {
    resourceType: RESOURCES[resource],
    resourceName: name === '=*' ? '*' : prefixed ? name.slice(0, -1) : name,
    patternType: PATTERNS[prefixed ? 'prefixed' : 'literal'],
    principal,
    host: '*',
    operation: OPERATIONS[operation],
    permissionType: PERMISSIONS[permission],
  }
}

function textOf({ resourceType, resourceName, patternType, principal, operation, permissionType }: Acl): string {
  const nameOf = (names: object, code: number) => Object.entries(names).find(([, value]) => value === code)![0]
  const name = patternType === PATTERNS.prefixed ? `${resourceName}*` : resourceName === '*' ? '=*' : resourceName
  return `${nameOf(PERMISSIONS, permissionType)} ${principal} ${nameOf(OPERATIONS, operation)} ${nameOf(RESOURCES, resourceType)} ${name}`
}

const prefixedNames: AclRules = {
  remoteTopic: (topic) => `east.${topic}`,
  copyPrefix: 'east.',
  isMirrored: (topic) => !topic.startsWith('tmp'),
  topics: ['orders', 'orders-eu', 'payments'],
  groups: ['billing', 'billing-2', 'audit'],
  isSyncedGroup: (group) => group !== 'secret',
}
const sameNames: AclRules = { ...prefixedNames, remoteTopic: (topic) => topic, copyPrefix: undefined }

const carried = (rules: AclRules, ...texts: string[]) => aclsOfCopies(texts.map(acl), rules).map(textOf)

describe('a rule of the source', () => {
  test('that allows to read or describe a topic holds for its copy', () => {
    const rules = ['allow User:a read topic orders', 'allow User:a describe topic orders']
    expect(carried(prefixedNames, ...rules)).toEqual([
      'allow User:a read topic east.orders',
      'allow User:a describe topic east.orders',
    ])
  })

  test('that allows all allows to read, and what is an owner’s to do is allowed to nobody', () => {
    expect(carried(prefixedNames, 'allow User:a all topic orders')).toEqual(['allow User:a read topic east.orders'])
    for (const right of ['write', 'create', 'delete', 'alter', 'alter-configs'])
      expect(carried(prefixedNames, `allow User:a ${right} topic orders`)).toEqual([])
  })

  test('that denies is kept, and made before what is allowed', () => {
    const rules = ['allow User:a read topic orders', 'deny User:a all topic orders', 'deny User:b write topic orders']
    expect(carried(prefixedNames, ...rules)).toEqual([
      'deny User:a all topic east.orders',
      'deny User:b write topic east.orders',
      'allow User:a read topic east.orders',
    ])
  })

  test('that denies everybody to write does not lock the mirror out', () => {
    expect(carried(prefixedNames, 'deny User:* write topic orders')).toEqual([])
    expect(carried(prefixedNames, 'deny User:* all topic orders')).toEqual(['deny User:* read topic east.orders'])
  })

  test('about a topic that is not mirrored, a cluster, or a group that is left behind is not carried', () => {
    const rules = [
      'allow User:a read topic tmp-1',
      'allow User:a alter cluster kafka-cluster',
      'allow User:a read group secret',
    ]
    expect(carried(prefixedNames, ...rules)).toEqual([])
  })

  test('about a prefix or every topic stays one where names of copies have a prefix of their own', () => {
    expect(carried(prefixedNames, 'allow User:a read topic orders*')).toEqual(['allow User:a read topic east.orders*'])
    expect(carried(prefixedNames, 'allow User:a read topic =*')).toEqual(['allow User:a read topic east.*'])
    expect(carried(prefixedNames, 'allow User:a read topic unknown*')).toEqual([])
  })

  test('about a prefix or every topic is carried copy by copy where the target has topics of its own beside', () => {
    const both = ['allow User:a read topic orders', 'allow User:a read topic orders-eu']
    expect(carried(sameNames, 'allow User:a read topic orders*')).toEqual(both)
    expect(carried(sameNames, 'allow User:a read topic =*')).toEqual([...both, 'allow User:a read topic payments'])
  })

  test('covers a topic that is only named yet, so that it is never open for a moment', () => {
    const rules = ['allow User:a read topic orders-new', 'deny User:a read topic orders*']
    expect(carried(sameNames, ...rules)).toContain('deny User:a read topic orders-new')
  })

  test('that denies holds for names that no copy has yet, since what allows by prefix would open them when they begin', () => {
    const rules = ['deny User:a read topic unknown*', 'deny User:a read topic tmp-1', 'allow User:a read topic =*']
    expect(carried(prefixedNames, ...rules)).toEqual([
      'deny User:a read topic east.unknown*',
      'deny User:a read topic east.tmp-1',
      'allow User:a read topic east.*',
    ])
    expect(carried(sameNames, ...rules)).not.toContain('deny User:a read topic tmp-1')
  })

  test('about groups holds for those that are brought over, each by its name', () => {
    expect(carried(prefixedNames, 'allow User:a read group billing*')).toEqual([
      'allow User:a read group billing',
      'allow User:a read group billing-2',
    ])
    expect(carried(prefixedNames, 'allow User:a delete group audit')).toEqual([])
  })
})

describe('the target', () => {
  const a = acl('allow User:a read topic east.orders')
  const b = acl('allow User:b read topic east.orders')

  test('gets what is missing, and loses only what was made here', () => {
    expect(aclChanges([a], [b], [])).toEqual({ make: [a], remove: [], forget: [] })
    expect(aclChanges([], [a, b], [a])).toEqual({ make: [], remove: [a], forget: [] })
    expect(aclChanges([], [b], [a])).toEqual({ make: [], remove: [], forget: [a] })
    expect(aclChanges([a], [a], [a])).toEqual({ make: [], remove: [], forget: [] })
  })

  test('a rule comes back from its note as it was', () => {
    expect(aclOf(aclText(a))).toEqual(a)
    expect(aclOf('[1]')).toBeUndefined()
    expect(aclOf('not json')).toBeUndefined()
  })
})
