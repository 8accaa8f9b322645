import { HeliostatError } from '../../platform/errors.ts'
import type { Address, Platform } from '../../platform/platform.ts'
import { ErrorCode, errorOf } from '../../protocol/errors.ts'
import { beginQuorumEpoch } from '../../protocol/messages/begin-quorum-epoch.ts'
import { endQuorumEpoch } from '../../protocol/messages/end-quorum-epoch.ts'
import { fetch } from '../../protocol/messages/fetch.ts'
import { updateRaftVoter } from '../../protocol/messages/update-raft-voter.ts'
import { vote } from '../../protocol/messages/vote.ts'
import type { Api, RequestInput, Response } from '../../protocol/schema.ts'
import type { RaftResponse, SentRequest } from './message.ts'
import type { NodeAddresses } from './node-addresses.ts'
import { Peer, type PeerSecurity } from './peer.ts'
import {
  answerOf,
  beginBody,
  endBody,
  fetchAnswerOf,
  fetchBody,
  updateAnswerOf,
  updateBody,
  voteBody,
} from './raft-wire.ts'

interface RaftChannelOptions {
  readonly platform: Platform
  readonly nodeId: number
  readonly clusterId: string
  readonly addresses: NodeAddresses
  readonly security: () => PeerSecurity
  readonly timeouts: { readonly fetchMs: number; readonly requestMs: number }
}

/** How long a leader holds a fetch for which it has nothing new; below every fetch time-out. */
const FETCH_WAIT_SHARE = 0.25
const FETCH_WAIT_MS_MAX = 500
/** Said by those who were not meant. */
const ASTRAY: ReadonlySet<number> = new Set([ErrorCode.INVALID_VOTER_KEY, ErrorCode.INCONSISTENT_CLUSTER_ID])

/**
 * The way to the other nodes of the quorum, on the wire (Kafka's KafkaNetworkChannel).
 *
 * 1. What somebody else answers than the node that was asked is no answer: a vote would count for one that was not given.
 */
export class RaftChannel {
  readonly #options: RaftChannelOptions
  readonly #peers = new Map<number, Peer>()
  /** What is asked of the leader besides must not wait behind fetches that wait. */
  readonly #askedPeers = new Map<number, Peer>()

  constructor(options: RaftChannelOptions) {
    this.#options = options
  }

  /** Rejects with a HeliostatError. */
  async ask(to: number, request: SentRequest): Promise<RaftResponse> {
    const peer = this.peer(to)
    const response = await this.#ask(peer, to, request)
    const { errorCode, leaderId } = response
    // It leads, it says, and does not lead: it is another, who only has heard so.
    const isNotLeader = errorCode === ErrorCode.NOT_LEADER_OR_FOLLOWER && leaderId === to
    if (!ASTRAY.has(errorCode) && !isNotLeader) return response
    peer.isAstray()
    const message = `whoever answers for node ${to} is another: ${errorOf(errorCode).name}`
    throw new HeliostatError('HEL_UNREACHABLE', message, { retriable: true, where: { node: to } })
  }

  /** Anything that is not Raft's, of the node that leads. */
  askLeader<A extends Api>(leaderId: number, api: A, request: RequestInput<A>): Promise<Response<A>> {
    // Whoever gives the log is the leader.
    const addresses = () => {
      const { at } = this.peer(leaderId)
      return at ? [at] : this.#options.addresses.of(leaderId)
    }
    return this.#obtain(this.#askedPeers, leaderId, addresses).ask(api, request)
  }

  peer(nodeId: number): Peer {
    return this.#obtain(this.#peers, nodeId, () => this.#options.addresses.of(nodeId))
  }

  close(): void {
    for (const peer of [...this.#peers.values(), ...this.#askedPeers.values()]) peer.close()
  }

  async #ask(peer: Peer, to: number, request: SentRequest): Promise<RaftResponse> {
    const { clusterId, timeouts } = this.#options
    switch (request.type) {
      case 'vote':
        return answerOf(await peer.ask(vote, voteBody(request, clusterId, to)))
      case 'begin-quorum-epoch': {
        const asked = { ...request, leaderEndpoint: this.#ownAddress }
        return answerOf(await peer.ask(beginQuorumEpoch, beginBody(asked, clusterId, to)))
      }
      case 'end-quorum-epoch':
        return answerOf(await peer.ask(endQuorumEpoch, endBody(request, clusterId)))
      case 'update-voter':
        return updateAnswerOf(await peer.ask(updateRaftVoter, updateBody(request, clusterId)))
      case 'fetch': {
        const waitMs = Math.min(FETCH_WAIT_MS_MAX, Math.floor(timeouts.fetchMs * FETCH_WAIT_SHARE))
        return fetchAnswerOf(await peer.ask(fetch, fetchBody(request, clusterId, waitMs)))
      }
    }
  }

  get #ownAddress(): Address | undefined {
    return this.#options.addresses.of(this.#options.nodeId)[0]
  }

  #obtain(peers: Map<number, Peer>, nodeId: number, addresses: () => readonly Address[]): Peer {
    const known = peers.get(nodeId)
    if (known) return known
    const { platform, nodeId: own, timeouts, security } = this.#options
    const how = { clientId: `raft-${own}`, timeoutMs: timeouts.requestMs, security: security() }
    const peer = new Peer(platform, { nodeId, addresses, ...how })
    peers.set(nodeId, peer)
    return peer
  }
}
