// Share sessions: which partitions a member of a share group reads from this broker, kept between its requests.

import { ErrorCode } from '../../protocol/errors.ts'

export const FINAL_EPOCH = -1
export const INITIAL_EPOCH = 0
const EPOCH_MAX = 2_147_483_647

export interface SharedPartition {
  readonly topicId: string
  readonly partition: number
}

/**
 * 1. `epoch` is what the member's next request must carry.
 * 2. The partition that is asked first comes last the next time, so none starves.
 */
export class ShareSession {
  readonly groupId: string
  readonly memberId: string
  epoch = 1
  readonly #partitions = new Map<string, SharedPartition>()

  constructor(groupId: string, memberId: string) {
    this.groupId = groupId
    this.memberId = memberId
  }

  update(added: readonly SharedPartition[], forgotten: readonly SharedPartition[]): void {
    for (const partition of forgotten) this.#partitions.delete(nameOf(partition))
    for (const partition of added)
      if (!this.#partitions.has(nameOf(partition))) this.#partitions.set(nameOf(partition), partition)
  }

  partitions(): SharedPartition[] {
    return [...this.#partitions.values()]
  }

  advance(): void {
    this.epoch = this.epoch === EPOCH_MAX ? 1 : this.epoch + 1
    const first = this.#partitions.entries().next().value
    if (!first) return
    this.#partitions.delete(first[0])
    this.#partitions.set(...first)
  }
}

/** The share sessions of a broker: one for each group and member, at most so many. */
export class ShareSessions {
  readonly #sessionsMax: () => number
  readonly #sessions = new Map<string, ShareSession>()

  constructor(sessionsMax: () => number) {
    this.#sessionsMax = sessionsMax
  }

  /** A new session, in the place of one that the member had. */
  open(groupId: string, memberId: string): ShareSession | number {
    const name = `${groupId}\0${memberId}`
    if (!this.#sessions.has(name) && this.#sessions.size >= this.#sessionsMax())
      return ErrorCode.SHARE_SESSION_LIMIT_REACHED
    const session = new ShareSession(groupId, memberId)
    this.#sessions.set(name, session)
    return session
  }

  /** The session that a request continues, or ends, or the error to answer with. */
  resume(groupId: string, memberId: string, epoch: number): ShareSession | number {
    const session = this.#sessions.get(`${groupId}\0${memberId}`)
    if (!session) return ErrorCode.SHARE_SESSION_NOT_FOUND
    if (epoch === FINAL_EPOCH) return session
    if (epoch !== session.epoch) return ErrorCode.INVALID_SHARE_SESSION_EPOCH
    session.advance()
    return session
  }

  close({ groupId, memberId }: ShareSession): void {
    this.#sessions.delete(`${groupId}\0${memberId}`)
  }

  hasGroup(groupId: string): boolean {
    for (const session of this.#sessions.values()) if (session.groupId === groupId) return true
    return false
  }
}

function nameOf({ topicId, partition }: SharedPartition): string {
  return `${topicId}:${partition}`
}
