// Sets of topic names as finite automata, so that questions about a configuration have answers before there is a topic: can a name
// pass this filter and then that one? Names are made of 65 characters, which keeps the automata small.
//
// What is no regular set (looking around, possessive repetition) is taken for the larger set without it, and says so.
import type { PatternNode } from './pattern-parser.ts'

const ALPHABET = [...'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.']
const SIZE = ALPHABET.length
const indexOf = new Map(ALPHABET.map((char, index) => [char, index]))

/** Beyond this a question is given up. */
const STATES_MAX = 5_000
const PARTS_MAX = 20_000

/** An automaton grew too large to answer with. */
export class TooLarge extends Error {}

/** A complete deterministic automaton; it begins in state 0. Never changed. */
export class NameSet {
  readonly #next: Uint16Array
  readonly #accepts: readonly boolean[]

  private constructor(next: Uint16Array, accepts: readonly boolean[]) {
    this.#next = next
    this.#accepts = accepts
  }

  /** The names that one of these expressions matches as a whole; larger where one is not `isRegular`. Throws TooLarge. */
  static matching(nodes: readonly PatternNode[]): NameSet {
    return determine(new Parts(nodes.map(withoutOuterEdges)))
  }

  static get all(): NameSet {
    return new NameSet(new Uint16Array(SIZE), [true])
  }

  static get none(): NameSet {
    return new NameSet(new Uint16Array(SIZE), [false])
  }

  static of(next: Uint16Array, accepts: readonly boolean[]): NameSet {
    return new NameSet(next, accepts).#minimal()
  }

  and(other: NameSet): NameSet {
    return this.#with(other, (mine, theirs) => mine && theirs)
  }

  or(other: NameSet): NameSet {
    return this.#with(other, (mine, theirs) => mine || theirs)
  }

  without(other: NameSet): NameSet {
    return this.#with(other, (mine, theirs) => mine && !theirs)
  }

