// From the text of a regular expression of RE2/J to what it is made of. What RE2 has not (looking around, references back) is refused.

/** Its message is what is wrong, in the words of RE2/J. */
export class Re2SyntaxError extends Error {}

/** As RE2's. */
const REPEAT_MAX = 1000
const NESTING_MAX = 1000

export type Test = (character: string) => boolean
export type Edge = (before: string | undefined, after: string | undefined) => boolean

export type Node =
  | { readonly kind: 'character'; readonly test: Test }
  | { readonly kind: 'edge'; readonly test: Edge }
  | { readonly kind: 'sequence' | 'choice'; readonly nodes: readonly Node[] }
  | { readonly kind: 'repeat'; readonly node: Node; readonly min: number; readonly max: number }

interface Flags {
  readonly ignoresCase: boolean
  readonly manyLines: boolean
  readonly dotMatchesNewline: boolean
}

const NO_FLAGS: Flags = { ignoresCase: false, manyLines: false, dotMatchesNewline: false }

const isDigit: Test = (each) => each >= '0' && each <= '9'
const isWord: Test = (each) =>
  isDigit(each) || (each >= 'A' && each <= 'Z') || (each >= 'a' && each <= 'z') || each === '_'
const isSpace: Test = (each) => /^[\t\n\f\r ]$/.test(each)
const PERL_CLASSES: Readonly<Record<string, Test>> = {
  d: isDigit,
  w: isWord,
  s: isSpace,
  D: not(isDigit),
  W: not(isWord),
  S: not(isSpace),
}
const POSIX_CLASSES: Readonly<Record<string, RegExp>> = {
  alnum: /[0-9A-Za-z]/,
  alpha: /[A-Za-z]/,
  ascii: /[\0-\x7f]/,
  blank: /[\t ]/,
  cntrl: /[\0-\x1f\x7f]/,
  digit: /[0-9]/,
  graph: /[!-~]/,
  lower: /[a-z]/,
  print: /[ -~]/,
  punct: /[!-/:-@[-`{-~]/,
  space: /[\t\n\v\f\r ]/,
  upper: /[A-Z]/,
  word: /[0-9A-Za-z_]/,
  xdigit: /[0-9A-Fa-f]/,
}
const CONTROL_ESCAPES: Readonly<Record<string, string>> = { a: '\x07', f: '\f', n: '\n', r: '\r', t: '\t', v: '\v' }

function not(test: Test): Test {
  return (each) => !test(each)
}

/** Recursive descent over the pattern; flags hold from where they are set to the end of their group. */
export class Parser {
  readonly #pattern: string
  #at = 0
  #depth = 0
  #flags = NO_FLAGS
  readonly #names = new Set<string>()

  constructor(pattern: string) {
    this.#pattern = pattern
  }

  parse(): Node {
    const node = this.#choice()
    if (this.#at < this.#pattern.length) throw new Re2SyntaxError('regexp/syntax: internal error')
    return node
  }

  #choice(): Node {
    const nodes = [this.#sequence()]
    while (this.#take('|')) nodes.push(this.#sequence())
    return nodes.length === 1 ? nodes[0]! : { kind: 'choice', nodes }
  }

  #sequence(): Node {
    const nodes: Node[] = []
    while (this.#at < this.#pattern.length && this.#peek() !== '|' && this.#peek() !== ')') {
      if (this.#take('\\Q')) {
        for (const each of this.#quoted()) nodes.push(this.#repeated(this.#literal(each)))
        continue
      }
      const node = this.#atom()
      if (node) nodes.push(this.#repeated(node))
    }
    return { kind: 'sequence', nodes }
  }

  #quoted(): string[] {
    const end = this.#pattern.indexOf('\\E', this.#at)
    const text = this.#pattern.slice(this.#at, end === -1 ? undefined : end)
    this.#at = end === -1 ? this.#pattern.length : end + 2
    return [...text]
  }

  /** undefined: only flags were set. */
  #atom(): Node | undefined {
    const character = this.#next()
    switch (character) {
      case '(':
        return this.#group()
      case '[':
        return { kind: 'character', test: this.#class() }
      case '.': {
        const any = this.#flags.dotMatchesNewline
        return { kind: 'character', test: (each) => any || each !== '\n' }
      }
      case '^':
        return this.#edge(this.#flags.manyLines ? startOfLine : startOfText)
      case '$':
        return this.#edge(this.#flags.manyLines ? endOfLine : endOfText)
      case '\\':
        return this.#escape()
      case '*':
      case '+':
      case '?':
        throw new Re2SyntaxError('missing argument to repetition operator')
      default:
        return this.#literal(character)
    }
  }

  #group(): Node | undefined {
    if (++this.#depth > NESTING_MAX) throw new Re2SyntaxError('expression nests too deeply')
    const outer = this.#flags
    if (this.#take('?')) {
      if (this.#take('P<') || this.#take('<')) {
        this.#captureName()
      } else if (this.#setFlags() === ')') {
        this.#depth -= 1
        return undefined
      }
    }
    const node = this.#choice()
    if (!this.#take(')')) throw new Re2SyntaxError('missing closing )')
    this.#flags = outer
    this.#depth -= 1
    return node
  }

  #captureName(): void {
    const name = /^([0-9A-Za-z_]+)>/.exec(this.#rest())?.[1]
    if (name === undefined) throw new Re2SyntaxError('invalid named capture')
    if (this.#names.has(name)) throw new Re2SyntaxError('duplicate capture group name')
    this.#names.add(name)
    this.#at += name.length + 1
  }

  /** Reads `ims-U` up to `:` or `)`, which it returns. */
  #setFlags(): string {
    const match = /^([imsU]*)(-[imsU]+)?([:)])/.exec(this.#rest())
    if (!match) throw new Re2SyntaxError('invalid or unsupported Perl syntax')
    const [whole, on = '', off = '', end = ''] = match
    const holds = (flag: string, before: boolean) => (on.includes(flag) || before) && !off.includes(flag)
    this.#at += whole.length
    this.#flags = {
      ignoresCase: holds('i', this.#flags.ignoresCase),
      manyLines: holds('m', this.#flags.manyLines),
      dotMatchesNewline: holds('s', this.#flags.dotMatchesNewline),
    }
    return end
  }

  /** With the repetition behind it, if any; only one, and greedy or not is all the same for a whole match. */
  #repeated(node: Node): Node {
    const count = this.#count()
    if (!count) return node
    this.#take('?')
    if (this.#count()) throw new Re2SyntaxError('invalid nested repetition operator')
    return { kind: 'repeat', node, ...count }
  }

  #count(): { min: number; max: number } | undefined {
    if (this.#take('*')) return { min: 0, max: Infinity }
    if (this.#take('+')) return { min: 1, max: Infinity }
    if (this.#take('?')) return { min: 0, max: 1 }
    // Braces that do not count are braces.
    const match = /^\{(\d+)(,?)(\d*)\}/.exec(this.#rest())
    if (!match || (match[2] === '' && match[3] !== '')) return undefined
    const min = Number(match[1])
    const max = match[2] === '' ? min : match[3] === '' ? Infinity : Number(match[3])
    if (min > REPEAT_MAX || (max !== Infinity && max > REPEAT_MAX) || min > max) {
      throw new Re2SyntaxError('invalid repeat count')
    }
    this.#at += match[0].length
    return { min, max }
  }

  #escape(): Node {
    if (this.#take('A')) return this.#edge(startOfText)
    if (this.#take('z')) return this.#edge(endOfText)
    if (this.#take('b')) return this.#edge(atWord)
    if (this.#take('B')) return this.#edge((before, after) => !atWord(before, after))
    if (this.#take('C')) throw new Re2SyntaxError('invalid escape sequence')
    const test = this.#classEscape()
    return test ? { kind: 'character', test } : this.#literal(this.#characterEscape())
  }

  /** `\d`, `\pL`, `\p{Greek}` behind the backslash. */
  #classEscape(): Test | undefined {
    const perl = PERL_CLASSES[this.#peek()]
    if (perl) {
      this.#at += 1
      return this.#inCase(perl)
    }
    const match = /^([pP])(?:\{(\^?)([^}]*)\}|(.))/su.exec(this.#rest())
    if (!match) {
      if (/^[pP]/.test(this.#rest())) throw new Re2SyntaxError('invalid character class range')
      return undefined
    }
    this.#at += match[0].length
    const test = unicodeClass(match[3] ?? match[4]!)
    return this.#inCase((match[1] === 'P') !== (match[2] === '^') ? not(test) : test)
  }

  #characterEscape(): string {
    if (this.#at >= this.#pattern.length) throw new Re2SyntaxError('trailing backslash at end of expression')
    const rest = this.#rest()
    const hex = /^x(?:([0-9A-Fa-f]{2})|\{([0-9A-Fa-f]+)\})/.exec(rest)
    if (hex) return this.#codePoint(hex[0], Number.parseInt(hex[1] ?? hex[2]!, 16))
    // A single digit but 0 would be a back-reference, which there is not.
    const octal = /^(?:0[0-7]{0,2}|[1-7][0-7]{1,2})/.exec(rest)
    if (octal) return this.#codePoint(octal[0], Number.parseInt(octal[0], 8))
    const character = this.#next()
    const control = CONTROL_ESCAPES[character]
    if (control !== undefined) return control
    if (/^[0-9A-Za-z]$/.test(character) || character.codePointAt(0)! > 0x7f) {
      throw new Re2SyntaxError('invalid escape sequence')
    }
    return character
  }

  #codePoint(text: string, code: number): string {
    if (code > 0x10ffff) throw new Re2SyntaxError('invalid escape sequence')
    this.#at += text.length
    return String.fromCodePoint(code)
  }

  #class(): Test {
    const negated = this.#take('^')
    const tests: Test[] = []
    for (let first = true; first || this.#peek() !== ']'; first = false) {
      if (this.#at >= this.#pattern.length) throw new Re2SyntaxError('missing closing ]')
      tests.push(this.#posixClass() ?? this.#escapedClass() ?? this.#range())
    }
    this.#at += 1
    const test = this.#inCase((each) => tests.some((own) => own(each)))
    return negated ? not(test) : test
  }

  #posixClass(): Test | undefined {
    const match = /^\[:(\^?)([^:\]]*):\]/.exec(this.#rest())
    if (!match) return undefined
    const known = POSIX_CLASSES[match[2]!]
    if (!known) throw new Re2SyntaxError('invalid character class range')
    this.#at += match[0].length
    const test: Test = (each) => each.length === 1 && known.test(each)
    return match[1] === '^' ? not(test) : test
  }

  #escapedClass(): Test | undefined {
    if (!/^\\[dswDSWpP]/.test(this.#rest())) return undefined
    this.#at += 1
    return this.#classEscape()
  }

  #range(): Test {
    const low = this.#classCharacter()
    if (this.#peek() !== '-' || this.#pattern[this.#at + 1] === ']' || this.#at + 1 >= this.#pattern.length) {
      return (each) => each === low
    }
    this.#at += 1
    const high = this.#classCharacter()
    const from = low.codePointAt(0)!
    const to = high.codePointAt(0)!
    if (to < from) throw new Re2SyntaxError('invalid character class range')
    return (each) => each.codePointAt(0)! >= from && each.codePointAt(0)! <= to
  }

  #classCharacter(): string {
    const character = this.#next()
    return character === '\\' ? this.#characterEscape() : character
  }

  #literal(character: string): Node {
    return { kind: 'character', test: this.#inCase((each) => each === character) }
  }

  #inCase(test: Test): Test {
    if (!this.#flags.ignoresCase) return test
    return (each) => test(each) || test(each.toLowerCase()) || test(each.toUpperCase())
  }

  #edge(test: Edge): Node {
    return { kind: 'edge', test }
  }

  #rest(): string {
    return this.#pattern.slice(this.#at)
  }

  #peek(): string {
    return this.#pattern[this.#at] ?? ''
  }

  /** One character, also of two UTF-16 units. */
  #next(): string {
    const code = this.#pattern.codePointAt(this.#at)
    if (code === undefined) throw new Re2SyntaxError('missing closing ]')
    const character = String.fromCodePoint(code)
    this.#at += character.length
    return character
  }

  #take(text: string): boolean {
    if (!this.#pattern.startsWith(text, this.#at)) return false
    this.#at += text.length
    return true
  }
}

const startOfText: Edge = (before) => before === undefined
const endOfText: Edge = (_before, after) => after === undefined
const startOfLine: Edge = (before) => before === undefined || before === '\n'
const endOfLine: Edge = (_before, after) => after === undefined || after === '\n'

function atWord(before: string | undefined, after: string | undefined): boolean {
  return (before !== undefined && isWord(before)) !== (after !== undefined && isWord(after))
}

/** General categories and scripts, as both dialects name them. */
function unicodeClass(name: string): Test {
  if (name === 'Any') return () => true
  for (const property of [name, `Script=${name}`]) {
    try {
      const pattern = new RegExp(`^\\p{${property}}$`, 'u')
      return (each) => pattern.test(each)
    } catch {
      // Not of this kind.
    }
  }
  throw new Re2SyntaxError('invalid character class range')
}
