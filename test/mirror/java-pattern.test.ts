// Patterns mean what they mean to java.util.regex, whose answers were recorded by test/mirror/java/record.ts.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { javaPattern, parseReplacement, replaceName } from '../../src/mirror/naming/java-pattern.ts'
import { isRegular, NameSet, TooLarge } from '../../src/mirror/naming/name-language.ts'
import { PatternError } from '../../src/mirror/naming/pattern-parser.ts'
import { PatternProgram, waysOf } from '../../src/mirror/naming/pattern-program.ts'

const [first, ...rest] = readFileSync(join(import.meta.dirname, 'java', 'patterns.jsonl'), 'utf8')
  .trimEnd()
  .split('\n')
const names = JSON.parse(first!) as string[]
const recorded = rest.map((line) => JSON.parse(line) as [pattern: string, answer: string])

function answerOf(pattern: string): string {
  try {
    const { matches } = javaPattern(pattern)
    return names.map((name) => (matches(name) ? '1' : '0')).join('')
  } catch (error) {
    if (error instanceof PatternError) return 'refused'
    throw error
  }
}

/** What is a word beyond ASCII changed with Java 19; the answers are an older Java's. */
function judged(pattern: string, answer: string): string {
  if (!/\\b/i.test(pattern) || answer === 'refused') return answer
  return [...answer].filter((_, at) => /^[\0-\x7f]*$/.test(names[at]!)).join('')
}

describe('a pattern', () => {
  it('matches the names that it matches in Java, or is refused', () => {
    const wrong = recorded
      .map(([pattern, answer]) => ({ pattern, answer, ours: answerOf(pattern) }))
      .filter(({ pattern, answer, ours }) => ours !== 'refused' && judged(pattern, ours) !== judged(pattern, answer))
    expect(wrong).toEqual([])
  })

  it('is refused where Java takes it only for these reasons', () => {
    const refused = recorded.filter(([pattern, answer]) => answer !== 'refused' && answerOf(pattern) === 'refused')
    const reasons = new Set(
      refused.map(([pattern]) =>
        errorOf(pattern)
          .message.replace(/;.*/, '')
          .replace(/\\p\S+|\{.*\}/, '…'),
      ),
    )
    expect([...reasons].sort()).toMatchInlineSnapshot(`
      [
        "&& needs something on both sides",
        "only single characters are repeated possessively, or within (?>",
        "there is nothing before { to repeat",
        "what a group matched cannot be asked for again",
        "what is looked behind for must have a greatest length",
        "… under (?i) is not taken",
      ]
    `)
  })

  it.each([
    ['a(b', 1, 'this group is not closed'],
    ['ab)', 2, 'a group is closed that was not opened'],
    ['a**', 2, 'there is nothing before * to repeat'],
    ['x[a-', 2, 'this range is not closed'],
    ['x[ab', 1, 'this [ is not closed'],
    ['(a|)*+', 4, 'only single characters are repeated possessively, or within (?>'],
    ['x\\y', 1, '\\y means nothing here'],
    ['(a)\\1', 3, 'what a group matched cannot be asked for again'],
    ['a(?m)b', 3, 'of the flags only i and s are taken, as in (?i)'],
    ['[z-a]', 1, 'a range goes from a lower to a higher character'],
    ['a{5,2}', 1, '{5,2} asks for more than it allows'],
  ])('%s is refused at character %i', (pattern, at, message) => {
    expect(errorOf(pattern)).toMatchObject({ at, message })
  })

  it('knows when it is the name of one topic', () => {
    expect(javaPattern('orders\\.v1').literal).toBe('orders.v1')
    expect(javaPattern('orders.v1').literal).toBeUndefined()
  })
})

