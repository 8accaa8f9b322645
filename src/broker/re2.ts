// Regular expressions as clients send them (to subscribe, to list): the dialect of RE2/J, matched against whole names, in a time that
// grows with the name and the expression alone, so that no client can keep the broker busy with one. An expression becomes a program of
// few instructions, and a match goes through the name once with all places in the program that are possible so far.

import { type Edge, type Node, Parser, Re2SyntaxError, type Test } from './re2-parser.ts'

/** Counted repetition copies its operand; a larger program is refused. */
const PROGRAM_MAX = 20_000
const STEP_MAX = 0xffff_ffff

type Instruction =
  | { readonly kind: 'character'; readonly test: Test }
  | { readonly kind: 'edge'; readonly test: Edge }
  | { readonly kind: 'fork'; readonly to: readonly number[] }
  | { readonly kind: 'end' }

export class Re2 {
  readonly #program: readonly Instruction[]
  /** Of each place the step in which it was last come to: what tells the places of one step apart without a set for each. */
  readonly #steps: Uint32Array
  #step = 0
  /** Empty between two calls of `#reach`. */
  readonly #open: number[] = []

  private constructor(program: readonly Instruction[]) {
    this.#program = program
    this.#steps = new Uint32Array(program.length)
  }

  /** Throws a Re2SyntaxError. */
  static compile(pattern: string): Re2 {
    const program: Instruction[] = []
    emit(program, new Parser(pattern).parse())
    program.push({ kind: 'end' })
    return new Re2(program)
  }

  /** Whether the expression stands for the whole of the text. */
  matches(text: string): boolean {
    const characters = [...text]
    let places: number[] = []
    let next: number[] = []
    this.#beginStep()
    this.#reach(0, undefined, characters[0], places)
    for (let i = 0; i < characters.length && places.length > 0; i++) {
      const character = characters[i]!
      this.#beginStep()
      for (const place of places) {
        const instruction = this.#program[place]!
        if (instruction.kind === 'character' && instruction.test(character)) {
          this.#reach(place + 1, character, characters[i + 1], next)
        }
      }
      const spent = places
      places = next
      next = spent
      next.length = 0
    }
    return places.includes(this.#program.length - 1)
  }

  #beginStep(): void {
    if (this.#step === STEP_MAX) this.#steps.fill(0)
    this.#step = this.#step === STEP_MAX ? 1 : this.#step + 1
  }

  /** All places that can be come to from this one without a further character; only where a character or the end is. */
  #reach(start: number, before: string | undefined, after: string | undefined, into: number[]): void {
    const open = this.#open
    open.push(start)
    for (let place = open.pop(); place !== undefined; place = open.pop()) {
      if (this.#steps[place] === this.#step) continue
      this.#steps[place] = this.#step
      const instruction = this.#program[place]!
      if (instruction.kind === 'fork') for (const each of instruction.to) open.push(each)
      else if (instruction.kind !== 'edge') into.push(place)
      else if (instruction.test(before, after)) open.push(place + 1)
    }
  }
}

function emit(program: Instruction[], node: Node) {
  if (program.length > PROGRAM_MAX) throw new Re2SyntaxError('expression too large')
  switch (node.kind) {
    case 'character':
    case 'edge':
      program.push(node)
      return
    case 'sequence':
      for (const each of node.nodes) emit(program, each)
      return
    case 'choice':
      return emitChoice(program, node.nodes)
    case 'repeat':
      return emitRepeat(program, node)
  }
}

function emitChoice(program: Instruction[], nodes: readonly Node[]): void {
  const starts: number[] = []
  const ends: number[][] = []
  program.push({ kind: 'fork', to: starts })
  for (const node of nodes) {
    starts.push(program.length)
    emit(program, node)
    const end: number[] = []
    ends.push(end)
    program.push({ kind: 'fork', to: end })
  }
  for (const end of ends) end.push(program.length)
}

function emitRepeat(program: Instruction[], { node, min, max }: Extract<Node, { kind: 'repeat' }>): void {
  for (let i = 0; i < min; i++) emit(program, node)
  const exits: number[][] = []
  for (let i = min; i < (max === Infinity ? min + 1 : max); i++) {
    const to = [program.length + 1]
    exits.push(to)
    program.push({ kind: 'fork', to })
    const start = program.length - 1
    emit(program, node)
    if (max === Infinity) program.push({ kind: 'fork', to: [start] })
  }
  for (const exit of exits) exit.push(program.length)
}
