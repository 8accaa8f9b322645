import type { Outcome, RequestId } from '../state-machine.ts'
import type { GroupCommand, GroupReply } from './command.ts'
import type { ClusterView } from './consumer/cluster-view.ts'
import type { GroupConfig } from './group-config.ts'
import type { GroupRecord } from './group-record.ts'

type GroupOutcome = Outcome<GroupCommand, GroupRecord, GroupReply>

/** What every rule of a group needs at hand while one command is decided. */
export interface Call {
  readonly id: RequestId
  readonly nowMs: number
  readonly config: GroupConfig
  readonly view: ClusterView
  readonly outcome: GroupOutcome
}

/** Names of a group's timers. NUL cannot stand in a group or member id that came over the wire as text of a timer's name. */
export const timerKey = {
  session: (groupId: string, memberId: string) => `session\0${groupId}\0${memberId}`,
  pendingMember: (groupId: string, memberId: string) => `pending\0${groupId}\0${memberId}`,
  join: (groupId: string) => `join\0${groupId}`,
  sync: (groupId: string) => `sync\0${groupId}`,
  rebalance: (groupId: string, memberId: string) => `rebalance\0${groupId}\0${memberId}`,
  memberJoin: (groupId: string, memberId: string) => `member-join\0${groupId}\0${memberId}`,
  memberSync: (groupId: string, memberId: string) => `member-sync\0${groupId}\0${memberId}`,
  resolve: (groupId: string) => `resolve\0${groupId}`,
  expireOffsets: 'expire-offsets',
}
