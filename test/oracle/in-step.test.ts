// What copies have beside their records: rights that were widened and configs that drifted are found, all else is left alone.
import { describe, expect, test } from 'vitest'
import { type Access, type AccessRule, checkAccess } from './access.ts'
import { checkConfigs } from './configs.ts'
import type { Violation } from './violation.ts'

const found = (violations: readonly Violation[]) =>
  violations.map(({ name, count, first }) => `${name} ${count}: ${first}`)

const OPERATIONS = { all: 2, read: 3, write: 4, delete: 6, alter: 7, describe: 8, 'alter-configs': 11 } as const

/** `bob may read orders`, `all may not read ord*`, `bob may read group billing`. */
function rule(text: string): AccessRule {
  const [, who, not, operation, group, name, prefix] = /^(\w+) may( not)? ([a-z-]+)( group)? ([\w.]+|\*)(\*)?$/.exec(
    text,
  )!
  return {
    resourceType: group ? 3 : 2,
    resourceName: name!,
    patternType: prefix ? 4 : 3,
    principal: who === 'all' ? 'User:*' : `User:${who}`,
    host: '*',
    operation: OPERATIONS[operation as keyof typeof OPERATIONS],
    permissionType: not ? 2 : 3,
  }
}

const access = (source: string[], target: string[], options: Partial<Access> = {}) =>
  found(
    checkAccess({
      where: 'east->west',
      source: [source.map(rule)],
      target: target.map(rule),
      resources: [
        { resourceType: 2, name: 'east.orders', source: 'orders' },
        { resourceType: 2, name: 'local' },
        { resourceType: 3, name: 'billing', source: 'billing' },
      ],
      ...options,
    }),
  )

describe('access to a copy', () => {
  test('that its source gives, or less, is no wider', () => {
    expect(access(['bob may read orders'], ['bob may read east.orders'])).toEqual([])
    expect(access(['bob may all orders'], ['bob may read east.orders'])).toEqual([])
    expect(access(['bob may write orders'], ['bob may describe east.orders'])).toEqual([])
    expect(access(['bob may read ord*'], ['bob may read east.*'])).toEqual([])
    expect(access(['all may read *'], ['all may read east.*', 'bob may not read east.orders'])).toEqual([])
    expect(access(['bob may read group billing'], ['bob may read group billing'])).toEqual([])
  })

  test('is wider than at its source', () => {
    const wide = 'acl-widened 2: User:bob may READ east.orders from 203.0.113.9'
    expect(access([], ['bob may read east.orders'])).toEqual([wide])
    expect(access(['bob may read orders', 'all may not all orders'], ['bob may read east.orders'])).toEqual([wide])
    expect(access(['bob may describe orders'], ['bob may read east.orders'])).toEqual([
      'acl-widened 1: User:bob may READ east.orders from 203.0.113.9',
    ])
  })

  test('is open to whom no rule names', () => {
    expect(access(['bob may describe orders'], ['all may describe east.orders'])).toEqual([
      'acl-widened 1: User:nobody may DESCRIBE east.orders from 203.0.113.9',
    ])
  })

  test('lets somebody write it, whatever its source lets him', () => {
    expect(access(['bob may all orders'], ['bob may alter-configs east.orders'])).toEqual([
      'acl-widened 1: User:bob may ALTER_CONFIGS east.orders from 203.0.113.9',
    ])
  })

  test('opens what is no copy, unless people did', () => {
    const wide = 'acl-widened 1: User:bob may DESCRIBE local from 203.0.113.9'
    expect(access(['bob may describe *'], ['bob may describe *'])).toEqual([wide])
    const byHand = { byHand: [rule('bob may describe local')] }
    expect(access(['bob may describe *'], ['bob may describe *'], byHand)).toEqual([])
  })

  test('may be what any of the rules allowed that were in force meanwhile', () => {
    const source = [[], ['bob may read orders']].map((rules) => rules.map(rule))
    expect(access([], ['bob may read east.orders'], { source })).toEqual([])
  })
})

describe('configs of a copy', () => {
  const configs = (source: Record<string, string>, copy: Record<string, string>, byHand: Record<string, string> = {}) =>
    found(checkConfigs({ where: 'east.orders', source, copy, byHand }))

  test('are those of its source, but for what is its own', () => {
    expect(configs({ 'retention.ms': '1', 'min.insync.replicas': '2' }, { 'retention.ms': '1' })).toEqual([])
    const own = { 'min.insync.replicas': '1' }
    expect(configs({ 'min.insync.replicas': '2' }, own, own)).toEqual([])
  })

  test('drift: changed, left behind, or missing', () => {
    expect(configs({ 'retention.ms': '1' }, { 'retention.ms': '2' })).toHaveLength(1)
    expect(configs({}, { 'segment.ms': '2' })).toEqual(['config-drift 1: segment.ms is 2, and should be undefined'])
    expect(configs({ 'segment.ms': '1', 'retention.ms': '5' }, {})).toHaveLength(1)
  })

  test('that are its own were touched', () => {
    expect(
      configs({ 'min.insync.replicas': '2' }, { 'min.insync.replicas': '2' }, { 'min.insync.replicas': '1' }),
    ).toEqual(['config-drift 1: min.insync.replicas is 2, and should be 1'])
  })
})
