// From the text of a regular expression in Java's dialect to what it is made of. MirrorMaker's users write Java's expressions, so
// they mean here what they mean there; what cannot be said so that it means the same is refused, with its place.

/** `at` is the index of the character at fault. */
export class PatternError extends Error {
  readonly at: number

  constructor(message: string, at: number) {
    super(message)
    this.at = at
  }
}

export type PatternNode =
  /** One character; `js` matches it under the flag v. `literal` is set where only one character does. */
  | { readonly kind: 'character'; readonly js: string; readonly literal?: string }
  | { readonly kind: 'sequence' | 'choice'; readonly nodes: readonly PatternNode[] }
  | {
      readonly kind: 'repeat'
      readonly node: PatternNode
      readonly min: number
      readonly max: number
      readonly mode: 'greedy' | 'lazy' | 'possessive'
    }
  | { readonly kind: 'group'; readonly node: PatternNode; readonly number: number }
  | { readonly kind: 'atomic'; readonly node: PatternNode }
  | { readonly kind: 'look'; readonly node: PatternNode; readonly open: string }
  /** A place between characters. */
  | { readonly kind: 'edge'; readonly js: string; readonly edge: 'start' | 'end' | 'word' }

export interface ParsedPattern {
  readonly node: PatternNode
  readonly groups: number
  /** Numbers of the groups that have names. */
  readonly names: ReadonlyMap<string, number>
}

/** A character of the text; a quoted one (`\Q…\E`) means itself. */
interface Unit {
  readonly char: string
  readonly at: number
  readonly quoted: boolean
}

interface Flags {
  readonly ignoresCase: boolean
  readonly dotAll: boolean
}

const NESTING_MAX = 100
/** Names are no longer than 249 characters; a count beyond this is a slip. */
const REPEAT_MAX = 1_000

const LINE_ENDS = '\\n\\r\\u{85}\\u{2028}\\u{2029}'
/** Java's `$` and `\Z`: the end, or before the line break that ends the text. */
const END = `(?:(?=\\r\\n(?![\\s\\S]))|(?<!\\r)(?=\\n(?![\\s\\S]))|(?=[\\r\\u{85}\\u{2028}\\u{2029}](?![\\s\\S]))|(?![\\s\\S]))`

const CLASSES: Readonly<Record<string, string>> = {
  d: '0-9',
  w: 'a-zA-Z0-9_',
  s: '\\t\\n\\v\\f\\r\\u{20}',
  h: '\\t\\u{20}\\u{a0}\\u{1680}\\u{180e}\\u{2000}-\\u{200a}\\u{202f}\\u{205f}\\u{3000}',
  v: '\\n\\v\\f\\r\\u{85}\\u{2028}\\u{2029}',
}
const POSIX: Readonly<Record<string, string>> = {
  Lower: 'a-z',
  Upper: 'A-Z',
  ASCII: '\\u{0}-\\u{7f}',
  Alpha: 'a-zA-Z',
  Digit: '0-9',
  Alnum: 'a-zA-Z0-9',
  Punct: '\\u{21}-\\u{2f}\\u{3a}-\\u{40}\\u{5b}-\\u{60}\\u{7b}-\\u{7e}',
  Graph: '\\u{21}-\\u{7e}',
  Print: '\\u{20}-\\u{7e}',
  Blank: '\\t\\u{20}',
  Cntrl: '\\u{0}-\\u{1f}\\u{7f}',
  XDigit: '0-9a-fA-F',
  Space: '\\t\\n\\v\\f\\r\\u{20}',
}
const CATEGORY = /^(?:C[cfnos]?|L[lmotuC]?|M[cen]?|N[dlo]?|P[cdefios]?|S[ckmo]?|Z[lps]?)$/
/** What Java widens under (?i), and we do not. */
const CASED = /^(?:Lower|Upper|Lu|Ll|Lt)$/
const CONTROLS: Readonly<Record<string, string>> = { t: '\t', n: '\n', r: '\r', f: '\f', a: '\x07', e: '\x1b' }

export function parsePattern(source: string): ParsedPattern {
  return new Parser(source).parse()
}

