// The truth of the demo: what was acknowledged to the producer, and what each group made of it. Every record carries its
// origin (the cluster it was produced to) and a number that counts up without gaps per origin, topic and partition. So a
// loss, a repetition and a swap all show as numbers out of line, whichever cluster the record is read from.

export interface RecordId {
  readonly origin: string
  readonly topic: string
  readonly partition: number
  readonly sequence: number
}

export interface GroupAccount {
  readonly group: string
  processed: number
  /** Seen again: the group went back over records it had already processed. */
  reread: number
  /** Jumped over, at the moment of the jump. */
  skipped: number
}

export interface CopyAccount {
  records: number
  missing: number
  duplicated: number
  reordered: number
}

export const idText = (id: RecordId) => `${id.origin}/${id.topic}/${id.partition}/${id.sequence}`

export function parseId(text: string): RecordId | undefined {
  const match = /^([^/]+)\/([^/]+)\/(\d+)\/(\d+)$/.exec(text)
  return match
    ? { origin: match[1]!, topic: match[2]!, partition: Number(match[3]), sequence: Number(match[4]) }
    : undefined
}

const logText = ({ origin, topic, partition }: Omit<RecordId, 'sequence'>) => `${origin}/${topic}/${partition}`

export class Ledger {
  /** Per log: how many records were acknowledged; their sequences are 0 … count − 1. */
  readonly #acknowledged = new Map<string, number>()
  readonly #expected = new Map<string, number>()
  readonly #groups = new Map<string, GroupAccount>()

  acknowledge(id: RecordId): void {
    this.#acknowledged.set(logText(id), id.sequence + 1)
  }

  acknowledged(log: Omit<RecordId, 'sequence'>): number {
    return this.#acknowledged.get(logText(log)) ?? 0
  }

  get total(): number {
    return [...this.#acknowledged.values()].reduce((sum, count) => sum + count, 0)
  }

  /** The logs of an origin, as `{ topic, partition }`. */
  *logs(origin: string): Iterable<Omit<RecordId, 'sequence'>> {
    for (const log of this.#acknowledged.keys()) {
      const { topic, partition, origin: from } = parseId(`${log}/0`)!
      if (from === origin) yield { origin, topic, partition }
    }
  }

  process(group: string, id: RecordId): void {
    const account = this.account(group)
    const key = `${group} ${logText(id)}`
    const expected = this.#expected.get(key) ?? 0
    account.processed += 1
    if (id.sequence < expected) account.reread += 1
    else {
      account.skipped += id.sequence - expected
      this.#expected.set(key, id.sequence + 1)
    }
  }

  account(group: string): GroupAccount {
    let account = this.#groups.get(group)
    if (!account) {
      account = { group, processed: 0, reread: 0, skipped: 0 }
      this.#groups.set(group, account)
    }
    return account
  }

  accounts(): readonly GroupAccount[] {
    return [...this.#groups.values()]
  }

  /** Whether the group has processed everything that was acknowledged in that log. */
  caughtUp(group: string, log: Omit<RecordId, 'sequence'>): boolean {
    return (this.#expected.get(`${group} ${logText(log)}`) ?? 0) >= this.acknowledged(log)
  }

  /**
   * Compares a copy, read in full and in order, with what was acknowledged. Records behind the acknowledged ones may be there
   * (their acknowledgement was on its way when a cluster was cut), but in line.
   */
  compare(log: Omit<RecordId, 'sequence'>, copy: readonly number[]): CopyAccount {
    const account = { records: copy.length, missing: 0, duplicated: 0, reordered: 0 }
    const seen = new Set<number>()
    let last = -1
    for (const sequence of copy) {
      if (seen.has(sequence)) account.duplicated += 1
      else if (sequence < last) account.reordered += 1
      seen.add(sequence)
      last = Math.max(last, sequence)
    }
    for (let sequence = 0; sequence < this.acknowledged(log); sequence++) if (!seen.has(sequence)) account.missing += 1
    return account
  }
}
