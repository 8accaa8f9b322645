// A pattern as a program of small steps, run so that no step is taken twice at one place of a name: whatever the pattern, the time grows
// with the length of the name, not with the number of ways in which it could be matched. JavaScript's own engine is faster for most
// patterns and has no such bound: `(a+)+b` would keep it busy for ever with a name that anybody may give to a topic.
//
// What was tried and failed at a place fails there again, because no step asks what a group matched: so to leave it out changes neither
// the answer nor the groups, which are those of the first way in Java's order.
import { PatternError, type PatternNode } from './pattern-parser.ts'

type Step =
  | { readonly op: 'character'; readonly matches: (char: string) => boolean; readonly next: number }
  /** Two ways to go on, the first before the second; the second is known after the steps of the first. */
  | { readonly op: 'fork'; readonly first: number; readonly second: number }
  | { readonly op: 'edge'; readonly here: RegExp; readonly next: number }
  /** Notes the place: of group n at 2n its start, at 2n + 1 its end. */
  | { readonly op: 'note'; readonly slot: number; readonly next: number }
  | { readonly op: 'look'; readonly open: string; readonly inner: number; readonly next: number }
  /** Goes on behind the first way through, and comes back to no other. */
  | { readonly op: 'atomic'; readonly inner: number; readonly next: number }
  | { readonly op: 'end' }

/** What a program repeats is written out; Kafka's names have 249 characters at most. */
const STEPS_MAX = 20_000

type Places = readonly (number | undefined)[]

export class PatternProgram {
  readonly #steps: Step[] = []
  readonly #end: number
  readonly #start: number

  /** Throws a PatternError where it comes to too many steps. */
  constructor(node: PatternNode) {
    this.#end = this.#step({ op: 'end' })
    this.#start = this.#before(node, this.#end)
  }

