import type { Assignment } from './assignment.ts'

/** What an assignor is told of a member. */
export interface MemberSpec {
  readonly memberId: string
  readonly instanceId: string | null
  /** Of the topics that exist. */
  readonly subscribedTopicIds: ReadonlySet<string>
  /** Its target so far. */
  readonly assigned: Assignment
}

export interface GroupSpec {
  readonly members: readonly MemberSpec[]
  /** Whether all members are subscribed to the same topics. */
  readonly homogeneous: boolean
  /** Of a topic that some member is subscribed to. */
  readonly partitionCount: (topicId: string) => number
}

/** The target of every member, by member id; one without partitions may be absent. Every partition goes to one who reads its topic. */
export type GroupAssignment = ReadonlyMap<string, Assignment>

export type Assignor = (spec: GroupSpec) => GroupAssignment
