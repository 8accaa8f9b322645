// The threads that carry the planes of all flows: each flow has a plane on each. A thread that ends is started again, and its planes
// are told again what they were told; what it had in flight is looked up on the target, as after any crash.
import { Backoff } from '../client/backoff.ts'
import { HeliostatError } from '../platform/errors.ts'
import type { Platform, Thread, Timer } from '../platform/platform.ts'
import { ThreadCalls } from '../platform/thread-calls.ts'
import type { PlaneListener } from './plane.ts'
import type { MainCalls, WorkerCalls } from './plane-calls.ts'
import { RemotePlane } from './remote-plane.ts'

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
  readonly #planes = new Map<string, RemotePlane>()
  readonly #backoff: Backoff
  #thread: Thread | undefined
  #calls: ThreadCalls<WorkerCalls>
  #restart: Timer | undefined
  #isStopping = false

  constructor(platform: Platform, program: URL, number: number) {
    this.#platform = platform
    this.#program = program
    this.#number = number
    this.#backoff = new Backoff(platform.random, { initialMs: 100, maxMs: 5_000 })
    this.#calls = this.#start()
  }

  plane(flow: string, plan: unknown, listener: PlaneListener): RemotePlane {
    const options = { flow, plan, worker: () => this.#calls, left: () => void this.#planes.delete(flow) }
    const plane = new RemotePlane(this.#platform.clock, options, listener)
    this.#planes.set(flow, plane)
    return plane
  }

  async stop(): Promise<void> {
    this.#isStopping = true
    this.#restart?.cancel()
    await this.#thread?.stop()
  }

  #start(): ThreadCalls<WorkerCalls> {
    const { threads } = this.#platform
    if (!threads) throw new HeliostatError('HEL_NO_THREADS', 'workers: this machine has no other threads')
    const thread = threads.start(this.#program, {
      posted: (message) => calls.received(message),
      ended: (error) => this.#ended(error),
    })
    const calls: ThreadCalls<WorkerCalls> = new ThreadCalls<WorkerCalls>(this.#answers(), (message) =>
      thread.post(message),
    )
    this.#thread = thread
    return calls
  }

  #ended(error: Error | undefined): void {
    const why = error === undefined ? '' : `: ${error.message}`
    const reason = new HeliostatError('HEL_WORKER_ENDED', `worker thread ${this.#number} has ended${why}`, {
      retriable: true,
      cause: error,
    })
    this.#calls.close(reason)
    this.#thread = undefined
    if (this.#isStopping) return
    this.#platform.log.error('worker.ended', `${reason.message}; it is started again`, { error })
    for (const plane of this.#planes.values()) plane.ended(reason)
    this.#restart = this.#platform.clock.setTimer(this.#backoff.next(), () => {
      this.#calls = this.#start()
      for (const plane of this.#planes.values()) plane.startAgain()
    })
  }

  /** Of a flow that has left, nothing is heard. */
  #answers(): MainCalls {
    const { log } = this.#platform
    const of = (flow: string) => {
      const plane = this.#planes.get(flow)
      if (plane) return plane.listener
      throw new HeliostatError('HEL_FLOW_LEFT', `${flow} has left`, { retriable: true })
    }
    return {
      working: (flow) => this.#planes.get(flow)?.listener.working(),
      slotTaken: (flow, slot) => this.#planes.get(flow)?.listener.slotTaken(slot),
      gapWritten: (flow, gap) => this.#planes.get(flow)?.listener.gapWritten(gap),
      tell: (flow, news) => {
        this.#backoff.reset()
        this.#planes.get(flow)?.told(news)
      },
      syncTopic: async (flow, topic) => of(flow).syncTopic(topic),
      batchBytesMax: async (flow, remoteTopic) => of(flow).batchBytesMax(remoteTopic),
      log: (level, event, message, fields) => log[level](event, message, { ...fields, worker: this.#number }),
    }
  }
}
