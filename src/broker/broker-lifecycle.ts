import { HeliostatError } from '../platform/errors.ts'
import { type Clock, type Logger, sleep, type Timer } from '../platform/platform.ts'
import { ErrorCode, errorOf } from '../protocol/errors.ts'
import { brokerHeartbeat } from '../protocol/messages/broker-heartbeat.ts'
import { brokerRegistration } from '../protocol/messages/broker-registration.ts'
import type { ControllerChannel } from './controller-channel.ts'
import type { RegisterBrokerCommand } from './coordinator/controller/command.ts'
import type { ReadonlyMetadataImage } from './coordinator/controller/metadata-image.ts'

export interface BrokerLifecycleOptions {
  readonly clock: Clock
  readonly log: Logger
  readonly clusterId: string
  readonly registration: RegisterBrokerCommand['registration']
  readonly channel: ControllerChannel
  readonly image: ReadonlyMetadataImage
  /** The last record of the metadata log that this broker obeys. */
  readonly metadataOffset: () => number
  /** Resolves when the image of this broker says so. */
  readonly until: (isSo: () => boolean) => Promise<void>
  readonly heartbeatMs: number
  readonly onRegistered: (brokerEpoch: number) => void
}

/** As Kafka's initial.broker.registration.timeout.ms: time enough for the session of a broker that was killed to end. */
const REGISTRATION_MS_MAX = 60_000
/** A broker that stops waits so long for the others to take over, and less long for a controller to answer at all. */
const SHUTDOWN_MS_MAX = 10_000
const UNHEARD_MS_MAX = 2000
const SHUTDOWN_HEARTBEAT_MS = 30
const RETRY_MS = 50
const REGISTRATION_RETRY_MS = 200

/** What more asking does not change. */
const FINAL_REFUSALS: ReadonlySet<number> = new Set([
  ErrorCode.INCONSISTENT_CLUSTER_ID,
  ErrorCode.UNSUPPORTED_VERSION,
  ErrorCode.CLUSTER_AUTHORIZATION_FAILED,
])

type Heartbeat = 'active' | 'wants to shut down'

/**
 * A broker's standing with the controller (KIP-631; Kafka's BrokerLifecycleManager): it registers, is unfenced once it follows the
 * metadata, says in time that it is alive, and hands over what it leads before it stops.
 *
 * 1. One heartbeat is under way at a time.
 * 2. A broker that is registered no more registers anew; one whose id another start has taken stays away.
 */
export class BrokerLifecycle {
  readonly #options: BrokerLifecycleOptions
  readonly #closed = new AbortController()
  #brokerEpoch = -1
  #timer: Timer | undefined
  #isStopping = false

  constructor(options: BrokerLifecycleOptions) {
    this.#options = options
  }

  /** Resolves when the registration, with what the controller decided for its sake, is in the image of this broker. */
  async register(): Promise<void> {
    await this.#registerNow()
    const { image, registration, until } = this.#options
    await until(() => image.brokers.get(registration.brokerId)?.brokerEpoch === this.#brokerEpoch)
  }

  /** Resolves when the broker is unfenced, as it sees itself; from then on it is heard by itself. */
  async unfence(): Promise<void> {
    const { clock, image, registration, until } = this.#options
    for (;;) {
      const answer = await this.#heartbeat('active')
      this.#refuseClosed()
      if (answer && !answer.isFenced) break
      await sleep(clock, RETRY_MS, this.#closed.signal)
    }
    this.#later()
    await until(() => image.brokers.get(registration.brokerId)?.fenced === false)
  }

  /** Controlled shutdown: resolves when others lead what this broker led and all know of it, or when that takes too long. */
  async leave(): Promise<void> {
    const { clock, log } = this.#options
    if (this.#brokerEpoch === -1 || this.#isStopping) return
    this.#isStopping = true
    this.#timer?.cancel()
    const deadline = clock.monotonic() + SHUTDOWN_MS_MAX
    let heardAt = clock.monotonic()
    const isWorthwhile = (now: number) => now < deadline && now - heardAt < UNHEARD_MS_MAX
    while (isWorthwhile(clock.monotonic()) && !this.#closed.signal.aborted) {
      const answer = await this.#heartbeat('wants to shut down')
      if (answer?.shouldShutDown) return
      if (answer) heardAt = clock.monotonic()
      await sleep(clock, SHUTDOWN_HEARTBEAT_MS, this.#closed.signal)
    }
    log.warn('broker.abrupt-stop', 'the controller did not confirm the shutdown in time; the broker stops all the same')
  }

  close(): void {
    this.#closed.abort()
    this.#timer?.cancel()
  }

  async #registerNow(): Promise<void> {
    const { clock, clusterId, registration, channel, onRegistered } = this.#options
    const deadline = clock.monotonic() + REGISTRATION_MS_MAX
    const { endPoints: listeners, ...own } = registration
    for (;;) {
      const request = { ...own, clusterId, listeners, isMigratingZkBroker: false }
      const { errorCode, brokerEpoch } = await channel.askPatiently(brokerRegistration, request, REGISTRATION_MS_MAX)
      this.#refuseClosed()
      if (errorCode === ErrorCode.NONE) {
        this.#brokerEpoch = brokerEpoch
        onRegistered(brokerEpoch)
        return
      }
      if (FINAL_REFUSALS.has(errorCode) || clock.monotonic() >= deadline)
        throw refused(registration.brokerId, errorCode)
      await sleep(clock, REGISTRATION_RETRY_MS, this.#closed.signal)
    }
  }

  /** The answer; undefined when there was none, or when it was a refusal. */
  async #heartbeat(state: Heartbeat) {
    const { channel, registration, metadataOffset, log } = this.#options
    const { brokerId } = registration
    const wantShutDown = state === 'wants to shut down'
    const currentMetadataOffset = metadataOffset()
    const request = {
      brokerId,
      brokerEpoch: this.#brokerEpoch,
      currentMetadataOffset,
      wantFence: false,
      wantShutDown,
    }
    try {
      const answer = await channel.ask(brokerHeartbeat, request)
      if (answer.errorCode === ErrorCode.NONE) return answer
      log.warn('broker.heartbeat-refused', `the controller refuses a heartbeat: ${errorOf(answer.errorCode).name}`)
      if (answer.errorCode === ErrorCode.BROKER_ID_NOT_REGISTERED && !wantShutDown) await this.#registerNow()
      if (wantShutDown) return { ...answer, shouldShutDown: true }
    } catch (error) {
      if (!(error instanceof HeliostatError)) throw error
      log.debug('broker.heartbeat-unheard', error.message)
    }
    return undefined
  }

  #later(ms: number = this.#options.heartbeatMs): void {
    if (this.#closed.signal.aborted || this.#isStopping) return
    this.#timer = this.#options.clock.setTimer(ms, () => {
      this.#heartbeat('active').then(
        (answer) => this.#later(answer ? undefined : RETRY_MS),
        (error) => {
          this.#options.log.error('broker.lost', 'this broker cannot register any more', { error: String(error) })
        },
      )
    })
  }

  #refuseClosed(): void {
    if (this.#closed.signal.aborted) throw new HeliostatError('HEL_CLOSED', 'the broker was stopped while it started')
  }
}

function refused(brokerId: number, errorCode: number): HeliostatError {
  const message = `broker ${brokerId} cannot be registered: ${errorOf(errorCode).name}`
  return new HeliostatError('HEL_CONFIG', message, { where: { node: brokerId } })
}
