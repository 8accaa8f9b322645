// Which voter comes or goes next, decided by whoever leads: three of the brokers that live vote, so that any one of them may die.
import { type VoterNode, type VoterSet, withoutVoter, withVoter } from './voter-set.ts'

/** More cost each change of the metadata time, and fewer bear no death. */
const VOTERS_WANTED = 3

export interface VoterStanding {
  readonly nodeId: number
  /** Whether it is a broker of this cluster still, by its registration. */
  readonly isRegistered: boolean
  /** Whether it has fetched lately. */
  readonly isHeard: boolean
  /** What is known of it now, if that is not what is written down. */
  readonly changed?: VoterNode | undefined
}

export interface QuorumStanding {
  readonly voters: readonly VoterStanding[]
  /** Brokers that serve and have all of the log, but do not vote; whom to take first comes first. */
  readonly candidates: readonly VoterNode[]
}

export type VoterChange =
  | { readonly type: 'add' | 'update'; readonly voter: VoterNode }
  | { readonly type: 'remove'; readonly nodeId: number }

/**
 * 1. Who is leaving and alive goes only once another is there, if there is another: it still counts for a majority. Who is dead goes first,
 *    since beside one more voter it would stand in the way of a majority.
 * 2. Two voters bear no death, as one does: there is a second only on the way to a third.
 */
export function nextVoterChange({ voters, candidates }: QuorumStanding): VoterChange | undefined {
  const [candidate] = candidates
  const add = (voter: VoterNode) => ({ type: 'add', voter }) as const
  const leaving = voters.find(({ isRegistered }) => !isRegistered)
  if (leaving && candidate && leaving.isHeard && voters.length <= VOTERS_WANTED) return add(candidate)
  const dead = candidate && voters.find(({ isHeard }) => !isHeard)
  const gone = leaving ?? dead
  if (gone && voters.length > 1) return { type: 'remove', nodeId: gone.nodeId }
  const isOnTheWay = voters.length % 2 === 0 || candidates.length > 1
  if (candidate && voters.length < VOTERS_WANTED && isOnTheWay) return add(candidate)
  return movedVoter(voters)
}

/** Where a voter is now, if that is not written down yet. */
export function movedVoter(voters: readonly VoterStanding[]): VoterChange | undefined {
  const voter = voters.find(({ changed }) => changed !== undefined)?.changed
  return voter && { type: 'update', voter }
}

/** The set with the change made. */
export function changedVoters(voters: VoterSet, change: VoterChange): VoterSet {
  return change.type === 'remove' ? withoutVoter(voters, change.nodeId) : withVoter(voters, change.voter)
}
