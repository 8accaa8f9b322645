// Members that go, by themselves or because their time is over.

import type { Call } from '../call.ts'
import type { ConsumerGroup } from './consumer-group.ts'
import type { ConsumerMember } from './consumer-member.ts'
import { groupRecord, memberTombstones, regexRecord } from './consumer-records.ts'
import { downgrade, maySpeakClassicWithout } from './migration.ts'
import { membersWith, metadataHash, subscribedNames } from './subscribed-topics.ts'
import { cancelTimers } from './timers.ts'

/** Takes members out: the group's epoch rises, so the others share what is left. When only classic members stay it turns classic. */
export function fenceMembers(call: Call, group: ConsumerGroup, members: readonly ConsumerMember[]) {
  if (members.length === 0) return
  const gone = members.map(({ memberId }) => memberId)
  for (const memberId of gone) cancelTimers(call, group, memberId)
  if (maySpeakClassicWithout(call, group, gone)) return downgrade(call, group, { gone })
  const { outcome, view } = call
  for (const memberId of gone) outcome.records.push(...memberTombstones(group.groupId, memberId))
  const left = membersWith(group, undefined, gone)
  const resolved = new Map(group.resolvedRegexes)
  for (const regex of group.resolvedRegexes.keys()) {
    if (left.some((member) => member.subscribedTopicRegex === regex)) continue
    resolved.delete(regex)
    outcome.record(regexRecord(group.groupId, regex, null))
  }
  const hash = metadataHash(subscribedNames(left, resolved), view)
  outcome.record(groupRecord(group.groupId, group.groupEpoch + 1, hash))
}

/** The member showed no life in its session, or did not join or sync anew as it was told. */
export function fenceIfThere(call: Call, group: ConsumerGroup, memberId: string): void {
  const member = group.members.get(memberId)
  if (member) fenceMembers(call, group, [member])
}

/** It had to give up partitions and has not said that it did. */
export function revocationElapsed(call: Call, group: ConsumerGroup, memberId: string, memberEpoch: number): void {
  const member = group.members.get(memberId)
  if (member?.memberEpoch === memberEpoch) fenceMembers(call, group, [member])
}
