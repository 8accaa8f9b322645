/** What a controller knows of a broker and nobody writes down. */
interface Session {
  readonly brokerEpoch: number
  /** Where the broker's registration stands in the metadata log. */
  readonly registeredAt: number
  /** The last record that it obeys, as it told. */
  metadataOffset: number
  isHeard: boolean
  /** Who obeys less may still think that this broker leads; absent: it is not about to stop. */
  shutdownOffset: number | undefined
}

/**
 * The brokers as their heartbeats show them (BrokerHeartbeatManager). Lost with the controller: the next one hears of them soon.
 *
 * 1. Every registered broker has a session, and nobody else.
 */
export class BrokerSessions {
  readonly #sessions = new Map<number, Session>()

  registered(brokerId: number, brokerEpoch: number, offset: number): void {
    const present = this.#sessions.get(brokerId)
    const isHeard = present?.brokerEpoch === brokerEpoch && present.isHeard
    const session = { brokerEpoch, registeredAt: offset, metadataOffset: -1, isHeard, shutdownOffset: undefined }
    this.#sessions.set(brokerId, session)
  }

  unregistered(brokerId: number): void {
    this.#sessions.delete(brokerId)
  }

  /** Whether this controller has heard the broker since that registered; of one that has not nobody knows whether it lives. */
  isHeard(brokerId: number): boolean {
    return this.#sessions.get(brokerId)!.isHeard
  }

  heard(brokerId: number, metadataOffset: number): void {
    const session = this.#sessions.get(brokerId)!
    session.metadataOffset = metadataOffset
    session.isHeard = true
  }

  /** Whether the broker has replayed its own registration, and so knows all that was decided before. */
  isCaughtUp(brokerId: number, metadataOffset: number): boolean {
    return metadataOffset >= this.#sessions.get(brokerId)!.registeredAt
  }

  /** The broker is about to stop, and the leaders that take over from it stand in the log before this offset. */
  shutsDown(brokerId: number, offset: number): void {
    this.#sessions.get(brokerId)!.shutdownOffset = offset
  }

  /** Whether all these brokers know who took over from the one that is about to stop. */
  handedOver(brokerId: number, active: Iterable<number>): boolean {
    const { shutdownOffset = -1 } = this.#sessions.get(brokerId)!
    for (const id of active) {
      if (id !== brokerId && this.#sessions.get(id)!.metadataOffset < shutdownOffset) return false
    }
    return true
  }
}
