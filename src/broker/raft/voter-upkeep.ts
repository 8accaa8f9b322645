import type { Clock, Timer } from '../../platform/platform.ts'
import type { ReadonlyMetadataImage } from '../coordinator/controller/metadata-image.ts'
import { INTERNAL_LISTENER } from '../listeners/internal-listener.ts'
import type { ReplicaProgress } from './leader-state.ts'
import type { RaftQuorum } from './raft-quorum.ts'
import { changedVoters, movedVoter, nextVoterChange, type QuorumStanding } from './voter-plan.ts'
import { type VoterNode, voterNode } from './voter-set.ts'

export interface VoterUpkeepOptions {
  readonly clock: Clock
  readonly quorum: RaftQuorum
  readonly image: ReadonlyMetadataImage
  /** Whether voters come and go by themselves; else only their directories are written down. */
  readonly isAutomatic: boolean
  /** A voter that has not fetched for so long, and whose broker is fenced, is given up when another can take its place. */
  readonly silentMs: () => number
}

const LOOK_MS = 250
/** Whoever may become a voter has fetched within this time, and had all of the log then. */
const CANDIDATE_MS = 2000

/**
 * Keeps the voters of the controllers three that live, and what is known of them true, on whichever node leads.
 *
 * 1. One change is under way at a time, and the next is decided when it is committed.
 */
export class VoterUpkeep {
  readonly #options: VoterUpkeepOptions
  readonly #unsubscribe: readonly (() => void)[]
  /** Voters that were registered once: who is so no more is to go, and not only late. */
  readonly #registered = new Set<number>()
  #timer: Timer | undefined
  #ledSinceMs = 0
  #ledEpoch = -1
  #isClosed = false

  constructor(options: VoterUpkeepOptions) {
    this.#options = options
    const { quorum } = options
    this.#unsubscribe = [quorum.onLeaderChange(() => this.#look()), quorum.onCommitted(() => this.#look())]
    this.#look()
  }

  close(): void {
    this.#isClosed = true
    this.#timer?.cancel()
    for (const unsubscribe of this.#unsubscribe) unsubscribe()
  }

  #look(): void {
    const { clock, quorum, image } = this.#options
    this.#timer?.cancel()
    this.#timer = undefined
    for (const { nodeId } of quorum.voters) if (image.brokers.has(nodeId)) this.#registered.add(nodeId)
    if (this.#isClosed || !quorum.led) return
    if (quorum.leaderEpoch !== this.#ledEpoch) {
      this.#ledEpoch = quorum.leaderEpoch
      this.#ledSinceMs = clock.now()
    }
    this.#timer = clock.setTimer(LOOK_MS, () => this.#look())
    // Not within what made it look: others hear of that, too.
    if (quorum.mayChangeVoters) clock.defer(() => this.#change())
  }

  #change(): void {
    const { quorum, isAutomatic } = this.#options
    if (this.#isClosed || !quorum.mayChangeVoters) return
    const standing = this.#standing()
    const change = isAutomatic ? nextVoterChange(standing) : movedVoter(standing.voters)
    if (change) void quorum.changeVoters(changedVoters(quorum.voters, change))
  }

  #standing(): QuorumStanding {
    const { clock, quorum, image, silentMs } = this.#options
    const nowMs = clock.now()
    const { voters, observers } = quorum.describe()!
    const heardMs = ({ lastFetchTimestamp }: ReplicaProgress) => Math.max(lastFetchTimestamp, this.#ledSinceMs)
    const isCaughtUp = ({ lastCaughtUpTimestamp }: ReplicaProgress) => nowMs - lastCaughtUpTimestamp < CANDIDATE_MS
    return {
      voters: voters.map((progress) => {
        const { replicaId: nodeId } = progress
        const isRegistered = image.brokers.has(nodeId) || !this.#registered.has(nodeId)
        const isHeard = image.isActive(nodeId) || nowMs - heardMs(progress) < silentMs()
        return { nodeId, isRegistered, isHeard, changed: this.#changed(progress) }
      }),
      candidates: observers
        .filter((progress) => image.isActive(progress.replicaId) && isCaughtUp(progress))
        .sort((one, other) => one.replicaId - other.replicaId)
        .map((progress) => this.#candidate(progress)),
    }
  }

  /** A broker tells by its registration where the others reach it. */
  #candidate({ replicaId, directoryId }: ReplicaProgress): VoterNode {
    const endPoints = this.#options.image.brokers.get(replicaId)?.endPoints ?? []
    const met = endPoints.filter(({ name }) => name === INTERNAL_LISTENER)
    return voterNode(
      replicaId,
      met.map(({ name, host, port }) => ({ name, host, port })),
      directoryId,
    )
  }

  /** A voter that has lost its disk fetches into another directory. Where it is it tells itself. */
  #changed({ replicaId, directoryId, lastFetchTimestamp }: ReplicaProgress): VoterNode | undefined {
    const written = this.#options.quorum.voters.find(({ nodeId }) => nodeId === replicaId)
    const isHeard = written && lastFetchTimestamp >= 0
    return isHeard && written.directoryId !== directoryId ? { ...written, directoryId } : undefined
  }
}