  /** Where each group begins and ends in the name, or undefined when the whole of it is not matched. */
  run(name: string): Places | undefined {
    return new Run(this.#steps, name).whole(this.#start)
  }

  #step(step: Step): number {
    if (this.#steps.length >= STEPS_MAX) throw new PatternError(`what it repeats comes to over ${STEPS_MAX} steps`, 0)
    return this.#steps.push(step) - 1
  }

  /** The step to begin with, so that after the node comes `next`. */
  #before(node: PatternNode, next: number): number {
    switch (node.kind) {
      case 'character':
        return this.#step({ op: 'character', matches: characterOf(node.js), next })
      case 'edge':
        return this.#step({ op: 'edge', here: new RegExp(node.js, 'vy'), next })
      case 'sequence':
        return node.nodes.reduceRight((to, part) => this.#before(part, to), next)
      case 'choice':
        return node.nodes
          .map((part) => this.#before(part, next))
          .reduceRight((second, first) => this.#step({ op: 'fork', first, second }))
      case 'group': {
        const { number } = node
        const closed = this.#step({ op: 'note', slot: 2 * number + 1, next })
        return this.#step({ op: 'note', slot: 2 * number, next: this.#before(node.node, closed) })
      }
      case 'look':
        return this.#step({ op: 'look', open: node.open, inner: this.#before(node.node, this.#end), next })
      case 'atomic':
        return this.#step({ op: 'atomic', inner: this.#before(node.node, this.#end), next })
      case 'repeat':
        if (node.mode !== 'possessive') return this.#repeat(node, next)
        return this.#step({ op: 'atomic', inner: this.#repeat(node, this.#end), next })
    }
  }

  #repeat({ node, min, max, mode }: Extract<PatternNode, { kind: 'repeat' }>, next: number): number {
    const fork = (again: number, on: number): Step =>
      mode === 'lazy' ? { op: 'fork', first: on, second: again } : { op: 'fork', first: again, second: on }
    let to = next
    if (max === Number.POSITIVE_INFINITY) {
      to = this.#step({ op: 'end' })
      this.#steps[to] = fork(this.#before(node, to), next)
    } else for (let more = max - min; more > 0; more--) to = this.#step(fork(this.#before(node, to), next))
    for (let count = 0; count < min; count++) to = this.#before(node, to)
    return to
  }
}

function characterOf(js: string): (char: string) => boolean {
  const pattern = new RegExp(`^${js}$`, 'v')
  const known = new Map<string, boolean>()
  return (char) => {
    // Names are made of few characters; a name that is not has no say in how much is remembered.
    if (char > '\x7f') return pattern.test(char)
    const answer = known.get(char) ?? pattern.test(char)
    known.set(char, answer)
    return answer
  }
}

/** What is left to be tried, or a note to be taken back on the way there. */
type Open =
  | { readonly step: number; readonly at: number }
  | { readonly slot: number; readonly place: number | undefined }

class Run {
  readonly #steps: readonly Step[]
  readonly #name: string
  readonly #chars: readonly string[]
  /** Where each character begins, and the end. */
  readonly #places: readonly number[]
  #notes: (number | undefined)[] = []
  /** What is looked for from a place within the pattern is looked for once: where it ends, with its notes; null: nowhere. */
  readonly #found = new Map<number, { readonly to: number; readonly notes: Places } | null>()

  constructor(steps: readonly Step[], name: string) {
    this.#steps = steps
    this.#name = name
    this.#chars = [...name]
    const places = [0]
    for (const [at, { length }] of this.#chars.entries()) places.push(places[at]! + length)
    this.#places = places
  }

  whole(start: number): Places | undefined {
    return this.#from(start, 0, this.#chars.length) === undefined ? undefined : this.#notes
  }

  /** The character at which the first way through ends; with `to` only a way counts that ends there. */
  #from(start: number, from: number, to?: number): number | undefined {
    const width = this.#chars.length + 1
    const tried = new Uint8Array(Math.ceil((this.#steps.length * width) / 8))
    const open: Open[] = [{ step: start, at: from }]
    for (let next = open.pop(); next !== undefined; next = open.pop()) {
      if ('slot' in next) {
        this.#notes[next.slot] = next.place
        continue
      }
      let { step: number, at }: { step: number; at: number | undefined } = next
      while (at !== undefined) {
        const bit: number = number * width + at
        if (tried[bit >> 3]! & (1 << (bit & 7))) break
        tried[bit >> 3]! |= 1 << (bit & 7)
        const step: Step = this.#steps[number]!
        if (step.op === 'end') {
          if (to === undefined || at === to) return at
          break
        }
        if (step.op === 'fork') {
          open.push({ step: step.second, at })
          number = step.first
          continue
        }
        if (step.op === 'note') {
          open.push({ slot: step.slot, place: this.#notes[step.slot] })
          this.#notes[step.slot] = this.#places[at]
        } else if (step.op === 'look' || step.op === 'atomic') {
          const before = [...this.#notes]
          at = this.#pass(step, number, at)
          for (const [slot, place] of this.#notes.entries())
            if (place !== before[slot]) open.push({ slot, place: before[slot] })
        } else at = this.#pass(step, number, at)
        number = step.next
      }
    }
    return undefined
  }

  /** Where to go on behind the step; undefined: it does not match. */
  #pass(step: Exclude<Step, { op: 'end' | 'fork' | 'note' }>, number: number, at: number): number | undefined {
    switch (step.op) {
      case 'character':
        return at < this.#chars.length && step.matches(this.#chars[at]!) ? at + 1 : undefined
      case 'edge':
        step.here.lastIndex = this.#places[at]!
        return step.here.test(this.#name) ? at : undefined
      case 'atomic':
        return this.#once(number, at, () => this.#from(step.inner, at))
      case 'look': {
        const isBehind = step.open.startsWith('(?<')
        const look = () => (isBehind ? this.#behind(step.inner, at) : this.#from(step.inner, at))
        const isThere = this.#once(number, at, look) !== undefined
        return isThere === !step.open.endsWith('!') ? at : undefined
      }
    }
  }

  /** The nearest place from which it leads here. */
  #behind(inner: number, at: number): number | undefined {
    for (let from = at; from >= 0; from--) if (this.#from(inner, from, at) !== undefined) return at
    return undefined
  }

  #once(number: number, at: number, look: () => number | undefined): number | undefined {
    const key = number * (this.#chars.length + 1) + at
    const before = this.#notes
    let found = this.#found.get(key)
    if (found === undefined) {
      this.#notes = [...before]
      const to = look()
      found = to === undefined ? null : { to, notes: this.#notes }
      this.#found.set(key, found)
    }
    this.#notes = before
    if (!found) return undefined
    for (const [slot, place] of found.notes.entries()) if (place !== undefined) this.#notes[slot] = place
    return found.to
  }
}

/** In how many ways a name of this length may be tried, at most. */
export function waysOf(node: PatternNode, length: number): number {
  switch (node.kind) {
    case 'character':
    case 'edge':
      return 1
    case 'sequence':
      return node.nodes.reduce((ways, part) => ways * waysOf(part, length), 1)
    case 'choice':
      return node.nodes.reduce((ways, part) => ways + waysOf(part, length), 0)
    case 'group':
    case 'look':
    case 'atomic':
      return waysOf(node.node, length)
    case 'repeat': {
      if (node.node.kind === 'character') return Math.max(1, Math.min(node.max, length) - node.min + 1)
      const ways = waysOf(node.node, length)
      if (node.max <= 1) return 1 + ways
      return node.min === node.max ? ways ** node.min : Number.POSITIVE_INFINITY
    }
  }
}
