// Java's regular expressions, matched against whole names: translated into JavaScript's. Java's groups have the numbers that Java
// gives them, whatever the translation needs of its own.
import { type ParsedPattern, PatternError, type PatternNode, parsePattern } from './pattern-parser.ts'
import { PatternProgram, waysOf } from './pattern-program.ts'

export interface JavaPattern {
  readonly source: string
  readonly parsed: ParsedPattern
  /** The one name that it matches, where it is a plain name: `orders`, `orders\.v1`. */
  readonly literal: string | undefined
  matches(name: string): boolean
  /** What each group matched, by number, 0 the whole; undefined when the name is not matched. */
  groupsOf(name: string): readonly (string | undefined)[] | undefined
}

/** As long as a name of Kafka's may be; those of groups may be longer. */
const NAME_MAX = 249
/** About as many ways to match such a name have patterns of two free parts: `.*-orders-.*`. */
const WAYS_MAX = 70_000

/** Throws a PatternError with the place. */
export function javaPattern(source: string): JavaPattern {
  const parsed = parsePattern(source)
  const regExp = compile(parsed.node)
  // JavaScript's engine tries one way after the other, so it is asked only where there are few.
  const isQuick = waysOf(parsed.node, NAME_MAX) <= WAYS_MAX
  const program = new PatternProgram(parsed.node)
  const isEasy = (name: string) => isQuick && name.length <= NAME_MAX
  return {
    source,
    parsed,
    literal: literalOf(parsed.node),
    matches: (name) => (isEasy(name) ? regExp.test(name) : program.run(name) !== undefined),
    groupsOf: (name) => {
      if (!isEasy(name)) return groupsIn(name, program.run(name), parsed.groups)
      const found = regExp.exec(name)
      if (!found) return undefined
      return Array.from({ length: parsed.groups + 1 }, (_, number) =>
        number === 0 ? name : found.groups?.[groupName(number)],
      )
    },
  }
}

function compile(node: PatternNode): RegExp {
  try {
    return new RegExp(`^(?:${new Emitter().emit(node)})$`, 'v')
  } catch (error) {
    throw new PatternError((error as Error).message.replace(/^.*: /, ''), 0)
  }
}

function groupsIn(name: string, places: readonly (number | undefined)[] | undefined, groups: number) {
  if (!places) return undefined
  return Array.from({ length: groups + 1 }, (_, number) => {
    if (number === 0) return name
    const [from, to] = [places[2 * number], places[2 * number + 1]]
    return from === undefined || to === undefined ? undefined : name.slice(from, to)
  })
}

const groupName = (number: number) => `g${number}`

class Emitter {
  #atoms = 0

  emit(node: PatternNode): string {
    switch (node.kind) {
      case 'character':
      case 'edge':
        return node.js
      case 'sequence':
        return node.nodes.map((part) => (part.kind === 'choice' ? `(?:${this.emit(part)})` : this.emit(part))).join('')
      case 'choice':
        return node.nodes.map((part) => this.emit(part)).join('|')
      case 'group':
        return `(?<${groupName(node.number)}>${this.emit(node.node)})`
      case 'look':
        return `${node.open}${this.emit(node.node)})`
      case 'atomic':
        return this.#atomic(this.emit(node.node))
      case 'repeat': {
        const repeated = `(?:${this.emit(node.node)})${countsOf(node)}`
        return node.mode === 'possessive' ? this.#atomic(repeated) : repeated
      }
    }
  }

  /** JavaScript gives back nothing of what it looked ahead for. */
  #atomic(js: string): string {
    const name = `a${this.#atoms++}`
    return `(?:(?=(?<${name}>${js}))\\k<${name}>)`
  }
}

function countsOf({ min, max, mode }: Extract<PatternNode, { kind: 'repeat' }>): string {
  const upTo = max === Number.POSITIVE_INFINITY ? '' : max
  return `{${min},${upTo}}${mode === 'lazy' ? '?' : ''}`
}

function literalOf(node: PatternNode): string | undefined {
  if (node.kind === 'character') return node.literal
  if (node.kind !== 'sequence') return undefined
  const parts = node.nodes.map(literalOf)
  return parts.length > 0 && parts.every((part) => part !== undefined) ? parts.join('') : undefined
}

/** What stands for a matched name: text, and the numbers of groups. */
export type Replacement = readonly (string | number)[]

/** `$1`, `${name}` and `\` as in Java's replaceAll. Throws a PatternError. */
export function parseReplacement(source: string, { groups, names }: ParsedPattern): Replacement {
  const parts: (string | number)[] = []
  const text = (piece: string) => {
    if (typeof parts.at(-1) === 'string') parts[parts.length - 1] += piece
    else parts.push(piece)
  }
  for (let at = 0; at < source.length; at++) {
    if (source[at] === '\\') {
      if (at + 1 >= source.length)
        throw new PatternError('a backslash at the end; a backslash itself is written \\\\', at)
      text(source[++at]!)
    } else if (source[at] !== '$') text(source[at]!)
    else {
      const { group, length } = reference(source, at, groups, names)
      parts.push(group)
      at += length - 1
    }
  }
  return parts
}

function reference(source: string, at: number, groups: number, names: ReadonlyMap<string, number>) {
  const named = /^\$\{([A-Za-z][A-Za-z0-9]*)\}/.exec(source.slice(at))
  if (named) {
    const group = names.get(named[1]!)
    if (group === undefined) throw new PatternError(`there is no group of the name ${named[1]}`, at)
    return { group, length: named[0].length }
  }
  const digits = /^\$(\d+)/.exec(source.slice(at))?.[1]
  if (digits === undefined)
    throw new PatternError('$ is followed by the number of a group; a $ itself is written \\$', at)
  // As many digits as make a group that there is.
  let taken = digits.length
  while (taken > 1 && Number(digits.slice(0, taken)) > groups) taken--
  const group = Number(digits.slice(0, taken))
  if (group > groups) throw new PatternError(`there is no group ${group}`, at)
  return { group, length: taken + 1 }
}

/** The name that a matched name gets; undefined when it is not matched. */
export function replaceName(pattern: JavaPattern, replacement: Replacement, name: string): string | undefined {
  const groups = pattern.groupsOf(name)
  return groups && replacement.map((part) => (typeof part === 'string' ? part : (groups[part] ?? ''))).join('')
}

/** The expression that only this name matches. */
export function quotePattern(name: string): string {
  return [...name].map((char) => (/^[A-Za-z0-9]$/.test(char) ? char : `\\${char}`)).join('')
}
