import { HeliostatError } from '../platform/errors.ts'
import { type Clock, sleep } from '../platform/platform.ts'
import { ErrorCode } from '../protocol/errors.ts'
import type { Api, RequestInput, Response } from '../protocol/schema.ts'
import type { Quorum } from './raft/quorum.ts'

const RETRY_MS = 20
const RETRY_MS_MAX = 200

/**
 * The way to the active controller, whoever that is: over the network, also to this very node, as in Kafka.
 *
 * 1. Whoever asks is answered by an active controller or by an error; which of those that are asked again were carried out twice is for
 *    the API to say.
 */
export class ControllerChannel {
  readonly #quorum: Quorum
  readonly #clock: Clock
  readonly #closed = new AbortController()

  constructor(quorum: Quorum, clock: Clock) {
    this.#quorum = quorum
    this.#clock = clock
  }

  /** Once. Rejects with a HeliostatError, also when whoever was asked is the controller no more. */
  async ask<A extends Api>(api: A, request: RequestInput<A>): Promise<Response<A>> {
    const answer = await this.#quorum.askLeader(api, request)
    if ((answer as { errorCode?: number }).errorCode !== ErrorCode.NOT_CONTROLLER) return answer
    throw new HeliostatError('HEL_UNREACHABLE', 'whoever was asked is the controller no more', { retriable: true })
  }

  /** Until there is an answer, for at most so long; then rejects with the last error. */
  async askPatiently<A extends Api>(api: A, request: RequestInput<A>, timeoutMs: number): Promise<Response<A>> {
    const deadline = this.#clock.monotonic() + timeoutMs
    for (let pauseMs = RETRY_MS; ; pauseMs = Math.min(pauseMs * 2, RETRY_MS_MAX)) {
      try {
        return await this.ask(api, request)
      } catch (error) {
        const isOver = this.#closed.signal.aborted || this.#clock.monotonic() + pauseMs >= deadline
        if (!(error instanceof HeliostatError) || isOver) throw error
      }
      await this.#newLeaderOr(pauseMs)
    }
  }

  /** Nobody asks again. */
  close(): void {
    this.#closed.abort()
  }

  /** Resolves when another leads the quorum, or after the pause. */
  async #newLeaderOr(pauseMs: number): Promise<void> {
    const changed = new AbortController()
    const unsubscribe = this.#quorum.onLeaderChange(() => changed.abort())
    const signal = AbortSignal.any([changed.signal, this.#closed.signal])
    await sleep(this.#clock, pauseMs, signal)
    unsubscribe()
  }
}
