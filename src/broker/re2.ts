// Regular expressions as clients send them (to subscribe, to list): the dialect of RE2/J, matched against whole names, in a time that grows with
// the name and the expression alone, so that no client can keep the broker busy with one. An expression becomes a program of few
// instructions, and a match goes through the name once with the set of all places in the program that are possible so far.

import { type Edge, type Node, Parser, Re2SyntaxError, type Test } from './re2-parser.ts'

/** Counted repetition copies its operand; a larger program is refused. */
const PROGRAM_MAX = 20_000

type Instruction =
  | { readonly kind: 'character'; readonly test: Test }
  | { readonly kind: 'edge'; readonly test: Edge }
  | { readonly kind: 'fork'; readonly to: readonly number[] }
  | { readonly kind: 'end' }

export class Re2 {
  readonly #program: readonly Instruction[]

  private constructor(program: readonly Instruction[]) {
    this.#program = program
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
    let places = this.#reach([0], undefined, characters[0])
    for (let i = 0; i < characters.length && places.size > 0; i++) {
      const next: number[] = []
      for (const place of places) {
        const instruction = this.#program[place]!
        if (instruction.kind === 'character' && instruction.test(characters[i]!)) next.push(place + 1)
      }
      places = this.#reach(next, characters[i], characters[i + 1])
    }
    return places.has(this.#program.length - 1)
  }

  /** All places that can be come to without a further character. */
  #reach(starts: readonly number[], before: string | undefined, after: string | undefined): Set<number> {
    const reached = new Set<number>()
    const open = [...starts]
    while (open.length > 0) {
      const place = open.pop()!
      if (reached.has(place)) continue
      reached.add(place)
      const instruction = this.#program[place]!
      if (instruction.kind === 'fork') open.push(...instruction.to)
      if (instruction.kind === 'edge' && instruction.test(before, after)) open.push(place + 1)
    }
    return reached
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
