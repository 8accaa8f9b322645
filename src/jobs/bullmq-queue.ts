// The queue that instances share, on Redis: what runs when `queue.redis` is configured. It is loaded only then.
//
// A job is one BullMQ job that puts itself off after each run (moveToDelayed), and carries the record of its runs as its data. BullMQ
// hands an active job to one worker at a time, wherever, and takes it back from a worker that died.
//
// Invariants:
// 1. A run is under way in one instance at most, as long as Redis can be reached.
// 2. Redis may lose everything: each instance puts its jobs there again now and then; those that are there stay as they are.
// 3. While Redis is out of reach, each instance runs the jobs itself, in process: they may be run twice without harm, since that is
//    what instances do which have no Redis.
// 4. An instance that is asked for a job that it does not know, or no more, leaves it to the others. One that nobody knows ends.
import { type Job as BullJob, DelayedError, Queue, Worker } from 'bullmq'
import { Redis } from 'ioredis'
import { HeliostatError } from '../platform/errors.ts'
import { type Platform, sleep, type Timer } from '../platform/platform.ts'
import {
  delayAfter,
  type JobRecord,
  NO_RUNS,
  RETRY,
  type RetryOptions,
  recorded,
  runJob,
  warnOfFailure,
} from './job-run.ts'
import type { Job, JobOutcome, JobQueue, JobStatus } from './jobs.ts'
import { MemoryQueue } from './memory-queue.ts'
import { type RedisLogin, reasonOf, redisOptions } from './redis-login.ts'

export interface BullmqQueueOptions {
  /** Asked anew for each connection. */
  readonly login: () => RedisLogin
  /** What all keys begin with: deployments that share a Redis and not their work have different ones. */
  readonly prefix: string
  /** Instances that share work use the same. */
  readonly name: string
  readonly retry?: RetryOptions
  /** How long Redis may be away before the jobs run here. */
  readonly patienceMs?: number
  /** How long a job of a dead instance stays its own. */
  readonly lockMs?: number
}

const LOOK_EVERY_MS = 1_000
const PUT_EVERY_LOOKS = 10
const ASK_AGAIN_MS = 25
const CLOSE_MS = 5_000
const AT_ONCE = 16
/** A Redis that takes longer for an answer, frozen or cut off, is away though its connections stand. */
const ANSWER_MS = 3_000
/** So often a job is left to others before it is one that nobody knows. */
const PASSES_MAX = 10
const PASS_MS = 500

/** BullMQ takes a colon for its own. */
const idOf = (name: string) => name.replaceAll(':', '%3A')

/** `passes`: how often in a row it was left to others. */
type Kept = JobRecord & { readonly passes?: number }

type Stored = BullJob<Kept, undefined, string>

export class BullmqQueue implements JobQueue {
  readonly #platform: Platform
  readonly #retry: RetryOptions
  readonly #patienceMs: number
  readonly #redis: Redis
  readonly #workerRedis: Redis
  readonly #queue: Queue<Kept, undefined, string>
  readonly #worker: Worker<Kept, undefined, string>
  readonly #jobs = new Map<string, Job>()
  readonly #running = new Map<string, AbortController>()
  /** What Redis said last. */
  readonly #seen = new Map<string, JobStatus>()
  readonly #closing = new AbortController()
  #standIn: MemoryQueue | undefined
  #awaySince: number | undefined
  /** What kept the last connection from being made. */
  #trouble: string | undefined
  #looks = 0
  #looking: Promise<void> | undefined
  #timer: Timer | undefined

