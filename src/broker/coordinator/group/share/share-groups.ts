import { ErrorCode } from '../../../../protocol/errors.ts'
import type { Call } from '../call.ts'
import type { GroupCommand, GroupListing, ItemRefusal } from '../command.ts'
import { topicPartitionsOf } from '../consumer/assignment.ts'
import { attempt } from '../consumer/refused.ts'
import { joinError, syncError } from '../rebalance.ts'
import type { ShareGroupCommand, ShareGroupDescription, ShareTopicsReply } from './share-command.ts'
import { type SharedTopic, ShareGroup } from './share-group.ts'
import type { ShareGroupRecord } from './share-group-record.ts'
import { fenceShareMember, resetShareSession, shareHeartbeat, shareHeartbeatError } from './share-heartbeat.ts'
import { sharedTopics, shareGroupTombstones, statesRecord } from './share-records.ts'

const NOTHING: readonly SharedTopic[] = []

/** The share groups of one partition of `__consumer_offsets`: the part of the GroupMachine that knows them. */
export class ShareGroups {
  readonly #groups = new Map<string, ShareGroup>()
  /** Whose partitions the share coordinator is being told of. Lost in a crash: then they are told again. */
  readonly #initializing = new Set<string>()

  get(groupId: string): ShareGroup | undefined {
    return this.#groups.get(groupId)
  }

  replay(record: ShareGroupRecord): void {
    const { groupId } = record
    const known = this.#groups.get(groupId)
    if (!known && record.value === null) return
    const group = known ?? new ShareGroup(groupId)
    this.#groups.set(groupId, group)
    group.apply(record)
    if (record.type === 'share-group' && record.value === null) this.#groups.delete(groupId)
  }

  arm(call: Call): void {
    for (const group of this.#groups.values()) {
      for (const { memberId } of group.members.values()) resetShareSession(call, group.groupId, memberId)
    }
  }

  list(): GroupListing[] {
    return [...this.#groups.values()].map(({ groupId, state }) => {
      return { groupId, protocolType: 'share', state, groupType: 'share' }
    })
  }

  /** `isTaken`: there is a group of another kind under the name. */
  decide(call: Call, command: ShareGroupCommand, isTaken: boolean) {
    const { outcome, id } = call
    const { groupId } = command
    const group = this.#groups.get(groupId)
    switch (command.type) {
      case 'share-heartbeat': {
        const mayInitialize = !this.#initializing.has(groupId)
        const refused = attempt(call, (inner) => {
          const reply = shareHeartbeat(inner, group, command, { isTaken, mayInitialize })
          if (reply.toInitialize.topics.length > 0) this.#initializing.add(groupId)
          inner.outcome.reply(id, reply)
        })
        if (refused) outcome.reply(id, shareHeartbeatError(refused.errorCode, refused.message))
        return
      }
      case 'share-describe':
        return outcome.reply(id, describe(call, groupId, group))
      case 'share-topics':
        return outcome.reply(id, group ? topicsOf(group, [...group.initialized.values()]) : notFound(groupId))
      case 'share-initialized':
        this.#initializing.delete(groupId)
        if (group && command.succeeded) initialized(call, group, command.topics)
        return outcome.reply(id, undefined)
      case 'share-alter':
        return outcome.reply(id, alter(call, groupId, group, command.topics))
      case 'share-forget':
        return outcome.reply(id, forget(call, groupId, group, command.topicIds))
      case 'share-forgotten':
        if (group) dropTopics(call, group, new Set(command.topicIds))
        return outcome.reply(id, undefined)
    }
  }

  /** What is for groups of another kind, but names this one. */
  decideOther(call: Call, group: ShareGroup, command: GroupCommand) {
    const { outcome, id } = call
    const { groupId } = group
    switch (command.type) {
      case 'session-expired':
        return fenceShareMember(call, group, command.memberId)
      case 'delete-group': {
        if (group.members.size > 0) return outcome.reply(id, { errorCode: ErrorCode.NON_EMPTY_GROUP })
        outcome.records.push(...shareGroupTombstones(group))
        return outcome.reply(id, { errorCode: ErrorCode.NONE })
      }
      case 'join':
        return outcome.reply(id, joinError(command.memberId, ErrorCode.INCONSISTENT_GROUP_PROTOCOL))
      case 'sync':
        return outcome.reply(id, syncError(ErrorCode.UNKNOWN_MEMBER_ID))
      case 'heartbeat':
        return outcome.reply(id, { errorCode: ErrorCode.UNKNOWN_MEMBER_ID })
      case 'leave': {
        const members = command.members.map((member) => ({ ...member, errorCode: ErrorCode.UNKNOWN_MEMBER_ID }))
        return outcome.reply(id, { members })
      }
      case 'consumer-heartbeat':
        return outcome.reply(id, {
          ...refusal(`Group ${groupId} is not a consumer group.`),
          memberId: null,
          memberEpoch: 0,
          heartbeatIntervalMs: 0,
          assignment: null,
        })
      case 'describe-consumer-group':
        return outcome.reply(id, refusal(`Group ${groupId} is not a consumer group.`))
      case 'describe-group':
        return outcome.reply(id, refusal(`Group ${groupId} is not a classic group.`))
      case 'offset-commit':
      case 'txn-offset-commit': {
        const errorCode = ErrorCode.GROUP_ID_NOT_FOUND
        const partitions = command.offsets.map(({ topic, partition }) => ({ topic, partition, errorCode }))
        return outcome.reply(id, { partitions })
      }
      case 'offset-fetch':
        return outcome.reply(id, { errorCode: ErrorCode.GROUP_ID_NOT_FOUND, offsets: [] })
      case 'offset-delete':
        return outcome.reply(id, { errorCode: ErrorCode.GROUP_ID_NOT_FOUND, partitions: [] })
    }
  }

  topicsDeleted(call: Call, names: ReadonlySet<string>): void {
    for (const group of this.#groups.values()) {
      const topics = [...group.initializing.values(), ...group.initialized.values(), ...group.deleting.values()]
      const gone = topics.filter(({ topicName }) => names.has(topicName)).map(({ topicId }) => topicId)
      if (gone.length > 0) dropTopics(call, group, new Set(gone))
    }
  }
}