  /** Each of the names with this text before it. */
  after(prefix: string): NameSet {
    const length = prefix.length
    const dead = length + this.#accepts.length
    const next = new Uint16Array((dead + 1) * SIZE).fill(dead)
    for (const [at, char] of [...prefix].entries()) next[at * SIZE + indexOf.get(char)!] = at + 1
    for (const [at, to] of this.#next.entries()) next[length * SIZE + at] = length + to
    const accepts = [...Array.from({ length }, () => false), ...this.#accepts, false]
    return NameSet.of(next, accepts)
  }

  /** A shortest name of the set, if there is any; no name is empty. */
  example(): string | undefined {
    const seen = new Set([0])
    let reached = [{ state: 0, name: '' }]
    while (reached.length > 0) {
      const further: typeof reached = []
      for (const { state, name } of reached) {
        for (let char = 0; char < SIZE; char++) {
          const to = this.#next[state * SIZE + char]!
          if (this.#accepts[to]) return name + ALPHABET[char]
          if (seen.has(to)) continue
          seen.add(to)
          further.push({ state: to, name: name + ALPHABET[char] })
        }
      }
      reached = further
    }
    return undefined
  }

  #with(other: NameSet, accepts: (mine: boolean, theirs: boolean) => boolean): NameSet {
    const width = other.#accepts.length
    return explore(
      0,
      (state, char) => {
        const [mine, theirs] = [Math.floor(state / width), state % width]
        return this.#next[mine * SIZE + char]! * width + other.#next[theirs * SIZE + char]!
      },
      (state) => accepts(this.#accepts[Math.floor(state / width)]!, other.#accepts[state % width]!),
    )
  }

  /** States that no name tells apart are one. */
  #minimal(): NameSet {
    const count = this.#accepts.length
    let classes: number[] = this.#accepts.map((accepts) => (accepts ? 1 : 0))
    for (let known = -1; ; ) {
      const names = new Map<string, number>()
      const finer = classes.map((own, state) => {
        const row = [own]
        for (let char = 0; char < SIZE; char++) row.push(classes[this.#next[state * SIZE + char]!]!)
        const key = row.join(' ')
        if (!names.has(key)) names.set(key, names.size)
        return names.get(key)!
      })
      if (names.size === known) break
      known = names.size
      classes = finer
    }
    // The first state is in class 0, since classes are numbered in the order of their states.
    const sizes = Math.max(...classes) + 1
    const next = new Uint16Array(sizes * SIZE)
    const accepts = Array.from({ length: sizes }, () => false)
    for (let state = 0; state < count; state++) {
      const own = classes[state]!
      accepts[own] = this.#accepts[state]!
      for (let char = 0; char < SIZE; char++) next[own * SIZE + char] = classes[this.#next[state * SIZE + char]!]!
    }
    return new NameSet(next, accepts)
  }
}

/** The automaton of whatever states can be reached, numbered in the order of their discovery. */
function explore(
  first: number,
  to: (state: number, char: number) => number,
  accepts: (state: number) => boolean,
): NameSet {
  const numbers = new Map([[first, 0]])
  const states = [first]
  const rows: number[] = []
  for (let at = 0; at < states.length; at++) {
    for (let char = 0; char < SIZE; char++) {
      const state = to(states[at]!, char)
      if (!numbers.has(state)) {
        if (states.length >= STATES_MAX) throw new TooLarge()
        numbers.set(state, states.length)
        states.push(state)
      }
      rows.push(numbers.get(state)!)
    }
  }
  return NameSet.of(Uint16Array.from(rows), states.map(accepts))
}

/** Whether the expression stands for exactly the set that is made of it. */
export function isRegular(node: PatternNode): boolean {
  return isPlain(withoutOuterEdges(node))
}

function isPlain(node: PatternNode): boolean {
  switch (node.kind) {
    case 'character':
      return true
    case 'sequence':
    case 'choice':
      return node.nodes.every(isPlain)
    case 'group':
      return isPlain(node.node)
    case 'repeat':
      return node.mode !== 'possessive' && isPlain(node.node)
    default:
      return false
  }
}

/** `^` where every name begins and `$` where it ends say nothing. */
function withoutOuterEdges(node: PatternNode): PatternNode {
  if (node.kind === 'edge') return node.edge === 'word' ? node : { kind: 'sequence', nodes: [] }
  if (node.kind === 'group') return withoutOuterEdges(node.node)
  if (node.kind === 'choice') return { kind: 'choice', nodes: node.nodes.map(withoutOuterEdges) }
  if (node.kind !== 'sequence') return node
  const isEdge = (part: PatternNode, edge: 'start' | 'end') => part.kind === 'edge' && part.edge === edge
  const from = node.nodes.findIndex((part) => !isEdge(part, 'start'))
  const last = node.nodes.findLastIndex((part) => !isEdge(part, 'end'))
  return { kind: 'sequence', nodes: from < 0 ? [] : node.nodes.slice(from, last + 1) }
}

/** A nondeterministic automaton: each part is a fork, or one character and where it leads. */
class Parts {
  readonly #forks: number[][] = []
  readonly #characters: (Uint8Array | undefined)[] = []
  readonly #to: number[] = []
  readonly first: number
  readonly end: number

  constructor(nodes: readonly PatternNode[]) {
    this.end = this.#part()
    const starts = nodes.map((node) => this.#before(node, this.end))
    this.first = this.#part()
    this.#forks[this.first]!.push(...starts)
  }

  /** All parts that can be come to from these without a character. */
  closure(parts: Iterable<number>): number[] {
    const reached = new Set<number>()
    const open = [...parts]
    for (let part = open.pop(); part !== undefined; part = open.pop()) {
      if (reached.has(part)) continue
      reached.add(part)
      open.push(...this.#forks[part]!)
    }
    return [...reached].sort((a, b) => a - b)
  }

  step(parts: readonly number[], char: number): number[] {
    return this.closure(parts.filter((part) => this.#characters[part]?.[char]).map((part) => this.#to[part]!))
  }

  #part(): number {
    if (this.#forks.length >= PARTS_MAX) throw new TooLarge()
    this.#characters.push(undefined)
    this.#to.push(-1)
    return this.#forks.push([]) - 1
  }

  /** Where to begin so that, after the node, one is at `end`. */
  #before(node: PatternNode, end: number): number {
    switch (node.kind) {
      case 'character':
        return this.#character(node.js, end)
      case 'sequence':
        return node.nodes.reduceRight((to, part) => this.#before(part, to), end)
      case 'choice': {
        const fork = this.#part()
        for (const part of node.nodes) this.#forks[fork]!.push(this.#before(part, end))
        return fork
      }
      case 'group':
      case 'atomic':
        return this.#before(node.node, end)
      case 'repeat':
        return this.#repeat(node, end)
      default:
        return end
    }
  }

  #character(js: string, end: number): number {
    const part = this.#part()
    const matches = new RegExp(`^${js}$`, 'v')
    this.#characters[part] = Uint8Array.from(ALPHABET, (char) => (matches.test(char) ? 1 : 0))
    this.#to[part] = end
    return part
  }

  #repeat({ node, min, max }: Extract<PatternNode, { kind: 'repeat' }>, end: number): number {
    let to = end
    if (max === Number.POSITIVE_INFINITY) {
      const loop = this.#part()
      this.#forks[loop]!.push(end, this.#before(node, loop))
      to = loop
    } else {
      for (let more = max - min; more > 0; more--) {
        const fork = this.#part()
        this.#forks[fork]!.push(end, this.#before(node, to))
        to = fork
      }
    }
    for (let count = 0; count < min; count++) to = this.#before(node, to)
    return to
  }
}

function determine(parts: Parts): NameSet {
  const sets = [parts.closure([parts.first])]
  const numbers = new Map([[sets[0]!.join(' '), 0]])
  return explore(
    0,
    (state, char) => {
      const reached = parts.step(sets[state]!, char)
      const key = reached.join(' ')
      if (!numbers.has(key)) numbers.set(key, sets.push(reached) - 1)
      return numbers.get(key)!
    },
    (state) => sets[state]!.includes(parts.end),
  )
}
