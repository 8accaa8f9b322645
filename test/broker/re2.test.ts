// Regular expressions of clients, in RE2/J's dialect.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Re2 } from '../../src/broker/re2.ts'

const matching: readonly (readonly [pattern: string, matched: readonly string[], others: readonly string[]])[] = [
  ['orders', ['orders'], ['orders2', 'my-orders', '']],
  ['orders-.*', ['orders-', 'orders-eu'], ['orders']],
  ['a|b|', ['a', 'b', ''], ['ab']],
  ['(?:ab)+c?', ['ab', 'ababc'], ['', 'abcc']],
  ['[a-c0-2_.-]+', ['a-b_1.c'], ['d', '']],
  ['[^a-c]', ['d', '-'], ['a', '']],
  ['[]a]', [']', 'a'], ['b']],
  ['[[:alpha:][:^digit:]]', ['x', '-'], ['1']],
  ['\\d{2,3}', ['12', '123'], ['1', '1234']],
  ['x{2}', ['xx'], ['x', 'xxx']],
  ['x{2,}', ['xx', 'xxxxx'], ['x']],
  ['x{,2}', ['x{,2}'], ['xx']],
  ['(?i)ORDERS', ['orders', 'OrDeRs'], ['order']],
  ['(?i:A)b', ['ab', 'Ab'], ['aB']],
  ['(?P<name>a)(?<other>b)', ['ab'], ['a']],
  ['^a$', ['a'], ['b']],
  ['\\Aa\\z', ['a'], ['ab']],
  ['a\\b-b', ['a-b'], ['ab']],
  ['\\Qa.b*\\E', ['a.b*'], ['axb']],
  ['\\p{Lu}\\pN', ['A1'], ['a1', 'AA']],
  ['\\P{Greek}', ['a'], ['α']],
  ['\\x41\\x{42}\\103\\.', ['ABC.'], ['ABC-']],
  ['.*?a', ['a', 'bba'], ['b']],
  ['(a*)*', ['', 'aaa'], ['b']],
  ['.', ['a', '😀'], ['\n', 'ab']],
  ['(?s).', ['\n'], []],
]

describe('an expression stands for whole names', () => {
  it.each(matching)('%s', (pattern, matched, others) => {
    const compiled = Re2.compile(pattern)
    for (const text of matched) expect([text, compiled.matches(text)]).toEqual([text, true])
    for (const text of others) expect([text, compiled.matches(text)]).toEqual([text, false])
  })
})

it.each([
  ['(', 'missing closing )'],
  ['a(b', 'missing closing )'],
  ['[a', 'missing closing ]'],
  ['[b-a]', 'invalid character class range'],
  ['[[:nothing:]]', 'invalid character class range'],
  ['\\p{Nothing}', 'invalid character class range'],
  ['*', 'missing argument to repetition operator'],
  ['a**', 'invalid nested repetition operator'],
  ['a{1001}', 'invalid repeat count'],
  ['a{3,2}', 'invalid repeat count'],
  ['(?=a)', 'invalid or unsupported Perl syntax'],
  ['(?<!a)', 'invalid named capture'],
  ['a)', 'regexp/syntax: internal error'],
  ['(?P<n>a)(?P<n>b)', 'duplicate capture group name'],
  ['(?P<>a)', 'invalid named capture'],
  ['(a)\\1', 'invalid escape sequence'],
  ['\\y', 'invalid escape sequence'],
  ['a\\', 'trailing backslash at end of expression'],
])('%s is none: %s', (pattern, complaint) => {
  expect(() => Re2.compile(pattern)).toThrow(complaint)
})

it('takes no longer for expressions that would keep a backtracking engine busy for ever', () => {
  const compiled = Re2.compile('(a+)+(a|aa)*(.*.*)*b')
  expect(compiled.matches('a'.repeat(249))).toBe(false)
})

it('agrees with JavaScript where both speak the same dialect', () => {
  const atom = fc.constantFrom('a', 'b', '.', '[ab]', '[^a]', '(?:a|b)', '\\w', '(ab|c)')
  const piece = fc.tuple(atom, fc.constantFrom('', '*', '+', '?', '{2}', '{1,2}', '*?')).map((parts) => parts.join(''))
  const pattern = fc.array(piece, { minLength: 1, maxLength: 5 }).map((pieces) => pieces.join(''))
  const text = fc.string({ unit: fc.constantFrom('a', 'b', 'c', '-'), maxLength: 8 })
  fc.assert(
    fc.property(pattern, text, (own, given) => {
      expect(Re2.compile(own).matches(given)).toBe(new RegExp(`^(?:${own})$`).test(given))
    }),
    { numRuns: 1000 },
  )
})
