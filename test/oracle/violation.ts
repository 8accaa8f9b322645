// What counts as wrong, said before anything is run. The names are those of the failures, whoever caused them.

export type ViolationName =
  /** Acknowledged (and committed), owed by now, and not there, nor in a gap that was reported. */
  | 'lost'
  /** As lost, but what should have come was not waited for to the end: late or lost, nobody can tell. */
  | 'unseen'
  /** More often there than it was sent. */
  | 'duplicate'
  /** Behind one that it was in front of. */
  | 'reordered'
  /** Key, value, headers or timestamp differ from what was sent under this id. */
  | 'mutated'
  /** There, and never sent, or sent and refused. */
  | 'phantom'
  /** Of a transaction that was aborted. */
  | 'aborted'
  /** Of a transaction that nobody has asked to commit. */
  | 'precommitted'
  /** A part of a transaction without the rest. */
  | 'torn'
  /** Two values were seen, or acknowledged, at one offset of one log. */
  | 'offset-conflict'
  /** Missing because the source had deleted it, and not said to be. */
  | 'gap-unreported'
  /** Said to be missing, and there. */
  | 'gap-overreported'
  /** A reader that goes on where it is told never gets to it. */
  | 'skipped'
  /** A reader that goes on where it is told gets it again. */
  | 'redelivered'
  /** An offset that should have a place on the other side has none. */
  | 'untranslated'
  /** A group stands behind the end of the log. */
  | 'overcommit'
  /** A group went back, and nobody told it to. */
  | 'rewound'
  /** What never goes back went back: a high watermark, an epoch, an end. */
  | 'went-back'
  /** Told to be there to be read, and not there. */
  | 'unreadable'
  /** Sent as it should be, and refused for being out of order or sent before. */
  | 'refused'
  /** A right on a copy that its source does not give, or that nobody may have on copies. */
  | 'acl-widened'
  /** A config that a copy should share with its source differs; or one that is its own was touched. */
  | 'config-drift'
  /** More memory, or more ado, than there may be. */
  | 'unbounded'

export interface Violation {
  readonly name: ViolationName
  readonly where: string
  readonly count: number
  /** The first of them, for people. */
  readonly first: string
}

/** Gathers what is wrong at one place. */
export class Findings {
  readonly #where: string
  readonly #found = new Map<ViolationName, { count: number; first: string }>()

  constructor(where: string) {
    this.#where = where
  }

  add(name: ViolationName, what: string): void {
    const known = this.#found.get(name)
    if (known) known.count++
    else this.#found.set(name, { count: 1, first: what })
  }

  violations(): Violation[] {
    return [...this.#found].map(([name, found]) => ({ name, where: this.#where, ...found }))
  }
}

export function textOf({ name, where, count, first }: Violation): string {
  return `${name} at ${where}: ${count}, first ${first}`
}
