import type { RequestId } from '../state-machine.ts'
import type { Protocol } from './command.ts'

/** One member of a classic group. What JoinGroup said is kept; who waits for an answer is lost in a crash, as it may be. */
export interface Member {
  readonly memberId: string
  readonly groupInstanceId: string | null
  clientId: string
  clientHost: string
  sessionTimeoutMs: number
  rebalanceTimeoutMs: number
  protocols: readonly Protocol[]
  /** Of the generation that the leader's SyncGroup settled; empty before. */
  assignment: Buffer
  /** The JoinGroup that waits for the rebalance. */
  awaitingJoin: RequestId | undefined
  /** The SyncGroup that waits for the leader's. */
  awaitingSync: RequestId | undefined
  /** Joined without having finished a rebalance yet: it does not know its id, so it cannot send heartbeats. */
  isNew: boolean
}

export const EMPTY: Buffer = Buffer.alloc(0)

/** Whether the member offers exactly these protocols with the same metadata: then a repeated JoinGroup is only a retry. */
export function matchesProtocols(member: Member, protocols: readonly Protocol[]): boolean {
  return (
    protocols.length === member.protocols.length &&
    protocols.every((protocol, i) => {
      const known = member.protocols[i]!
      return known.name === protocol.name && known.metadata.equals(protocol.metadata)
    })
  )
}

export function metadataOf(member: Member, protocolName: string | null): Buffer {
  return member.protocols.find((protocol) => protocol.name === protocolName)?.metadata ?? EMPTY
}