describe('a program', () => {
  it('matches what the pattern matches, by whichever of the two it is asked', () => {
    const taken = recorded.filter(([pattern]) => answerOf(pattern) !== 'refused')
    const wrong = taken.filter(([pattern]) => {
      const { parsed } = javaPattern(pattern)
      const program = new PatternProgram(parsed.node)
      return names.map((name) => (program.run(name) ? '1' : '0')).join('') !== answerOf(pattern)
    })
    expect(wrong).toEqual([])
    expect(taken.length).toBeGreaterThan(900)
  })

  it('has the groups of the first way through, in the order in which Java tries them', () => {
    const groups = (pattern: string, name: string) => {
      const { parsed } = javaPattern(pattern)
      const places = new PatternProgram(parsed.node).run(name)
      return Array.from({ length: parsed.groups }, (_, at) => {
        const [from, to] = [places?.[2 * at + 2], places?.[2 * at + 3]]
        return from === undefined ? undefined : name.slice(from, to)
      })
    }
    expect(groups('(a*)(a*)', 'aaa')).toEqual(['aaa', ''])
    expect(groups('(a*?)(a*)', 'aaa')).toEqual(['', 'aaa'])
    expect(groups('(a|ab)(c|bcd)?', 'abcd')).toEqual(['a', 'bcd'])
    expect(groups('(?:(a)|(b))+', 'ab')).toEqual(['a', 'b'])
    expect(groups('(?>(a+))(a*)b|(.*)', 'aaab')).toEqual(['aaa', '', undefined])
    expect(groups('(?=(a+))aab|(a)(.*)', 'aaab')).toEqual([undefined, 'a', 'aab'])
    expect(groups('([a-z]+\\.)+(\\w+)', 'eu.west.orders')).toEqual(['west.', 'orders'])
  })

  it('is not kept busy by a pattern that can be tried in countless ways, nor by a long name', () => {
    const name = `${'a'.repeat(248)}!`
    const slow = [
      '(a+)+',
      '(a|aa)+',
      '(a*)*b',
      '.*.*.*.*.*.*b',
      '(?:a?){249}b',
      '(?:(?=(a+)+b)a)*',
      '(?<!(?:a|aa){1,9}c)b|(a|a)+',
    ]
    const began = performance.now()
    for (const pattern of slow) expect([pattern, javaPattern(pattern).matches(name)]).toEqual([pattern, false])
    expect(javaPattern('.*a.*b').matches('a'.repeat(32_000))).toBe(false)
    expect(javaPattern('([a-z]+\\.)+orders').matches(`${'eu.'.repeat(50)}orders`)).toBe(true)
    expect(performance.now() - began).toBeLessThan(5_000)
    for (const pattern of ['.*', 'orders', '.*-orders-.*', '(?:.*\\.)?heartbeats'])
      expect(waysOf(javaPattern(pattern).parsed.node, 249)).toBeLessThan(70_000)
  })

  it('is refused when what it repeats has no end', () => {
    expect(errorOf('((a{1,100}){100}b){100}').message).toContain('over 20000 steps')
  })
})

describe('a set of names', () => {
  const topics = names.filter((name) => /^[\w.-]+$/.test(name))
  const has = (set: NameSet, name: string) =>
    set.and(NameSet.matching([javaPattern(`\\Q${name}\\E`).parsed.node])).example() === name

  it('holds what the pattern matches, and nothing else where the pattern is regular', () => {
    for (const [pattern] of recorded.filter(([, answer], index) => answer !== 'refused' && index % 20 === 0)) {
      if (answerOf(pattern) === 'refused') continue
      const { parsed, matches } = javaPattern(pattern)
      let set: NameSet
      try {
        set = NameSet.matching([parsed.node])
      } catch (error) {
        if (error instanceof TooLarge) continue
        throw error
      }
      const exact = isRegular(parsed.node)
      const wrong = topics.filter((name) =>
        exact ? has(set, name) !== matches(name) : matches(name) && !has(set, name),
      )
      expect({ pattern, wrong }).toEqual({ pattern, wrong: [] })
    }
  })
})

describe('a replacement', () => {
  const replaced = (match: string, replace: string, name: string) => {
    const pattern = javaPattern(match)
    return replaceName(pattern, parseReplacement(replace, pattern.parsed), name)
  }

  it('takes groups by number and name, as Java does', () => {
    expect(replaced('(.*)\\.v(\\d)', '$1-$2', 'orders.v1')).toBe('orders-1')
    expect(replaced('(?<base>.*)\\.v1', '${base}.v2', 'orders.v1')).toBe('orders.v2')
    expect(replaced('(a)(?>b+)(c)', '$12\\$', 'abbc')).toBe('a2$')
    expect(replaced('(a)|(b)', '[$1$2]', 'b')).toBe('[b]')
    expect(replaced('x', 'y', 'xx')).toBeUndefined()
  })

  it.each([
    ['$2', 0, 'there is no group 2'],
    ['a${n}', 1, 'there is no group of the name n'],
    ['a$', 1, '$ is followed by the number of a group; a $ itself is written \\$'],
  ])('%s is refused at character %i', (replace, at, message) => {
    const { parsed } = javaPattern('(.*)')
    expect(() => parseReplacement(replace, parsed)).toThrow(expect.objectContaining({ at, message }))
  })
})

function errorOf(pattern: string): PatternError {
  try {
    javaPattern(pattern)
  } catch (error) {
    return error as PatternError
  }
  throw new Error(`${pattern} is taken`)
}
