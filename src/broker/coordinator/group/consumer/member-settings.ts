import type { Call } from '../call.ts'
import type { Bounded } from '../group-config.ts'
import type { Assignor } from './assignor.ts'
import type { ConsumerGroup } from './consumer-group.ts'
import type { ConsumerMember } from './consumer-member.ts'
import { assignByRange } from './range-assignor.ts'
import { assignUniformly } from './uniform-assignor.ts'

/** What Kafka has built in. */
export const ASSIGNORS: Readonly<Record<string, Assignor>> = { uniform: assignUniformly, range: assignByRange }

export function sessionTimeoutOf(call: Call, groupId: string): number {
  return ownOr(call, groupId, 'consumer.session.timeout.ms', call.config.consumer.sessionTimeoutMs)
}

export function heartbeatIntervalOf(call: Call, groupId: string): number {
  return ownOr(call, groupId, 'consumer.heartbeat.interval.ms', call.config.consumer.heartbeatIntervalMs)
}

export function assignmentIntervalOf(call: Call, groupId: string): number {
  return ownOr(call, groupId, 'consumer.assignment.interval.ms', call.config.consumer.assignmentIntervalMs)
}

/** The group's own value within the broker's bounds, which may have been drawn closer since. */
export function ownOr(call: Call, groupId: string, name: string, { value, min, max }: Bounded): number {
  const own = call.view.groupConfigs(groupId).get(name)
  return own === undefined ? value : Math.min(Math.max(Number(own), min), max)
}

/** The assignor that most members ask for; the broker's first when none asks. */
export function preferredAssignor(call: Call, members: Iterable<ConsumerMember>): string {
  const votes = new Map<string, number>()
  for (const { serverAssignor } of members) {
    if (serverAssignor !== null) votes.set(serverAssignor, (votes.get(serverAssignor) ?? 0) + 1)
  }
  let preferred = call.config.consumer.assignors[0]!
  for (const [name, count] of votes) if (count > (votes.get(preferred) ?? 0)) preferred = name
  return preferred
}

/** As `ConsumerGroupDescribe` names it. */
export function assignorNameOf(call: Call, group: ConsumerGroup): string {
  return preferredAssignor(call, group.members.values())
}
