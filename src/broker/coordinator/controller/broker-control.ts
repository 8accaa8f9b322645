import { ErrorCode } from '../../../protocol/errors.ts'
import { FEATURES, featureLevel } from '../../features.ts'
import type { Predecessor } from '../../raft/quorum.ts'
import type { TimerEffect } from '../state-machine.ts'
import { BrokerSessions } from './broker-sessions.ts'
import type {
  BrokerHeartbeatCommand,
  ControllerCommand,
  ControllerReplies,
  ItemError,
  RegisterBrokerCommand,
} from './command.ts'
import { type Leadership, leadsAnything, withBroker, withoutBroker } from './leadership.ts'
import { type BrokerRegistration, FENCE, type MetadataRecord, NO_FENCE_CHANGE, UNFENCE } from './metadata-record.ts'
import { invalid } from './topic-creation.ts'

/**
 * A controller that was held up finds heartbeats in its sockets: they are read before a broker is called dead. Long enough for that, and no
 * longer: clients that ask for a new leader just before there is one ask again only a second later.
 */
const READING_TIME_MS = 20

interface Decided<Reply> {
  readonly reply: Reply
  readonly records: readonly MetadataRecord[]
  readonly timers?: readonly TimerEffect<ControllerCommand>[]
}

/**
 * Brokers come, tell that they are alive, and go (KIP-631; ClusterControlManager, BrokerHeartbeatManager).
 *
 * 1. A fenced broker leads nothing, and is in sync only where nobody else was.
 * 2. What is decided because a broker has gone stands behind the record that it has: leaders then no more wait for it.
 * 3. The broker on the controller's own node needs no heartbeat: it is as alive as the controller.
 */
export class BrokerControl {
  readonly #leadership: Leadership
  readonly #nodeId: number
  readonly #predecessor: Predecessor | undefined
  readonly #sessionTimeoutMs: () => number
  readonly #sessions = new BrokerSessions()
  /** Of the newest record. */
  #offset = -1

  constructor(
    leadership: Leadership,
    options: { nodeId: number; predecessor?: Predecessor | undefined; sessionTimeoutMs: () => number },
  ) {
    this.#leadership = leadership
    this.#nodeId = options.nodeId
    this.#predecessor = options.predecessor
    this.#sessionTimeoutMs = options.sessionTimeoutMs
  }

  replayed(record: MetadataRecord, offset: number): void {
    this.#offset = offset
    if (record.type === 'register-broker') this.#sessions.registered(record.brokerId, record.brokerEpoch, offset)
    if (record.type === 'unregister-broker') this.#sessions.unregistered(record.brokerId)
  }