  constructor(platform: Platform, options: BullmqQueueOptions) {
    const { login, prefix, lockMs = 10_000 } = options
    this.#platform = platform
    this.#retry = options.retry ?? RETRY
    this.#patienceMs = options.patienceMs ?? 5_000
    // A name may hold what BullMQ takes for its own separators.
    const name = encodeURIComponent(options.name)
    this.#redis = new Redis({
      ...redisOptions(login, this.#closing.signal),
      maxRetriesPerRequest: 1,
      enableOfflineQueue: false,
      socketTimeout: ANSWER_MS,
    })
    this.#workerRedis = new Redis({ ...redisOptions(login, this.#closing.signal), maxRetriesPerRequest: null })
    this.#queue = new Queue(name, { connection: this.#redis, prefix, defaultJobOptions: { removeOnFail: true } })
    this.#worker = new Worker(name, (job, token) => this.#run(job, token!), {
      connection: this.#workerRedis,
      prefix,
      concurrency: AT_ONCE,
      lockDuration: lockMs,
      stalledInterval: lockMs / 2,
      // A job is never to blame for the instances that died while they ran it.
      maxStalledCount: 1_000_000,
      removeOnComplete: { count: 0 },
    })
    this.#awaySince = platform.clock.monotonic()
    for (const emitter of [this.#redis, this.#workerRedis, this.#queue, this.#worker])
      (emitter as { on(event: 'error', listener: (error: Error) => void): unknown }).on('error', (error) => {
        platform.log.debug('jobs.redis-error', error.message)
      })
    this.#redis.on('error', (error) => {
      this.#trouble = reasonOf(error)
    })
    this.#redis.on('ready', () => void this.#back())
    this.#redis.on('close', () => {
      this.#awaySince ??= platform.clock.monotonic()
    })
    this.#lookLater()
  }

  add(job: Job): void {
    if (this.#closing.signal.aborted)
      throw new HeliostatError('HEL_CLOSED', `job ${job.name} was added to a queue that is closed`)
    if (this.#jobs.has(job.name)) throw new HeliostatError('HEL_DUPLICATE', `a job named ${job.name} exists`)
    this.#jobs.set(job.name, job)
    this.#standIn?.add(job)
    if (this.#isThere) void this.#put(job).catch((error: Error) => this.#note(error))
  }

  async remove(name: string): Promise<void> {
    this.#jobs.delete(name)
    this.#seen.delete(name)
    this.#running.get(name)?.abort(new HeliostatError('HEL_CLOSED', `job ${name} is ended`))
    await this.#standIn?.remove(name)
    while (this.#running.has(name)) await sleep(this.#platform.clock, ASK_AGAIN_MS)
  }

  async runNow(name: string): Promise<JobOutcome> {
    const job = this.#jobs.get(name)
    if (job === undefined) throw new HeliostatError('HEL_UNKNOWN_JOB', `there is no job named ${name}`)
    if (this.#standIn) return this.#standIn.runNow(name)
    await this.#put(job)
    const before = await this.#queue.getJob(idOf(name))
    const isActive = (await before?.isActive()) ?? false
    const enough = (before?.data.runs ?? 0) + (isActive ? 2 : 1)
    for (;;) {
      // In this order: it is put off after its run was counted, so one that is seen put off and not counted has not run yet.
      const isDelayed = await (await this.#queue.getJob(idOf(name)))?.isDelayed()
      const now = await this.#queue.getJob(idOf(name))
      if (now && now.data.runs >= enough) return now.data.lastOutcome!
      // It may be taken between the look and the call: then it runs, which is what was asked for.
      if (now && isDelayed) await now.promote().catch((error: Error) => this.#note(error))
      if (this.#closing.signal.aborted) throw new HeliostatError('HEL_CLOSED', `job ${name} has ended`)
      await sleep(this.#platform.clock, ASK_AGAIN_MS, this.#closing.signal)
    }
  }

  list(): readonly JobStatus[] {
    if (this.#standIn) return this.#standIn.list()
    return [...this.#jobs.values()].map(
      ({ name, everyMs, scope }) => this.#seen.get(name) ?? { name, everyMs, scope, state: 'waiting', ...NO_RUNS },
    )
  }

  async close(): Promise<void> {
    if (this.#closing.signal.aborted) return
    this.#closing.abort()
    this.#timer?.cancel()
    for (const [name, abort] of this.#running) abort.abort(new HeliostatError('HEL_CLOSED', `job ${name} is ended`))
    await this.#standIn?.close()
    // A Redis that is away must not keep us, nor one whose death is heard of only now.
    const lost = new Promise<void>((resolve) => {
      if (this.#isThere) this.#redis.once('close', resolve)
      else resolve()
    })
    const closed = Promise.allSettled([this.#worker.close(), this.#queue.close()])
    await Promise.race([closed, sleep(this.#platform.clock, CLOSE_MS), lost.then(() => this.#ended())])
    this.disconnect()
  }

  /** All runs of this instance. */
  async #ended(): Promise<void> {
    const { clock } = this.#platform
    const latest = clock.monotonic() + CLOSE_MS
    while (this.#running.size > 0 && clock.monotonic() < latest) await sleep(clock, ASK_AGAIN_MS)
  }

  /** Leaves as a process that dies: what is under way stays taken until its time is up. */
  disconnect(): void {
    this.#timer?.cancel()
    this.#redis.disconnect()
    this.#workerRedis.disconnect()
  }

  // ---- runs

  async #run(stored: Stored, token: string): Promise<undefined> {
    const job = this.#closing.signal.aborted || this.#standIn ? undefined : this.#jobs.get(stored.name)
    if (!job) return this.#pass(stored, token)
    const abort = new AbortController()
    this.#running.set(job.name, abort)
    const run = await runJob(this.#platform, job, abort)
    // Before Redis is told, which may be away by now: then nothing of ours is under way, and the stand-in may begin.
    this.#running.delete(job.name)
    const { clock, random } = this.#platform
    // Another instance goes on where this one leaves.
    const isLeaving = this.#closing.signal.aborted || !this.#jobs.has(job.name)
    const { passes: _, ...before } = stored.data
    const record = isLeaving ? before : recorded(before, run)
    if (!isLeaving) warnOfFailure(this.#platform, job, record)
    await stored.updateData(record)
    await stored.moveToDelayed(clock.now() + (isLeaving ? 0 : delayAfter(job, record, this.#retry, random)), token)
    throw new DelayedError()
  }

  /** Invariant 4. */
  async #pass(stored: Stored, token: string): Promise<undefined> {
    const passes = (stored.data.passes ?? 0) + 1
    if (passes > PASSES_MAX) return
    await stored.updateData({ ...stored.data, passes })
    await stored.moveToDelayed(this.#platform.clock.now() + PASS_MS, token)
    throw new DelayedError()
  }

  // ---- Redis

  get #isThere(): boolean {
    return this.#redis.status === 'ready'
  }

  /** Nothing happens when it is there already (invariant 2). */
  async #put({ name }: Job): Promise<void> {
    await this.#queue.add(name, NO_RUNS, { jobId: idOf(name) })
  }

  #lookLater(): void {
    this.#timer = this.#platform.clock.setTimer(LOOK_EVERY_MS, () => {
      // A look may wait for a Redis that is away, until it is back.
      if (!this.#isThere) this.#away()
      else
        this.#looking ??= this.#look()
          .catch((error: Error) => this.#note(error))
          .finally(() => {
            this.#looking = undefined
          })
      this.#lookLater()
    })
  }

  async #look(): Promise<void> {
    if (this.#looks++ % PUT_EVERY_LOOKS === 0) for (const job of this.#jobs.values()) await this.#put(job)
    for (const { name, everyMs, scope } of this.#jobs.values()) {
      const stored = await this.#queue.getJob(idOf(name))
      if (!stored) continue
      const isActive = await stored.isActive()
      const abort = this.#running.get(name)
      const state = !isActive ? 'waiting' : abort?.signal.aborted ? 'overdue' : 'running'
      const nextStart = isActive ? {} : { nextStart: stored.timestamp + stored.delay }
      const { passes: _, ...record } = stored.data
      this.#seen.set(name, { name, everyMs, scope, state, ...record, ...nextStart })
    }
  }

  #away(): void {
    const { clock, log } = this.#platform
    this.#awaySince ??= clock.monotonic()
    if (this.#standIn || clock.monotonic() - this.#awaySince < this.#patienceMs) return
    // What began before Redis went away must end before it may begin here.
    if (this.#running.size > 0) return
    log.warn(
      'jobs.redis-away',
      `the Redis of queue.redis cannot be used${this.#trouble === undefined ? '' : ` (${this.#trouble})`}: background jobs run in each instance meanwhile`,
    )
    this.#standIn = new MemoryQueue(this.#platform, this.#retry)
    for (const job of this.#jobs.values()) this.#standIn.add(job)
  }

  async #back(): Promise<void> {
    this.#awaySince = undefined
    this.#trouble = undefined
    this.#looks = 0
    const standIn = this.#standIn
    await standIn?.close()
    this.#standIn = undefined
    if (standIn) this.#platform.log.info('jobs.redis-back', 'Redis is back: background jobs are shared again')
    for (const job of this.#jobs.values()) await this.#put(job).catch((error: Error) => this.#note(error))
  }

  #note(error: Error): void {
    this.#platform.log.debug('jobs.redis-error', error.message)
  }
}
