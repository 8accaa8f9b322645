// The queue inside the process: what runs when nothing else is configured. Keeps the promises of `JobQueue` on the
// machine's clock; nothing outlives the process, which suits jobs that repeat anyway.
import { HeliostatError } from '../platform/errors.ts'
import type { Platform, Timer } from '../platform/platform.ts'
import { delayAfter, NO_RUNS, RETRY, type RetryOptions, recorded, runJob, warnOfFailure } from './job-run.ts'
import type { Job, JobOutcome, JobQueue, JobStatus } from './jobs.ts'

/** Jobs that are due at about the same time start together, so that a machine at rest is woken once for all of them. */
const BEAT_MS = 50
/** Of an interval that is longer than this a beat is a small part. */
const LONG_MS = 500

export class MemoryQueue implements JobQueue {
  readonly #platform: Platform
  readonly #retry: RetryOptions
  readonly #entries = new Map<string, Entry>()
  #closed = false

  constructor(platform: Platform, retry: RetryOptions = RETRY) {
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
  #record = NO_RUNS

  constructor(job: Job, platform: Platform, retry: RetryOptions) {
    this.#job = job
    this.#platform = platform
    this.#retry = retry
  }

  schedule(wantedMs: number): void {
    const delayMs = wantedMs < LONG_MS ? wantedMs : this.#toBeat(wantedMs)
    this.#nextStart = this.#platform.clock.now() + delayMs
    this.#timer = this.#platform.clock.setTimer(delayMs, () => this.#start())
  }

  #toBeat(delayMs: number): number {
    const now = this.#platform.clock.monotonic()
    return Math.round((now + delayMs) / BEAT_MS) * BEAT_MS - now
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
      scope: this.#job.scope,
      state,
      ...this.#record,
      ...(state === 'waiting' && this.#nextStart !== undefined ? { nextStart: this.#nextStart } : {}),
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
    this.#abort = new AbortController()
    this.#running = runJob(this.#platform, this.#job, this.#abort).then((run) => {
      this.#running = undefined
      this.#record = recorded(this.#record, run)
      this.#follow(run.lastOutcome)
      return run.lastOutcome
    })
    return this.#running
  }

  #follow(outcome: JobOutcome): void {
    const wanted = this.#wanted
    this.#wanted = undefined
    if (this.#closed) {
      wanted?.resolve(outcome)
      return
    }
    warnOfFailure(this.#platform, this.#job, this.#record)
    if (wanted !== undefined) this.#start().then(wanted.resolve)
    else this.schedule(delayAfter(this.#job, this.#record, this.#retry, this.#platform.random))
  }
}
