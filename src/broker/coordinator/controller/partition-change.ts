// How a partition changes (PartitionChangeBuilder): whoever wants it to change says the replicas and those in sync, and who leads follows
// from that. A reassignment ends by itself, with the change that brings its last new replica into the ISR.

import {
  changedPartition,
  NO_LEADER,
  NO_LEADER_CHANGE,
  NO_RECOVERY_CHANGE,
  type PartitionChange,
  type PartitionRegistration,
  RECOVERING,
} from './metadata-record.ts'

/** `online`: whoever leads stays. `preferred`: the first replica, if it is in sync. `unclean`: somebody who lives, at the price of records. */
export type Election = 'online' | 'preferred' | 'unclean'

/** What shall be; absent: as it is. */
export interface PartitionTarget {
  readonly isr?: readonly number[]
  readonly replicas?: readonly number[]
  readonly addingReplicas?: readonly number[]
  readonly removingReplicas?: readonly number[]
  readonly leaderRecoveryState?: number
  /** `online`. */
  readonly election?: Election
}

/** The assignment after a reassignment that has come to its end; undefined while it goes on, or when there is none. */
function completedReassignment({ isr, replicas, addingReplicas, removingReplicas }: PartitionRegistration) {
  if (addingReplicas.length === 0 && removingReplicas.length === 0) return undefined
  const stays = (id: number) => !removingReplicas.includes(id)
  const kept = { isr: isr.filter(stays), replicas: replicas.filter(stays), addingReplicas: [], removingReplicas: [] }
  const isOver = kept.isr.length > 0 && kept.replicas.every((id) => kept.isr.includes(id))
  return isOver ? kept : undefined
}

/** The change towards the target; undefined when there is nothing to change. `mayLead`: who lives and is not about to stop. */
export function decideChange(
  partition: PartitionRegistration,
  target: PartitionTarget,
  mayLead: (brokerId: number) => boolean,
): PartitionChange | undefined {
  const { election = 'online', ...given } = target
  const asked = { ...partition, ...given }
  const wanted = { ...asked, ...completedReassignment(asked) }
  const elected = elect(wanted, election, mayLead)
  const isr = elected.unclean ? [elected.leader] : wanted.isr
  const changed = <T extends readonly number[]>(now: T, before: T) => (isSame(now, before) ? null : now)
  const isNewLeader = elected.leader !== partition.leader
  const recovers = isNewLeader && elected.unclean ? RECOVERING : wanted.leaderRecoveryState
  const losesReplica = partition.replicas.some((id) => !wanted.replicas.includes(id))
  const change: PartitionChange = {
    // The ISR never becomes empty: the last ones in sync are who may lead again.
    isr: isr.length === 0 ? null : changed(isr, partition.isr),
    // A replica that goes must not be heard any more: the epoch ends, also when the leader stays.
    leader: isNewLeader || losesReplica ? elected.leader : NO_LEADER_CHANGE,
    replicas: changed(wanted.replicas, partition.replicas),
    removingReplicas: changed(wanted.removingReplicas, partition.removingReplicas),
    addingReplicas: changed(wanted.addingReplicas, partition.addingReplicas),
    leaderRecoveryState: recovers === partition.leaderRecoveryState ? NO_RECOVERY_CHANGE : recovers,
  }
  return isNothing(change) ? undefined : change
}

/** The partition as it will be, and the change that leads there. */
export function decided(
  partition: PartitionRegistration,
  target: PartitionTarget,
  mayLead: (brokerId: number) => boolean,
): { readonly partition: PartitionRegistration; readonly change: PartitionChange | undefined } {
  const change = decideChange(partition, target, mayLead)
  return { partition: change ? changedPartition(partition, change) : partition, change }
}

interface Elected {
  readonly leader: number
  readonly unclean: boolean
}

function elect(
  { isr, replicas, leader }: PartitionRegistration,
  election: Election,
  mayLead: (brokerId: number) => boolean,
): Elected {
  const isInSync = (id: number) => isr.includes(id) && mayLead(id)
  const [preferred] = replicas
  if (election === 'preferred' && preferred !== undefined && isInSync(preferred)) return clean(preferred)
  if (isInSync(leader)) return clean(leader)
  const next = replicas.find(isInSync)
  if (next !== undefined) return clean(next)
  const survivor = election === 'unclean' ? replicas.find(mayLead) : undefined
  return survivor === undefined ? clean(NO_LEADER) : { leader: survivor, unclean: true }
}

function clean(leader: number): Elected {
  return { leader, unclean: false }
}

function isNothing(change: PartitionChange): boolean {
  const { isr, replicas, removingReplicas, addingReplicas, leader, leaderRecoveryState } = change
  const lists = [isr, replicas, removingReplicas, addingReplicas]
  const keepsState = leader === NO_LEADER_CHANGE && leaderRecoveryState === NO_RECOVERY_CHANGE
  return keepsState && lists.every((list) => list === null)
}

function isSame(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((id, index) => id === b[index])
}
