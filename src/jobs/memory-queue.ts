// The queue inside the process: what runs when nothing else is configured. Keeps the promises of `JobQueue` on the
// machine's clock; nothing outlives the process, which suits jobs that repeat anyway.
import { HeliostatError } from '../platform/errors.ts'
import type { Platform, Timer } from '../platform/platform.ts'
import type { Job, JobOutcome, JobQueue, JobStatus } from './jobs.ts'

export interface RetryOptions {
  readonly firstDelayMs: number
  readonly delayMaxMs: number
}

export class MemoryQueue implements JobQueue {
  readonly #platform: Platform
  readonly #retry: RetryOptions
  readonly #entries = new Map<string, Entry>()
  #closed = false

  constructor(platform: Platform, retry: RetryOptions = { firstDelayMs: 500, delayMaxMs: 60_000 }) {
    this.#platform = platform
    this.#retry = retry
  }

  add(job: Job): void {
    if (this.#closed) throw new HeliostatError('HEL_CLOSED', `job ${job.name} was added to a queue that is closed`)
    if (this.#entries.has(job.name)) throw new HeliostatError('HEL_DUPLICATE', `a job named ${job.name} exists`)
    const entry = new Entry(job, this.#platform, this.#retry)
    this.#entries.set(job.name, entry)
    entry.schedule(0)
  }

  async remove(name: string): Promise<void> {
    const entry = this.#entries.get(name)
    await entry?.close()
    if (this.#entries.get(name) === entry) this.#entries.delete(name)
  }

  runNow(name: string): Promise<JobOutcome> {
    const entry = this.#entries.get(name)
    if (entry === undefined) throw new HeliostatError('HEL_UNKNOWN_JOB', `there is no job named ${name}`)
    return entry.runNow()
  }

  list(): readonly JobStatus[] {
    return [...this.#entries.values()].map((entry) => entry.status())
  }

  async close(): Promise<void> {
    this.#closed = true
    await Promise.all([...this.#entries.keys()].map((name) => this.remove(name)))
  }
}

/**
 * One job on the queue.
 *
 * 1. At most one of `#timer` and `#running` is set; both are unset only when it is closed.
 * 2. `#wanted` runs are owed to callers of `runNow` who came while one was under way.
 */
class Entry {
  readonly #job: Job
  readonly #platform: Platform
  readonly #retry: RetryOptions
  #timer: Timer | undefined
  #nextStart: number | undefined
  #running: Promise<JobOutcome> | undefined
  #abort: AbortController | undefined
  #wanted: PromiseWithResolvers<JobOutcome> | undefined
  #closed = false
  #last: Pick<JobStatus, 'lastStart' | 'lastDurationMs' | 'lastOutcome' | 'lastMessage'> = {}
  #runs = 0
  #failures = 0
  #failuresInARow = 0

  constructor(job: Job, platform: Platform, retry: RetryOptions) {
    this.#job = job
    this.#platform = platform
    this.#retry = retry
  }

  schedule(delayMs: number): void {
    this.#nextStart = this.#platform.clock.now() + delayMs
    this.#timer = this.#platform.clock.setTimer(delayMs, () => this.#start())
  }

  runNow(): Promise<JobOutcome> {
    if (this.#closed) throw new HeliostatError('HEL_CLOSED', `job ${this.#job.name} has ended`)
    if (this.#running === undefined) return this.#start()
    this.#wanted ??= Promise.withResolvers()
    return this.#wanted.promise
  }

  status(): JobStatus {
    const state = this.#running === undefined ? 'waiting' : this.#abort?.signal.aborted ? 'overdue' : 'running'
    return {
      name: this.#job.name,
      everyMs: this.#job.everyMs,
      state,
      ...this.#last,
      ...(state === 'waiting' && this.#nextStart !== undefined ? { nextStart: this.#nextStart } : {}),
      runs: this.#runs,
      failures: this.#failures,
      failuresInARow: this.#failuresInARow,
    }
  }

  async close(): Promise<void> {
    this.#closed = true
    this.#timer?.cancel()
    this.#abort?.abort(new HeliostatError('HEL_CLOSED', `job ${this.#job.name} is ended`))
    await this.#running
  }

  #start(): Promise<JobOutcome> {
    this.#timer?.cancel()
    this.#timer = undefined
    this.#nextStart = undefined
    const startedAt = this.#platform.clock.monotonic()
    this.#running = this.#run(startedAt).then((outcome) => {
      this.#running = undefined
      this.#follow(outcome, startedAt)
      return outcome
    })
    return this.#running
  }

  async #run(startedAt: number): Promise<JobOutcome> {
    const { clock } = this.#platform
    const abort = new AbortController()
    this.#abort = abort
    const late = new HeliostatError('HEL_TIMEOUT', `took longer than ${this.#job.timeoutMs} ms`, { retriable: true })
    let timedOut = false
    const timer = clock.setTimer(this.#job.timeoutMs, () => {
      timedOut = true
      abort.abort(late)
    })
    const lastStart = clock.now()
    let outcome: JobOutcome = 'done'
    let lastMessage: string
    try {
      lastMessage = await this.#job.run(abort.signal)
    } catch (error) {
      outcome = 'failed'
      lastMessage = error instanceof Error ? error.message : String(error)
    }
    timer.cancel()
    if (timedOut) {
      outcome = 'timed out'
      lastMessage = late.message
    }
    this.#last = { lastStart, lastDurationMs: clock.monotonic() - startedAt, lastOutcome: outcome, lastMessage }
    return outcome
  }

  #follow(outcome: JobOutcome, startedAt: number): void {
    this.#runs++
    if (outcome === 'done') this.#failuresInARow = 0
    else this.#failed()
    const wanted = this.#wanted
    this.#wanted = undefined
    if (this.#closed) wanted?.resolve(outcome)
    else if (wanted !== undefined) this.#start().then(wanted.resolve)
    else this.schedule(outcome === 'done' ? this.#untilNext(startedAt) : this.#retryDelay())
  }

  #failed(): void {
    this.#failures++
    this.#failuresInARow++
    if (this.#closed) return
    const fields = { job: this.#job.name, failuresInARow: this.#failuresInARow }
    this.#platform.log.warn('job.failed', `job ${this.#job.name} failed: ${this.#last.lastMessage}`, fields)
  }

  #untilNext(startedAt: number): number {
    return Math.max(0, startedAt + this.#job.everyMs - this.#platform.clock.monotonic())
  }

  /** Full jitter on the upper half, so that jobs that failed together do not come back together. */
  #retryDelay(): number {
    const { firstDelayMs, delayMaxMs } = this.#retry
    const grown = Math.min(delayMaxMs, firstDelayMs * 2 ** (this.#failuresInARow - 1))
    return grown * (0.5 + this.#platform.random.fraction() / 2)
  }
}