  /**
   * A new controller gives everybody the time of a session to be heard. Of the broker on the node that led the controllers before, the
   * silence in which this one was elected counts, up to half a session: who died with its controller is not waited for twice.
   */
  loaded(): TimerEffect<ControllerCommand>[] {
    const { nodeId, silentMs = 0 } = this.#predecessor ?? {}
    const heardBeforeMs = Math.min(silentMs, this.#sessionTimeoutMs() / 2)
    return [...this.#image.brokers.values()]
      .filter(({ fenced }) => !fenced)
      .map(({ brokerId }) => this.#watch(brokerId, brokerId === nodeId ? heardBeforeMs : 0))
  }

  register({ registration, isAlone = false }: RegisterBrokerCommand): Decided<ControllerReplies['register-broker']> {
    const { brokerId, incarnationId } = registration
    const existing = this.#image.brokers.get(brokerId)
    const errorCode = this.#whyNotRegistered(registration, existing)
    if (errorCode !== ErrorCode.NONE) return { reply: { errorCode, brokerEpoch: -1 }, records: [] }
    const isAgain = existing?.incarnationId === incarnationId
    const brokerEpoch = isAgain ? existing.brokerEpoch : this.#offset + 1
    // A cluster of one goes on where it was: nobody could have taken over, and nobody has to be told.
    const state = isAgain ? existing : { fenced: !isAlone, inControlledShutdown: false }
    const { fenced, inControlledShutdown } = state
    const record = { type: 'register-broker', ...registration, brokerEpoch, fenced, inControlledShutdown } as const
    const isNewStart = existing !== undefined && !isAgain && !isAlone
    const moves = isNewStart ? withoutBroker(this.#leadership, brokerId) : []
    const arrivals = isAlone ? withBroker(this.#leadership, brokerId) : []
    return {
      reply: { errorCode, brokerEpoch },
      records: [record, ...moves, ...arrivals],
      timers: fenced ? [this.#unwatch(brokerId)] : [],
    }
  }

  heartbeat(command: BrokerHeartbeatCommand): Decided<ControllerReplies['broker-heartbeat']> {
    const { brokerId, brokerEpoch, currentMetadataOffset } = command
    const broker = this.#image.brokers.get(brokerId)
    if (broker?.brokerEpoch !== brokerEpoch) {
      const errorCode = broker ? ErrorCode.STALE_BROKER_EPOCH : ErrorCode.BROKER_ID_NOT_REGISTERED
      return { reply: { errorCode, isCaughtUp: false, isFenced: true, shouldShutDown: false }, records: [] }
    }
    this.#sessions.heard(brokerId, currentMetadataOffset)
    const isCaughtUp = this.#sessions.isCaughtUp(brokerId, currentMetadataOffset)
    const next = this.#next(broker, command, isCaughtUp)
    const isFenced = next === 'fenced' || next === 'stopped'
    return {
      reply: { errorCode: ErrorCode.NONE, isCaughtUp, isFenced, shouldShutDown: next === 'stopped' },
      records: this.#transition(broker, next),
      timers: [isFenced ? this.#unwatch(brokerId) : this.#watch(brokerId)],
    }
  }

  expired(brokerId: number, again: boolean): Decided<undefined> {
    const broker = this.#image.brokers.get(brokerId)
    if (!broker || broker.fenced) return { reply: undefined, records: [] }
    if (again) return { reply: undefined, records: this.#fence(broker) }
    const command = { type: 'session-expired', brokerId, again: true } as const
    return { reply: undefined, records: [], timers: [{ key: sessionOf(brokerId), delayMs: READING_TIME_MS, command }] }
  }

  unregister(brokerId: number): Decided<ItemError> {
    const broker = this.#image.brokers.get(brokerId)
    if (!broker) {
      const message = `Broker ID ${brokerId} is not currently registered`
      return { reply: invalid('BROKER_ID_NOT_REGISTERED', message), records: [] }
    }
    const { brokerEpoch } = broker
    const record = { type: 'unregister-broker', brokerId, brokerEpoch } as const
    return {
      reply: { errorCode: ErrorCode.NONE, errorMessage: null },
      records: [record, ...withoutBroker(this.#leadership, brokerId)],
      timers: [this.#unwatch(brokerId)],
    }
  }

  /** NONE when the broker is registered with this epoch; −1: whatever its epoch. */
  epochError(brokerId: number, brokerEpoch: number): number {
    const broker = this.#image.brokers.get(brokerId)
    if (!broker) return ErrorCode.BROKER_ID_NOT_REGISTERED
    return broker.brokerEpoch === brokerEpoch ? ErrorCode.NONE : ErrorCode.STALE_BROKER_EPOCH
  }

  get #image() {
    return this.#leadership.image
  }

  #whyNotRegistered(
    { brokerId, incarnationId, features }: RegisterBrokerCommand['registration'],
    existing: BrokerRegistration | undefined,
  ): number {
    const isHeard = existing && !existing.fenced && !existing.inControlledShutdown && this.#sessions.isHeard(brokerId)
    if (isHeard && existing.incarnationId !== incarnationId) return ErrorCode.DUPLICATE_BROKER_REGISTRATION
    for (const { name } of FEATURES) {
      const level = featureLevel(this.#image, name)
      const known = features.find((feature) => feature.name === name)
      const { minSupportedVersion = 0, maxSupportedVersion = 0 } = known ?? {}
      if (level < minSupportedVersion || level > maxSupportedVersion) return ErrorCode.UNSUPPORTED_VERSION
    }
    return ErrorCode.NONE
  }

  #next(broker: BrokerRegistration, command: BrokerHeartbeatCommand, isCaughtUp: boolean): BrokerState {
    const { wantFence, wantShutDown } = command
    const { brokerId } = broker
    if (broker.fenced) {
      if (wantShutDown) return 'stopped'
      return !wantFence && isCaughtUp ? 'unfenced' : 'fenced'
    }
    if (broker.inControlledShutdown) {
      const isOver = !leadsAnything(this.#image, brokerId) && this.#sessions.handedOver(brokerId, this.#active())
      return isOver ? 'stopped' : 'shutting down'
    }
    if (wantFence) return wantShutDown ? 'stopped' : 'fenced'
    if (!wantShutDown) return 'unfenced'
    return leadsAnything(this.#image, brokerId) ? 'shutting down' : 'stopped'
  }

  #transition(broker: BrokerRegistration, next: BrokerState): MetadataRecord[] {
    const { brokerId } = broker
    switch (next) {
      case 'fenced':
      case 'stopped':
        return broker.fenced ? [] : this.#fence(broker)
      case 'unfenced':
        if (!broker.fenced) return []
        return [change(broker, UNFENCE), ...withBroker(this.#leadership, brokerId)]
      case 'shutting down': {
        const begins = broker.inControlledShutdown ? [] : [change(broker, NO_FENCE_CHANGE, 1)]
        const records = [...begins, ...withoutBroker(this.#leadership, brokerId)]
        if (records.length > 0) this.#sessions.shutsDown(brokerId, this.#offset + records.length)
        return records
      }
    }
  }

  #fence(broker: BrokerRegistration): MetadataRecord[] {
    return [change(broker, FENCE), ...withoutBroker(this.#leadership, broker.brokerId)]
  }

  *#active(): Iterable<number> {
    for (const { brokerId } of this.#image.brokers.values()) if (this.#image.isActive(brokerId)) yield brokerId
  }

  #watch(brokerId: number, heardBeforeMs = 0): TimerEffect<ControllerCommand> {
    if (brokerId === this.#nodeId) return this.#unwatch(brokerId)
    const command = { type: 'session-expired', brokerId, again: false } as const
    return { key: sessionOf(brokerId), delayMs: this.#sessionTimeoutMs() - heardBeforeMs, command }
  }

  #unwatch(brokerId: number): TimerEffect<ControllerCommand> {
    return { key: sessionOf(brokerId), delayMs: 0, command: undefined }
  }
}

type BrokerState = 'fenced' | 'unfenced' | 'shutting down' | 'stopped'

function change(
  { brokerId, brokerEpoch }: BrokerRegistration,
  fenced: number,
  inControlledShutdown = 0,
): MetadataRecord {
  return { type: 'broker-registration-change', brokerId, brokerEpoch, fenced, inControlledShutdown }
}

function sessionOf(brokerId: number): string {
  return `session ${brokerId}`
}
