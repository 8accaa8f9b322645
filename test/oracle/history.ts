// What programs did and were told, as plain events that know nothing of the implementation under test. A log is a name, such as
// `east/orders-0`: cluster, topic, partition.
import type { SeenRecord } from './seen-record.ts'

/** `info`: nobody knows; it may be there, once. */
type Fate = 'info' | 'ok' | 'fail'

export interface Transaction {
  readonly name: string
  /** `committing`: asked for, and not answered. */
  fate: 'open' | 'committing' | 'committed' | 'aborted'
}

/** One record on its way into a log. */
export interface Send {
  readonly producer: string
  readonly log: string
  readonly id: string
  readonly content: string
  readonly transaction: Transaction | undefined
  readonly fate: Fate
  /** Where it was said to be. */
  readonly offset: number | undefined
}

/** Records that are sent together and meet one fate. */
export interface Attempt {
  ok(baseOffset: number): void
  fail(): void
}

/** A number that somebody was told; `asked` and `answered` are moments of one clock. */
export interface Answer {
  readonly value: number
  readonly asked: number
  readonly answered: number
}

export interface Poll {
  readonly reader: string
  readonly log: string
  readonly record: SeenRecord
  readonly atMs: number
}

export class History {
  readonly transactions: Transaction[] = []
  readonly polls: Poll[] = []
  /** Where groups were found, look after look, and where the log ended right after. */
  readonly positions: { readonly group: string; readonly log: string; offset: number; endOffset: number }[] = []
  readonly translations: { readonly from: string; readonly to: string; upstream: number; downstream: number }[] = []
  /** By what was asked: the answers, in the order in which they came. */
  readonly answers = new Map<string, Answer[]>()
  /** Ends of logs that were told, and up to where the same leader let them be read right after. */
  readonly toldEnds: { readonly log: string; readonly told: number; readonly readable: number }[] = []
  /** What was sent as it should be and refused. */
  readonly refusals: { readonly log: string; readonly what: string }[] = []
  readonly #sends = new Map<string, Send[]>()

  /** Records are invoked before anything is sent; until told otherwise nobody knows. */
  invoke(
    producer: string,
    log: string,
    records: readonly Omit<SeenRecord, 'offset'>[],
    transaction?: Transaction,
  ): Attempt {
    const sends = records.map(({ id, content }) => ({
      ...{ producer, log, id, content, transaction },
      fate: 'info' as Fate,
      offset: undefined as number | undefined,
    }))
    const known = this.#sends.get(log)
    if (known) known.push(...sends)
    else this.#sends.set(log, [...sends])
    return {
      ok: (baseOffset) => {
        for (const [at, send] of sends.entries()) Object.assign(send, { fate: 'ok', offset: baseOffset + at })
      },
      fail: () => {
        for (const send of sends) send.fate = 'fail'
      },
    }
  }

  begin(name: string): Transaction {
    const transaction: Transaction = { name, fate: 'open' }
    this.transactions.push(transaction)
    return transaction
  }

  /** In the order in which they were invoked. */
  sendsTo(log: string): readonly Send[] {
    return this.#sends.get(log) ?? []
  }

  logs(): readonly string[] {
    return [...this.#sends.keys()]
  }

  get size(): number {
    return [...this.#sends.values()].reduce((sum, { length }) => sum + length, 0)
  }

  /** A group was handed the record, and has done with it. */
  polled(reader: string, log: string, record: SeenRecord, atMs: number): void {
    this.polls.push({ reader, log, record, atMs })
  }

  told(what: string, answer: Answer): void {
    const known = this.answers.get(what)
    if (known) known.push(answer)
    else this.answers.set(what, [answer])
  }

  toldEnd(log: string, told: number, readable: number): void {
    this.toldEnds.push({ log, told, readable })
  }

  refused(log: string, what: string): void {
    this.refusals.push({ log, what })
  }

  stood(group: string, log: string, offset: number, endOffset: number): void {
    this.positions.push({ group, log, offset, endOffset })
  }

  translated(from: string, upstream: number, to: string, downstream: number): void {
    this.translations.push({ from, to, upstream, downstream })
  }

  /**
   * What the log held for readers of committed data, as far as anybody was told: what was acknowledged with its place, and what
   * was read in the end. It outlives what the cluster itself has deleted since.
   */
  truthOf(log: string, read: readonly SeenRecord[]): SeenRecord[] {
    const byOffset = new Map(read.map((record) => [record.offset, record]))
    for (const { id, content, offset, fate, transaction } of this.sendsTo(log))
      if (fate === 'ok' && offset !== undefined && (transaction?.fate ?? 'committed') === 'committed')
        if (!byOffset.has(offset)) byOffset.set(offset, { offset, id, content })
    return [...byOffset.values()].sort((one, other) => one.offset - other.offset)
  }
}