function describe(call: Call, groupId: string, group: ShareGroup | undefined): ShareGroupDescription | ItemRefusal {
  if (!group) return refusal(`Group ${groupId} not found.`)
  const { groupEpoch, assignmentEpoch, state } = group
  const members = [...group.members.values()].map(({ assigned, previousMemberEpoch: _, ...member }) => ({
    ...member,
    assignment: {
      topicPartitions: topicPartitionsOf(assigned).flatMap((row) => {
        const topicName = call.view.topicById(row.topicId)?.name
        return topicName === undefined ? [] : [{ ...row, topicName }]
      }),
    },
  }))
  return { errorCode: ErrorCode.NONE, groupId, groupState: state, groupEpoch, assignmentEpoch, members }
}

function initialized(call: Call, group: ShareGroup, topics: readonly SharedTopic[]): void {
  const { initializing, initialized: before, deleting } = group
  const done = sharedTopics([...before.values(), ...topics])
  const missing = sharedTopics([...initializing.values()], topics)
  call.outcome.record(statesRecord(group.groupId, missing, done, [...deleting.values()]))
}

function alter(
  call: Call,
  groupId: string,
  group: ShareGroup | undefined,
  topics: readonly SharedTopic[],
): ShareTopicsReply {
  if (group && group.members.size > 0) return nonEmpty(group)
  const altered = group ?? new ShareGroup(groupId)
  // Leaders that still write what they knew before are fenced. (Kafka does not raise the epoch.)
  const epoch = group ? group.groupEpoch + 1 : altered.groupEpoch
  const { initializing, initialized: before, deleting, metadataHash } = altered
  const known = [...before.values()]
  call.outcome.record({ type: 'share-group', groupId, value: { epoch, metadataHash } })
  // What has begun already stays so: should the share coordinator not hear of this, it goes on where it was.
  const begun = sharedTopics([...initializing.values(), ...topics], known)
  call.outcome.record(statesRecord(groupId, begun, known, [...deleting.values()]))
  return { ...topicsOf(altered, topics), stateEpoch: epoch }
}

function forget(
  call: Call,
  groupId: string,
  group: ShareGroup | undefined,
  topicIds: readonly string[] | undefined,
): ShareTopicsReply {
  if (!group) return notFound(groupId)
  if (group.members.size > 0) return nonEmpty(group)
  const all = sharedTopics([...group.initialized.values(), ...group.initializing.values()])
  const wanted = new Set(topicIds ?? all.map(({ topicId }) => topicId))
  const topics = all.filter(({ topicId }) => wanted.has(topicId))
  const keep = (kept: ReadonlyMap<string, SharedTopic>) =>
    [...kept.values()].filter(({ topicId }) => !wanted.has(topicId))
  const deleting = [...group.deleting.values(), ...topics.map(({ topicId, topicName }) => ({ topicId, topicName }))]
  if (topics.length > 0) {
    call.outcome.record(statesRecord(groupId, keep(group.initializing), keep(group.initialized), deleting))
  }
  return topicsOf(group, topics)
}

function dropTopics(call: Call, group: ShareGroup, topicIds: ReadonlySet<string>): void {
  const keep = <Topic extends { readonly topicId: string }>(topics: ReadonlyMap<string, Topic>) => {
    return [...topics.values()].filter(({ topicId }) => !topicIds.has(topicId))
  }
  const { groupId, initializing, initialized: done, deleting } = group
  call.outcome.record(statesRecord(groupId, keep(initializing), keep(done), keep(deleting)))
}

function topicsOf({ groupEpoch: stateEpoch }: ShareGroup, topics: readonly SharedTopic[]): ShareTopicsReply {
  return { errorCode: ErrorCode.NONE, errorMessage: null, stateEpoch, topics }
}

function notFound(groupId: string): ShareTopicsReply {
  return { ...refusal(`Group ${groupId} not found.`), stateEpoch: 0, topics: NOTHING }
}

function nonEmpty({ groupEpoch: stateEpoch }: ShareGroup): ShareTopicsReply {
  const errorMessage = 'The group is not empty.'
  return { errorCode: ErrorCode.NON_EMPTY_GROUP, errorMessage, stateEpoch, topics: NOTHING }
}

function refusal(errorMessage: string): ItemRefusal {
  return { errorCode: ErrorCode.GROUP_ID_NOT_FOUND, errorMessage }
}

export function isShareCommand(command: GroupCommand): command is ShareGroupCommand {
  return command.type.startsWith('share-')
}