/** A character as the flag v takes it anywhere, also within brackets. */
function escaped(char: string): string {
  return /^[A-Za-z0-9]$/.test(char) ? char : `\\u{${char.codePointAt(0)!.toString(16)}}`
}

/** Recursive descent; flags hold from where they are set to the end of their group. */
class Parser {
  readonly #units: readonly Unit[]
  readonly #end: number
  readonly #names = new Map<string, number>()
  #at = 0
  #depth = 0
  #behind = 0
  #atomic = 0
  #groups = 0
  #flags: Flags = { ignoresCase: false, dotAll: false }

  constructor(source: string) {
    this.#units = unitsOf(source)
    this.#end = source.length
  }

  parse(): ParsedPattern {
    const node = this.#choice()
    if (this.#at < this.#units.length) this.#fail('a group is closed that was not opened')
    return { node, groups: this.#groups, names: this.#names }
  }

  #choice(): PatternNode {
    const nodes = [this.#sequence()]
    while (this.#take('|')) nodes.push(this.#sequence())
    return nodes.length === 1 ? nodes[0]! : { kind: 'choice', nodes }
  }

  #sequence(): PatternNode {
    const nodes: PatternNode[] = []
    while (this.#at < this.#units.length && !this.#is('|') && !this.#is(')')) {
      const atom = this.#atom()
      if (atom) nodes.push(this.#repeated(atom))
    }
    return nodes.length === 1 ? nodes[0]! : { kind: 'sequence', nodes }
  }

  /** Undefined for flags, which are nothing to match. */
  #atom(): PatternNode | undefined {
    const unit = this.#units[this.#at]!
    if (unit.quoted) return this.#literal(this.#next().char)
    switch (unit.char) {
      case '*':
      case '+':
      case '?':
        return this.#fail(`there is nothing before ${unit.char} to repeat`)
      case '{':
        return this.#fail('there is nothing before { to repeat; a brace itself is written \\{')
      case '^':
        this.#at++
        return { kind: 'edge', js: '^', edge: 'start' }
      case '$':
        this.#at++
        return { kind: 'edge', js: END, edge: 'end' }
      case '.':
        this.#at++
        return { kind: 'character', js: this.#flags.dotAll ? '[\\s\\S]' : `[^${LINE_ENDS}]` }
      case '(':
        return this.#nested(() => this.#group())
      case '[':
        return { kind: 'character', js: this.#nested(() => this.#bracket()) }
      case '\\':
        return this.#escape()
      default:
        return this.#literal(this.#next().char)
    }
  }

  #literal(char: string): PatternNode {
    const js = this.#inEitherCase(char)
    return js === escaped(char) ? { kind: 'character', js, literal: char } : { kind: 'character', js: `[${js}]` }
  }

  /** Java's (?i) is about the letters of ASCII. */
  #inEitherCase(char: string): string {
    if (!this.#flags.ignoresCase || !/^[A-Za-z]$/.test(char)) return escaped(char)
    return char.toLowerCase() + char.toUpperCase()
  }

  // ---- repetition

  #repeated(node: PatternNode): PatternNode {
    const from = this.#at
    const counts = this.#counts()
    if (!counts) return node
    const [min, max] = counts
    const mode = this.#take('?') ? 'lazy' : this.#take('+') ? 'possessive' : 'greedy'
    if (this.#behind > 0 && max === Number.POSITIVE_INFINITY)
      this.#fail('what is looked behind for must have a greatest length', from)
    // Of what may be empty the two dialects try another number of rounds, and here nothing is given back to even that out.
    if (node.kind !== 'character' && (mode === 'possessive' || this.#atomic > 0))
      this.#fail('only single characters are repeated possessively, or within (?>', from)
    if (this.#behind > 0 && mode === 'possessive') this.#fail('no possessive repetition within (?<= or (?<!', from)
    if (this.#is('*') || this.#is('+') || this.#is('?'))
      this.#fail(`there is nothing before ${this.#units[this.#at]!.char} to repeat`)
    return { kind: 'repeat', node, min, max, mode }
  }

  #counts(): [number, number] | undefined {
    if (this.#take('?')) return [0, 1]
    if (this.#take('*')) return [0, Number.POSITIVE_INFINITY]
    if (this.#take('+')) return [1, Number.POSITIVE_INFINITY]
    const from = this.#at
    if (!this.#take('{')) return undefined
    const min = this.#number() ?? this.#fail('a repetition is written {n}, {n,} or {n,m}', from)
    let max = min
    if (this.#take(',')) max = this.#number() ?? Number.POSITIVE_INFINITY
    if (!this.#take('}')) this.#fail('a repetition is written {n}, {n,} or {n,m}', from)
    if (max < min) this.#fail(`{${min},${max}} asks for more than it allows`, from)
    if (min > REPEAT_MAX || (max > REPEAT_MAX && max !== Number.POSITIVE_INFINITY))
      this.#fail(`no repetition beyond ${REPEAT_MAX}`, from)
    return [min, max]
  }

  #number(): number | undefined {
    let digits = ''
    while (digits.length < 9 && /^[0-9]$/.test(this.#peek())) digits += this.#next().char
    return digits === '' ? undefined : Number(digits)
  }

  // ---- groups

  #group(): PatternNode | undefined {
    const from = this.#at++
    if (!this.#take('?')) return this.#capture(from)
    if (this.#take(':')) return this.#inside(from)
    if (this.#take('>')) {
      if (this.#behind > 0) this.#fail('no (?> within (?<= or (?<!', from)
      this.#atomic++
      const node = this.#inside(from)
      this.#atomic--
      return { kind: 'atomic', node }
    }
    if (this.#take('=')) return { kind: 'look', open: '(?=', node: this.#inside(from) }
    if (this.#take('!')) return { kind: 'look', open: '(?!', node: this.#inside(from) }
    if (!this.#take('<')) return this.#setFlags(from)
    if (this.#is('=') || this.#is('!')) {
      const open = `(?<${this.#next().char}`
      this.#behind++
      const node = this.#inside(from)
      this.#behind--
      return { kind: 'look', open, node }
    }
    return this.#capture(from, this.#groupName(from))
  }

  #capture(from: number, name?: string): PatternNode {
    const number = ++this.#groups
    if (name !== undefined) this.#names.set(name, number)
    return { kind: 'group', number, node: this.#inside(from) }
  }

  #inside(from: number): PatternNode {
    const flags = this.#flags
    const node = this.#choice()
    if (!this.#take(')')) this.#fail('this group is not closed', from)
    this.#flags = flags
    return node
  }

  #groupName(from: number): string {
    let name = ''
    while (/^[A-Za-z0-9]$/.test(this.#peek())) name += this.#next().char
    if (!/^[A-Za-z]/.test(name) || !this.#take('>'))
      this.#fail('a group’s name is letters and digits, a letter first, as in (?<name>…)', from)
    if (this.#names.has(name)) this.#fail(`there are two groups of the name ${name}`, from)
    return name
  }

  /** `(?i)` for the rest of the group around it, `(?i:…)` for a group of its own. */
  #setFlags(from: number): PatternNode | undefined {
    const before = this.#flags
    let on = true
    for (;;) {
      if (this.#take('i')) this.#flags = { ...this.#flags, ignoresCase: on }
      else if (this.#take('s')) this.#flags = { ...this.#flags, dotAll: on }
      else if (on && this.#take('-')) on = false
      else break
    }
    if (this.#take(')')) return undefined
    if (!this.#take(':')) this.#fail('of the flags only i and s are taken, as in (?i)')
    const node = this.#inside(from)
    this.#flags = before
    return node
  }

  #nested<T>(parse: () => T): T {
    if (++this.#depth > NESTING_MAX) this.#fail(`nested deeper than ${NESTING_MAX} levels`)
    const parsed = parse()
    this.#depth--
    return parsed
  }

  // ---- brackets

  #bracket(): string {
    const from = this.#at++
    const negation = this.#take('^') ? '^' : ''
    const sides: string[] = []
    let items = ''
    for (;;) {
      if (this.#at >= this.#units.length) this.#fail('this [ is not closed', from)
      if (items !== '' && this.#take(']')) break
      if (this.#is('[')) items += this.#nested(() => this.#bracket())
      else if (this.#is('&') && this.#is('&', 1)) {
        if (items === '') this.#fail('&& needs something on both sides')
        this.#at += 2
        if (this.#is('&') || this.#is(']')) this.#fail('&& needs something on both sides')
        sides.push(items)
        items = ''
      } else items += this.#item()
    }
    if (sides.length === 0) return `[${negation}${items}]`
    return `[${negation}${[...sides, items].map((side) => `[${side}]`).join('&&')}]`
  }

  /** A character, a range or a class, as it stands within brackets. */
  #item(): string {
    const from = this.#at
    const first = this.#member()
    if (typeof first !== 'string') return first.js
    if (!this.#is('-') || this.#is('[', 1) || this.#is(']', 1)) return this.#inEitherCase(first)
    this.#at++
    if (this.#at >= this.#units.length) this.#fail('this range is not closed', from)
    const last = this.#member()
    if (typeof last !== 'string' || last.codePointAt(0)! < first.codePointAt(0)!)
      this.#fail('a range goes from a lower to a higher character', from)
    return this.#range(first, last as string)
  }

  #range(first: string, last: string): string {
    const range = `${escaped(first)}-${escaped(last)}`
    if (!this.#flags.ignoresCase) return range
    const within = (char: string) => char >= first && char <= last
    const letters = [...'abcdefghijklmnopqrstuvwxyz']
    const lower = letters.filter((char) => within(char.toUpperCase()))
    const upper = letters.map((char) => char.toUpperCase()).filter((char) => within(char.toLowerCase()))
    return [range, ...lower, ...upper].join('')
  }

  /** The character, or the class that an escape stands for. */
  #member(): string | { js: string } {
    if (!this.#is('\\')) return this.#next().char
    const from = this.#at
    const letter = this.#peek(1)
    if (letter === 'p' || letter === 'P') return { js: this.#property() }
    if (Object.hasOwn(CLASSES, letter.toLowerCase())) {
      this.#at += 2
      if (letter === 'v' && this.#is('-')) this.#fail('\\v begins no range', from)
      return { js: classOf(letter) }
    }
    return this.#character()
  }

  // ---- escapes

  #escape(): PatternNode {
    const from = this.#at
    const letter = this.#peek(1)
    if (letter === 'p' || letter === 'P') return { kind: 'character', js: this.#property() }
    if (Object.hasOwn(CLASSES, letter.toLowerCase())) {
      this.#at += 2
      return { kind: 'character', js: classOf(letter) }
    }
    const edge = edgeOf(letter)
    if (edge) {
      this.#at += 2
      return edge
    }
    if (letter === 'R') {
      this.#at += 2
      const lineEnd = { kind: 'character', js: '[\\n\\v\\f\\r\\u{85}\\u{2028}\\u{2029}]' } as const
      const nodes = ['\r', '\n'].map((char) => ({ kind: 'character', js: escaped(char) }) as const)
      return { kind: 'choice', nodes: [{ kind: 'sequence', nodes }, lineEnd] }
    }
    if (/^[1-9k]$/.test(letter)) this.#fail('what a group matched cannot be asked for again', from)
    return this.#literal(this.#character())
  }

  /** An escape that stands for one character. */
  #character(): string {
    const from = this.#at++
    if (this.#at >= this.#units.length) this.#fail('a backslash at the end; a backslash itself is written \\\\', from)
    const { char } = this.#next()
    if (Object.hasOwn(CONTROLS, char)) return CONTROLS[char]!
    if (char === '0') return this.#octal(from)
    if (char === 'x') return this.#take('{') ? this.#hexInBraces(from) : this.#hex(2, from)
    if (char === 'u') return this.#hex(4, from)
    if (char === 'c') {
      if (this.#at >= this.#units.length) this.#fail('\\c needs a character', from)
      return String.fromCodePoint(this.#next().char.codePointAt(0)! ^ 64)
    }
    if (/^[A-Za-z0-9]$/.test(char)) this.#fail(`\\${char} means nothing here`, from)
    return char
  }

  #octal(from: number): string {
    let digits = ''
    const most = () => (digits.length === 0 || digits[0]! <= '3' ? 3 : 2)
    while (digits.length < most() && /^[0-7]$/.test(this.#peek())) digits += this.#next().char
    if (digits === '') this.#fail('\\0 needs octal digits', from)
    return String.fromCodePoint(Number.parseInt(digits, 8))
  }

  #hex(count: number, from: number): string {
    let digits = ''
    while (digits.length < count && /^[0-9A-Fa-f]$/.test(this.#peek())) digits += this.#next().char
    if (digits.length < count) this.#fail(`${count} hexadecimal digits are needed`, from)
    return this.#codePoint(Number.parseInt(digits, 16), from)
  }

  #hexInBraces(from: number): string {
    let digits = ''
    while (digits.length < 8 && /^[0-9A-Fa-f]$/.test(this.#peek())) digits += this.#next().char
    if (digits === '' || !this.#take('}')) this.#fail('\\x{…} needs hexadecimal digits', from)
    return this.#codePoint(Number.parseInt(digits, 16), from)
  }

  #codePoint(value: number, from: number): string {
    if (value > 0x10ffff || (value >= 0xd800 && value <= 0xdfff)) this.#fail('there is no such character', from)
    return String.fromCodePoint(value)
  }

  #property(): string {
    const from = this.#at++
    const complement = this.#next().char === 'P'
    let name = ''
    if (this.#take('{')) {
      while (this.#at < this.#units.length && !this.#is('}')) name += this.#next().char
      if (!this.#take('}')) this.#fail('this { is not closed', from)
    } else if (this.#at < this.#units.length) name = this.#next().char
    const category = name.replace(/^Is/, '')
    if (this.#flags.ignoresCase && CASED.test(category)) this.#fail(`\\p{${name}} under (?i) is not taken`, from)
    if (Object.hasOwn(POSIX, name)) return `[${complement ? '^' : ''}${POSIX[name]}]`
    if (CATEGORY.test(category)) return `\\${complement ? 'P' : 'p'}{${category}}`
    return this.#fail(
      `the property ${name} is not known here; ${Object.keys(POSIX).join(', ')} and categories such as L are`,
      from,
    )
  }

  // ---- the text

  #is(char: string, ahead = 0): boolean {
    const unit = this.#units[this.#at + ahead]
    return unit !== undefined && !unit.quoted && unit.char === char
  }

  /** The character ahead if it is not quoted, else nothing. */
  #peek(ahead = 0): string {
    const unit = this.#units[this.#at + ahead]
    return unit && !unit.quoted ? unit.char : ''
  }

  #take(char: string): boolean {
    const taken = this.#is(char)
    if (taken) this.#at++
    return taken
  }

  #next(): Unit {
    return this.#units[this.#at++]!
  }

  #fail(message: string, at = this.#at): never {
    throw new PatternError(message, this.#units[at]?.at ?? this.#end)
  }
}

/** Quotation is undone first, as Java does; a backslash takes the character behind it along. */
function unitsOf(source: string): Unit[] {
  const units: Unit[] = []
  let quoted = false
  for (let at = 0; at < source.length; ) {
    const char = String.fromCodePoint(source.codePointAt(at)!)
    if (char === '\\' && source[at + 1] === (quoted ? 'E' : 'Q')) {
      quoted = !quoted
      at += 2
      continue
    }
    units.push({ char, at, quoted })
    at += char.length
    if (char !== '\\' || quoted || at >= source.length) continue
    const next = String.fromCodePoint(source.codePointAt(at)!)
    units.push({ char: next, at, quoted: false })
    at += next.length
  }
  return units
}

function classOf(letter: string): string {
  const isComplement = letter !== letter.toLowerCase()
  return `[${isComplement ? '^' : ''}${CLASSES[letter.toLowerCase()]}]`
}

function edgeOf(letter: string): PatternNode | undefined {
  if (letter === 'A') return { kind: 'edge', js: '^', edge: 'start' }
  if (letter === 'z') return { kind: 'edge', js: '(?![\\s\\S])', edge: 'end' }
  if (letter === 'Z') return { kind: 'edge', js: END, edge: 'end' }
  if (letter === 'b' || letter === 'B') return { kind: 'edge', js: `\\${letter}`, edge: 'word' }
  return undefined
}
