import { type Assignment, assignmentOf, NOTHING_ASSIGNED } from '../consumer/assignment.ts'
import { sortedNames } from '../consumer/consumer-member.ts'
import type { ShareGroupRecord } from './share-group-record.ts'

/** As ShareGroupDescribe and ListGroups spell them. */
export type ShareGroupState = 'Empty' | 'Stable'

/** One member of a share group. Never changed in place. */
export interface ShareMember {
  readonly memberId: string
  readonly rackId: string | null
  readonly clientId: string
  readonly clientHost: string
  /** Sorted, each once. */
  readonly subscribedTopicNames: readonly string[]
  readonly memberEpoch: number
  /** The member may still come with it, when it has not heard of its last step. */
  readonly previousMemberEpoch: number
  readonly assigned: Assignment
}

/** Partitions of a topic whose state the share coordinator keeps. */
export interface SharedTopic {
  readonly topicId: string
  readonly topicName: string
  readonly partitions: readonly number[]
}

/** Of a group that is about to begin: the first change makes it 2. */
const INITIAL_EPOCH = 1
const NO_EPOCH = -1

export function newShareMember(memberId: string): ShareMember {
  return {
    memberId,
    rackId: null,
    clientId: '',
    clientHost: '',
    subscribedTopicNames: [],
    memberEpoch: 0,
    previousMemberEpoch: -1,
    assigned: NOTHING_ASSIGNED,
  }
}

/**
 * A share group (KIP-932): its members, what each is to read together with others, and the partitions whose delivery is kept.
 *
 * 1. `apply` alone changes it, and depends on the records alone. It takes any prefix of a compacted log, so it fails never.
 * 2. The group's epoch never falls while the group lives; the epoch of the target assignment never passes it.
 * 3. Only partitions whose state is initialized are assigned.
 */
export class ShareGroup {
  readonly groupId: string
  groupEpoch = INITIAL_EPOCH
  assignmentEpoch = INITIAL_EPOCH
  metadataHash = 0
  readonly members = new Map<string, ShareMember>()
  readonly targets = new Map<string, Assignment>()
  /** By topic id. */
  initializing: ReadonlyMap<string, SharedTopic> = new Map()
  initialized: ReadonlyMap<string, SharedTopic> = new Map()
  deleting: ReadonlyMap<string, { readonly topicId: string; readonly topicName: string }> = new Map()

  constructor(groupId: string) {
    this.groupId = groupId
  }

  get state(): ShareGroupState {
    return this.members.size === 0 ? 'Empty' : 'Stable'
  }

  /** The group's members with one of them put in or replaced, and without one that goes. */
  membersWith(updated: ShareMember | undefined, without?: string): ShareMember[] {
    const members = new Map(this.members)
    if (without !== undefined) members.delete(without)
    if (updated) members.set(updated.memberId, updated)
    return [...members.values()]
  }

  apply(record: ShareGroupRecord) {
    switch (record.type) {
      case 'share-group':
        this.groupEpoch = record.value?.epoch ?? INITIAL_EPOCH
        this.metadataHash = record.value?.metadataHash ?? 0
        return
      case 'share-target':
        this.assignmentEpoch = record.value?.assignmentEpoch ?? NO_EPOCH
        return
      case 'share-states':
        this.initializing = byTopic(record.value?.initializingTopics ?? [])
        this.initialized = byTopic(record.value?.initializedTopics ?? [])
        this.deleting = byTopic(record.value?.deletingTopics ?? [])
        return
      case 'share-target-member':
        if (record.value) this.targets.set(record.memberId, assignmentOf(record.value.topicPartitions))
        else this.targets.delete(record.memberId)
        return
      case 'share-member':
      case 'share-current':
        return this.#applyMember(record)
    }
  }

  #applyMember(record: Extract<ShareGroupRecord, { type: 'share-member' | 'share-current' }>): void {
    const { memberId } = record
    const known = this.members.get(memberId)
    if (record.value === null) {
      if (record.type === 'share-member') this.members.delete(memberId)
      else if (known) this.members.set(memberId, { ...known, memberEpoch: 0, assigned: NOTHING_ASSIGNED })
      return
    }
    const member = known ?? newShareMember(memberId)
    if (record.type === 'share-member') {
      const { subscribedTopicNames, ...rest } = record.value
      this.members.set(memberId, { ...member, ...rest, subscribedTopicNames: sortedNames(subscribedTopicNames) })
    } else {
      const { memberEpoch, previousMemberEpoch, assignedPartitions } = record.value
      this.members.set(memberId, {
        ...member,
        memberEpoch,
        previousMemberEpoch,
        assigned: assignmentOf(assignedPartitions),
      })
    }
  }
}

function byTopic<Topic extends { readonly topicId: string }>(topics: readonly Topic[]): ReadonlyMap<string, Topic> {
  return new Map(topics.map((topic) => [topic.topicId, topic]))
}
