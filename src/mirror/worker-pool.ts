// The threads that carry the planes of all flows: each flow has a plane on each. A thread that ends is started again, and its planes
// are told again what they were told; what it had in flight is looked up on the target, as after any crash. One that is stuck, and says
// nothing any more, is told of, and ended when it stays so.
import { Backoff } from '../client/backoff.ts'
import { HeliostatError } from '../platform/errors.ts'
import type { Platform, Thread, Timer } from '../platform/platform.ts'
import { ThreadCalls } from '../platform/thread-calls.ts'
import type { PlaneListener } from './plane.ts'
import type { MainCalls, WorkerCalls } from './plane-calls.ts'
import { RemotePlane } from './remote-plane.ts'

/** One that lived so long was not ended by what it begins with. */
const STEADY_MS = 60_000
/**
 * A thread with planes speaks three times a second. Silence is counted in looks of ours and not in time: a process that was suspended, or a
 * machine that slept, has no silent threads.
 */
const LOOK_MS = 1_000
const SILENT_LOOKS = 10
const STUCK_LOOKS = 60

export class WorkerPool {
  readonly size: number
  readonly #workers: readonly PlaneWorker[]

  /** `program`: what runs on each thread; it hosts planes. */
  constructor(platform: Platform, program: URL, size: number) {
    this.size = size
    this.#workers = Array.from({ length: size }, (_, index) => new PlaneWorker(platform, program, index + 1))
  }

  planes(flow: string, plan: unknown, listener: PlaneListener): RemotePlane[] {
    return this.#workers.map((worker) => worker.plane(flow, plan, listener))
  }

  /** When all flows have left. */
  async stop(): Promise<void> {
    await Promise.all(this.#workers.map((worker) => worker.stop()))
  }
}

class PlaneWorker {
  readonly #platform: Platform
  readonly #program: URL
  readonly #number: number
  /** By their names. */
  readonly #planes = new Map<string, RemotePlane>()
  readonly #backoff: Backoff
  readonly #refusals = new Map<string, string>()
  #names = 0
  #startedAt = 0
  #thread: Thread | undefined
  #calls: ThreadCalls<WorkerCalls>
  #restart: Timer | undefined
  #watch: Timer
  /** Looks since it spoke last. */
  #silentLooks = 0
  #isStopping = false

  constructor(platform: Platform, program: URL, number: number) {
    this.#platform = platform
    this.#program = program
    this.#number = number
    this.#backoff = new Backoff(platform.random, { initialMs: 100, maxMs: 5_000 })
    this.#calls = this.#start()
    this.#watch = this.#lookLater()
  }

  plane(flow: string, plan: unknown, listener: PlaneListener): RemotePlane {
    const name = `${flow} #${++this.#names}`
    const plane = new RemotePlane(
      this.#platform.clock,
      {
        name,
        plan,
        worker: () => this.#calls,
        refused: (error) => this.#refused(flow, error),
        left: () => void this.#planes.delete(name),
      },
      listener,
    )
    this.#planes.set(name, plane)
    return plane
  }

  async stop(): Promise<void> {
    this.#isStopping = true
    this.#restart?.cancel()
    this.#watch.cancel()
    await this.#thread?.stop()
  }

  #lookLater(): Timer {
    return this.#platform.clock.setTimer(LOOK_MS, () => {
      this.#look()
      this.#watch = this.#lookLater()
    })
  }

  #look(): void {
    if (!this.#thread || this.#planes.size === 0) this.#silentLooks = 0
    else this.#silentLooks++
    const reason = `worker thread ${this.#number} has not answered for ${this.#silentLooks} s`
    if (this.#silentLooks === SILENT_LOOKS) this.#platform.log.warn('worker.silent', reason)
    if (this.#silentLooks >= SILENT_LOOKS) for (const plane of this.#planes.values()) plane.silent(reason)
    if (this.#silentLooks === STUCK_LOOKS) void this.#thread?.stop()
  }

  #heard(): void {
    if (this.#silentLooks >= SILENT_LOOKS) for (const plane of this.#planes.values()) plane.silent(undefined)
    this.#silentLooks = 0
  }

  /** Told once, and not at every attempt. */
  #refused(flow: string, { code, message }: HeliostatError): void {
    if (this.#refusals.get(flow) === message) return
    this.#refusals.set(flow, message)
    const worker = this.#number
    this.#platform.log.error('worker.flow-refused', `${message}; ${flow} is tried again`, { flow, worker, code })
  }

  #start(): ThreadCalls<WorkerCalls> {
    const { threads } = this.#platform
    if (!threads) throw new HeliostatError('HEL_NO_THREADS', 'workers: this machine has no other threads')
    const thread = threads.start(this.#program, {
      posted: (message) => {
        this.#heard()
        calls.received(message)
      },
      ended: (error) => this.#ended(error),
    })
    const calls: ThreadCalls<WorkerCalls> = new ThreadCalls<WorkerCalls>(this.#answers(), (message) =>
      thread.post(message),
    )
    this.#thread = thread
    this.#startedAt = this.#platform.clock.monotonic()
    return calls
  }

  #ended(error: Error | undefined): void {
    const stuck = this.#silentLooks >= STUCK_LOOKS ? `: it did not answer for ${this.#silentLooks} s` : ''
    const why = error === undefined ? stuck : `: ${error.message}`
    this.#silentLooks = 0
    const reason = new HeliostatError('HEL_WORKER_ENDED', `worker thread ${this.#number} has ended${why}`, {
      retriable: true,
      cause: error,
    })
    this.#calls.close(reason)
    this.#thread = undefined
    if (this.#isStopping) return
    this.#platform.log.error('worker.ended', `${reason.message}; it is started again`, { error })
    for (const plane of this.#planes.values()) plane.ended(reason)
    if (this.#platform.clock.monotonic() - this.#startedAt > STEADY_MS) this.#backoff.reset()
    this.#restart = this.#platform.clock.setTimer(this.#backoff.next(), () => {
      this.#calls = this.#start()
      for (const plane of this.#planes.values()) plane.startAgain()
    })
  }

  /** Of a plane that has left, nothing is heard. */
  #answers(): MainCalls {
    const { log } = this.#platform
    const of = (name: string) => {
      const plane = this.#planes.get(name)
      if (plane) return plane.listener
      throw new HeliostatError('HEL_FLOW_LEFT', `${name} has left`, { retriable: true })
    }
    return {
      working: (name) => this.#planes.get(name)?.listener.working(),
      slotTaken: (name, slot) => this.#planes.get(name)?.listener.slotTaken(slot),
      gapWritten: (name, gap) => this.#planes.get(name)?.listener.gapWritten(gap),
      tell: (name, news) => this.#planes.get(name)?.told(news),
      syncTopic: async (name, topic) => of(name).syncTopic(topic),
      batchBytesMax: async (name, remoteTopic) => of(name).batchBytesMax(remoteTopic),
      log: (level, event, message, fields) => log[level](event, message, { ...fields, worker: this.#number }),
    }
  }
}
