// What may be asked of the voters, and why not now (KIP-853): AddRaftVoter and RemoveRaftVoter by operators, UpdateRaftVoter by a voter
// itself; in Kafka's order and words.
import { ErrorCode } from '../../protocol/errors.ts'
import { ZERO_UUID } from '../../protocol/schema.ts'
import { INTERNAL_LISTENER } from '../listeners/internal-listener.ts'
import type { ReplicaProgress } from './leader-state.ts'
import {
  KRAFT_VERSION,
  type VoterEndpoint,
  type VoterNode,
  type VoterSet,
  withoutVoter,
  withVoter,
} from './voter-set.ts'

export interface VoterRefusal {
  readonly errorCode: number
  readonly errorMessage: string
}

/** What the leader knows. */
export interface VotersNow {
  readonly voters: VoterSet
  /** Whether the log says who votes. */
  readonly areRecorded: boolean
  /** Whether what it says is committed, and something of this epoch. */
  readonly mayChange: boolean
  readonly observers: readonly ReplicaProgress[]
}

type ReplicaKey = Pick<VoterNode, 'nodeId' | 'directoryId'>

/** The set with the voter in it, or why not. */
export function addedVoter(now: VotersNow, asked: VoterNode): VoterSet | VoterRefusal {
  const { voters, observers } = now
  if (!isKey(asked)) return refused('INVALID_REQUEST', "Add voter request didn't include a valid voter")
  if (!asked.endpoints.some(({ name }) => name === INTERNAL_LISTENER)) {
    const told = `(${textOf(asked.endpoints)}) for the default listener ${INTERNAL_LISTENER}`
    return refused('INVALID_REQUEST', `Add voter request didn't include the endpoint ${told}`)
  }
  const wait = whyNotNow(now, 'adding')
  if (wait) return wait
  if (voters.some(({ nodeId }) => nodeId === asked.nodeId)) {
    const known = `[${voters.map(keyText).join(', ')}]`
    return refused(
      'DUPLICATE_VOTER',
      `The voter id for ${keyText(asked)} is already part of the set of voters ${known}.`,
    )
  }
  const progress = observers.find(
    ({ replicaId, directoryId }) => replicaId === asked.nodeId && directoryId === asked.directoryId,
  )
  if ((progress?.lastCaughtUpTimestamp ?? -1) > 0) return withVoter(voters, asked)
  return refused('REQUEST_TIMED_OUT', `Aborted add voter operation for ${keyText(asked)} since it is lagging behind`)
}

/** The set without the voter, or why not. */
export function removedVoter(now: VotersNow, asked: ReplicaKey): VoterSet | VoterRefusal {
  const { voters } = now
  if (!isKey(asked)) return refused('INVALID_REQUEST', "Remove voter request didn't include a valid voter")
  const wait = whyNotNow(now, 'removing')
  if (wait) return wait
  const isThere = voters.some((voter) => keyText(voter) === keyText(asked))
  if (isThere && voters.length > 1) return withoutVoter(voters, asked.nodeId)
  const known = `[${voters.map(keyText).join(', ')}]`
  return refused('VOTER_NOT_FOUND', `Cannot remove voter ${keyText(asked)} from the set of voters ${known}`)
}

/** The set with the voter as it says it is now, or the error: of that answer nobody reads more. */
export function updatedVoter(now: Omit<VotersNow, 'observers'>, asked: VoterNode): VoterSet | number {
  const { voters, areRecorded, mayChange } = now
  const { minSupportedVersion: min, maxSupportedVersion: max } = asked.kRaftVersionFeature
  const isMet = asked.endpoints.some(({ name }) => name === INTERNAL_LISTENER)
  if (!isKey(asked) || !isMet || min < 0 || max < min) return ErrorCode.INVALID_REQUEST
  if (!areRecorded) return ErrorCode.UNSUPPORTED_VERSION
  if (!mayChange) return ErrorCode.REQUEST_TIMED_OUT
  if (min > KRAFT_VERSION || max < KRAFT_VERSION) return ErrorCode.INVALID_REQUEST
  const written = voters.find(({ nodeId }) => nodeId === asked.nodeId)
  const isKnown = written && [asked.directoryId, ZERO_UUID].includes(written.directoryId)
  return isKnown ? withVoter(voters, asked) : ErrorCode.VOTER_NOT_FOUND
}

function whyNotNow({ areRecorded, mayChange }: VotersNow, what: 'adding' | 'removing'): VoterRefusal | undefined {
  if (!areRecorded) {
    return refused(
      'UNSUPPORTED_VERSION',
      `Cluster doesn't support ${what} voter because the kraft.version feature is 0`,
    )
  }
  if (mayChange) return undefined
  const message = 'Request timed out waiting for leader to handle previous voter change request'
  return refused('REQUEST_TIMED_OUT', message)
}

function isKey({ nodeId, directoryId }: ReplicaKey): boolean {
  return nodeId >= 0 && directoryId !== ZERO_UUID
}

function refused(error: keyof typeof ErrorCode, errorMessage: string): VoterRefusal {
  return { errorCode: ErrorCode[error], errorMessage }
}

function keyText({ nodeId, directoryId }: ReplicaKey): string {
  return `ReplicaKey(id=${nodeId}, directoryId=${directoryId})`
}

function textOf(endpoints: readonly VoterEndpoint[]): string {
  return endpoints.map(({ name, host, port }) => `${name}://${host}:${port}`).join(', ')
}
