// Clients from outside that write and read while brokers die: programs that are told their roles and tell, a line of JSON each, what they do
// and what they are told. What they tell becomes a history, which the oracle judges.
//   ["send", PRODUCER, TOPIC, PARTITION, ID, TURN?]   before the record is handed to the client; TURN: of its transaction
//   ["ack", ID, OFFSET]
//   ["begin" | "commit" | "committed" | "abort", PRODUCER, TURN]   "commit" and "abort" before it is asked for
//   ["seen", GROUP, TOPIC, PARTITION, OFFSET, ID]   what a group was handed; it is committed after that
//   ["trouble", ROLE, ERROR]   what clients may meet;  ["wrong", ROLE, …]   what they must not;  ["broken", ROLE, ERROR]   the role is over
//   ["started"]  ["finished"]: nobody writes any more  ["stopped"]
import { eventually } from '../compatibility/gathering.ts'
import type { Command } from '../compatibility/programs/client-program.ts'
import { type Attempt, History, type Transaction } from '../oracle/history.ts'
import { contentOf } from '../oracle/seen-record.ts'
import { ExternalProcess } from '../support/external-process.ts'

export interface Role {
  readonly kind: 'produce' | 'transact' | 'consume' | 'transform'
  /** Of a role with transactions, their id. */
  readonly name: string
  readonly topic: string
  readonly partitions?: number
  /** Records, or transactions. */
  readonly perSecond?: number
  readonly group?: string
  readonly protocol?: 'classic' | 'consumer'
  /** Where a transformation writes. */
  readonly to?: string
}

/** What a group was handed. */
export interface Handed {
  readonly group: string
  readonly log: string
  readonly offset: number
  readonly id: string
}

type Event = readonly [kind: string, ...details: (string | number)[]]

/** A flush and a transaction's time-out may have to run out before a client has ended. */
const endMs = 120_000

export class Workload {
  readonly history = new History()
  readonly handed: Handed[] = []
  /** What no client may meet. */
  readonly wrongs: string[] = []
  /** What clients met, and how often. */
  readonly troubles = new Map<string, number>()
  readonly acks = { records: 0, transactions: 0 }
  /** Roles that have come as far as to be told something by the cluster. */
  readonly #underWay = new Set<string>()
  readonly #baseMs = Date.now()
  readonly #attempts = new Map<string, Attempt>()
  readonly #transactions = new Map<string, Transaction>()
  readonly #programs: ToldProgram[] = []
  readonly #say: (line: string) => void

  constructor(say: (line: string) => void) {
    this.#say = say
  }

  async start(name: string, command: Command, bootstrap: string, roles: readonly Role[]): Promise<void> {
    const job = { bootstrap, baseMs: this.#baseMs, roles }
    const program = new ToldProgram(name, command, job, (event) => this.#heard(event))
    this.#programs.push(program)
    await program.until('started')
  }

  /** Resolves when all that were started write and read: what goes wrong from then on meets them in the middle of it. */
  async areUnderWay(roles: readonly Role[]): Promise<void> {
    await eventually(async () => {
      const idle = roles.filter(
        ({ kind, name, group = name }) => !this.#underWay.has(kind === 'transact' ? `${name} commits` : group),
      )
      if (idle.length > 0) throw new Error(`nothing yet of ${idle.map(({ name }) => name).join(', ')}`)
    }, endMs)
  }

  /** Nothing new is written; resolves when every writer knows what became of what it wrote, or gave up. */
  async finish(): Promise<void> {
    await Promise.all(this.#programs.map((program) => program.tell('finish', 'finished')))
  }

  /** Resolves when readers have left their groups, and the programs have ended. */
  async stop(): Promise<void> {
    await Promise.all(this.#programs.map((program) => program.tell('stop', 'stopped')))
  }

  async kill(): Promise<void> {
    await Promise.all(this.#programs.map((program) => program.kill()))
  }

  #heard([kind, ...details]: Event): void {
    const [role, second, third, fourth, fifth] = details
    if (kind === 'send') this.#sent(String(role), `${second}-${third}`, String(fourth), fifth)
    else if (kind === 'ack') {
      this.acks.records++
      this.#attempts.get(String(role))!.ok(Number(second))
      this.#underWay.add(producerOf(String(role)))
    } else if (kind === 'begin') {
      const name = `${role}:${second}`
      this.#transactions.set(name, this.history.begin(name))
    } else if (kind === 'seen') {
      this.#underWay.add(String(role))
      this.handed.push({ group: String(role), log: `${second}-${third}`, offset: Number(fourth), id: String(fifth) })
    } else if (kind === 'trouble') {
      const what = `${role}: ${String(second).slice(0, 160)}`
      this.troubles.set(what, (this.troubles.get(what) ?? 0) + 1)
      this.#say(what)
    } else if (kind === 'wrong' || kind === 'broken') this.wrongs.push(`${kind} ${details.join(' ')}`)
    else this.#ended(kind, `${role}:${second}`)
  }

  #sent(producer: string, log: string, id: string, turn: number | string | undefined): void {
    const transaction = turn === undefined ? undefined : this.#transactions.get(`${producer}:${turn}`)
    const content = contentIn(log, id, this.#baseMs)
    this.#attempts.set(id, this.history.invoke(producer, log, [{ id, content }], transaction))
  }

  #ended(kind: string, name: string): void {
    const transaction = this.#transactions.get(name)
    if (!transaction) return
    if (kind === 'commit') transaction.fate = 'committing'
    else if (kind === 'abort') transaction.fate = 'aborted'
    else if (kind === 'committed') {
      transaction.fate = 'committed'
      this.acks.transactions++
      this.#underWay.add(`${name.slice(0, name.lastIndexOf(':'))} commits`)
    }
  }
}

/** An id is `#PRODUCER:NUMBER`. */
function producerOf(id: string): string {
  return id.slice(1, id.lastIndexOf(':'))
}

const fillerMax = 500

/** What the programs put under the id: its number decides. */
function contentIn(log: string, id: string, baseMs: number): string {
  const number = Number(id.slice(id.lastIndexOf(':') + 1))
  const partition = log.slice(log.lastIndexOf('-') + 1)
  const value = Buffer.from(`${id} ${'x'.repeat(number % fillerMax)}`)
  return contentOf({ timestamp: baseMs + number, key: Buffer.from(`k${partition}`), value, headers: [] })
}

class ToldProgram {
  readonly #name: string
  readonly #process: ExternalProcess
  readonly #told = new Set<string>()

  constructor(name: string, { command, args, env = {} }: Command, job: object, heard: (event: Event) => void) {
    this.#name = name
    const onLine = (line: string) => {
      // Libraries print, too.
      if (!line.startsWith('["')) return
      const event = JSON.parse(line) as Event
      if (event.length === 1) this.#told.add(event[0])
      else heard(event)
    }
    this.#process = new ExternalProcess(command, [...args, JSON.stringify(job)], { env, onLine })
  }

  until(event: string): Promise<void> {
    return this.#process.until(() => this.#told.has(event), `${this.#name} said that it has ${event}`, endMs)
  }

  tell(what: string, until: string): Promise<void> {
    this.#process.write(`${what}\n`)
    return this.until(until)
  }

  async kill(): Promise<void> {
    await this.#process.kill()
  }
}
