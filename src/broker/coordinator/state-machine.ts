// The one pattern for durable broker state: groups, transactions and the controller are each a StateMachine, hosted on a log by
// `runtime.ts`. A machine has no clock, no socket and no randomness: time and fresh ids are arguments, timers are effects.

/** Names the caller that waits for a reply; drawn by the host, opaque to the machine. */
export type RequestId = number

/** The request id of commands that nobody waits for: timers and the host's own notices. */
export const NO_REQUEST: RequestId = 0

export const NO_PRODUCER = -1

/** Where a replayed record stands in its log. */
export interface RecordOrigin {
  readonly offset: number
  /** In whose transaction: the record counts once that is committed. NO_PRODUCER: in none, so it counts at once. */
  readonly producerId: number
}

/**
 * Two kinds of method only. `handle` decides: it reads the state, may change what would be lost in a crash anyway (who waits, who is
 * joining), and returns the records that make the decision durable. `replay` changes what is durable, live and at load alike.
 *
 * 1. What `replay` and `replayMarker` did to the state depends on the log alone, in its order; so a machine rebuilt from the log is the
 *    same machine.
 * 2. `replay` cannot fail: a record was decided before it was written.
 * 3. The host calls `replay` for each record of an `Effects` before it calls `handle` again.
 */
export interface StateMachine<Command, Rec, Reply> {
  handle(id: RequestId, command: Command, nowMs: number): Effects<Command, Rec, Reply>
  replay(record: Rec, origin: RecordOrigin): void
  /** Of machines whose log takes transactional records: what this producer's open transaction holds counts now, or never will. */
  replayMarker?(producerId: number, committed: boolean): void
  /** Whether the command only asks: it is handled also while nothing can be written. */
  isRead?(command: Command): boolean
  /** Called once after the log is replayed: the place to arm the timers that the state implies. */
  loaded(nowMs: number): Effects<Command, Rec, Reply>
}

export interface Effects<Command, Rec, Reply> {
  /** Appended to the log as one unit, in this order. */
  readonly records: readonly Rec[]
  /** The records belong to this producer's transaction. */
  readonly producer?: { readonly producerId: number; readonly producerEpoch: number } | undefined
  /** Released once everything decided so far is committed. */
  readonly replies: readonly { readonly id: RequestId; readonly reply: Reply }[]
  readonly timers: readonly TimerEffect<Command>[]
  /** Handled as soon as the records are in, before anybody is answered: nobody sees the state between. */
  readonly follows?: readonly Command[]
}

/** Sets the timer `key` anew, replacing one that is pending, or only cancels it when there is no command. */
export interface TimerEffect<Command> {
  readonly key: string
  readonly delayMs: number
  readonly command: Command | undefined
}

/** Gathers the effects of one command while its rules run. */
export class Outcome<Command, Rec, Reply> implements Effects<Command, Rec, Reply> {
  readonly records: Rec[] = []
  readonly replies: { id: RequestId; reply: Reply }[] = []
  readonly timers: TimerEffect<Command>[] = []
  readonly follows: Command[] = []
  producer: Effects<Command, Rec, Reply>['producer']

  record(record: Rec): void {
    this.records.push(record)
  }

  reply(id: RequestId, reply: Reply): void {
    if (id !== NO_REQUEST) this.replies.push({ id, reply })
  }

  follow(command: Command): void {
    this.follows.push(command)
  }

  setTimer(key: string, delayMs: number, command: Command): void {
    this.timers.push({ key, delayMs, command })
  }

  cancelTimer(key: string): void {
    this.timers.push({ key, delayMs: 0, command: undefined })
  }
}
