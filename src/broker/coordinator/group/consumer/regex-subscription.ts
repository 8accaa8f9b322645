// Subscriptions by regular expression: a new one is checked at once and resolved right after the heartbeat that brought it; all of a
// group's are resolved together, again when topics have come, and at most every ten seconds.

import { Re2 } from '../../../re2.ts'
import { Re2SyntaxError } from '../../../re2-parser.ts'
import { type Call, timerKey } from '../call.ts'
import type { ResolveRegexesCommand } from '../command.ts'
import type { ConsumerGroup } from './consumer-group.ts'
import type { ConsumerMember } from './consumer-member.ts'
import { groupRecord, regexRecord } from './consumer-records.ts'
import { Refused } from './refused.ts'
import { membersWith, metadataHash, subscribedNames } from './subscribed-topics.ts'

/** As Kafka: a group's topics may be looked through again after so long. */
const REFRESH_MIN_INTERVAL_MS = 10_000

/** Whether the member's expression changed, and whether what it reads now is known already. */
export type RegexChange = 'same' | 'changed' | 'resolved'

export function changeRegex(
  call: Call,
  group: ConsumerGroup,
  before: ConsumerMember,
  after: ConsumerMember,
  mayDescribe: (topic: string) => boolean,
): RegexChange {
  const replaced = group.staticMember(after.instanceId)?.memberId
  const others = [...group.members.values()].filter((member) => {
    return member.memberId !== after.memberId && member.memberId !== replaced
  })
  const change = changeOf(call, group, before, after, others)
  const regexes = new Set([after, ...others].map((member) => member.subscribedTopicRegex).filter(Boolean))
  if (isRefreshDue(call, group, regexes)) scheduleResolution(call, group, [...regexes], mayDescribe)
  return change
}

function changeOf(
  call: Call,
  group: ConsumerGroup,
  { subscribedTopicRegex: old }: ConsumerMember,
  { subscribedTopicRegex: regex }: ConsumerMember,
  others: readonly ConsumerMember[],
): RegexChange {
  if (old === regex) return 'same'
  const usedByOthers = (name: string) => others.some((member) => member.subscribedTopicRegex === name)
  if (old !== '' && !usedByOthers(old)) call.outcome.record(regexRecord(group.groupId, old, null))
  if (regex === '') return 'resolved'
  if (usedByOthers(regex)) return group.resolvedRegexes.has(regex) ? 'resolved' : 'changed'
  throwIfInvalidRegex(regex)
  return 'changed'
}

function throwIfInvalidRegex(regex: string): void {
  try {
    Re2.compile(regex)
  } catch (error) {
    if (!(error instanceof Re2SyntaxError)) throw error
    const message = `SubscribedTopicRegex \`${regex}\` is not a valid regular expression: ${error.message}.`
    throw new Refused('INVALID_REGULAR_EXPRESSION', message)
  }
}

function isRefreshDue({ nowMs, view, config }: Call, group: ConsumerGroup, regexes: ReadonlySet<string>): boolean {
  if (regexes.size === 0 || group.resolving) return false
  const [last] = group.resolvedRegexes.values()
  if (!last) return true
  if (nowMs <= last.timestamp + REFRESH_MIN_INTERVAL_MS) return false
  const unresolved = [...regexes].some((regex) => !group.resolvedRegexes.has(regex))
  const late = nowMs > last.timestamp + config.consumer.regexRefreshIntervalMs
  return unresolved || late || last.version !== view.topicsVersion
}

function scheduleResolution(
  call: Call,
  group: ConsumerGroup,
  regexes: readonly string[],
  mayDescribe: (topic: string) => boolean,
): void {
  group.resolving = true
  const { groupId } = group
  call.outcome.setTimer(timerKey.resolve(groupId), 0, { type: 'resolve-regexes', groupId, regexes, mayDescribe })
}

/** Looks through the topics. The group's epoch rises when other topics are read now than before. */
export function resolveRegexes(call: Call, group: ConsumerGroup, command: ResolveRegexesCommand): void {
  group.resolving = false
  const { view, nowMs, outcome } = call
  const { groupId } = group
  const members = membersWith(group, undefined)
  const resolved = new Map(group.resolvedRegexes)
  let changed = false
  for (const regex of command.regexes) {
    if (!members.some((member) => member.subscribedTopicRegex === regex)) continue
    const topics = matches(regex, view.topics.keys()).filter(command.mayDescribe)
    const old = group.resolvedRegexes.get(regex)?.topics ?? []
    changed ||= topics.length !== old.length || topics.some((topic, i) => topic !== old[i])
    const value = { topics, version: view.topicsVersion, timestamp: nowMs }
    resolved.set(regex, value)
    outcome.record(regexRecord(groupId, regex, value))
  }
  const hash = metadataHash(subscribedNames(members, resolved), view)
  if (changed || hash !== group.metadataHash) outcome.record(groupRecord(groupId, group.groupEpoch + 1, hash))
}

function matches(regex: string, names: Iterable<string>): string[] {
  const compiled = Re2.compile(regex)
  return [...names].filter((name) => compiled.matches(name)).sort()
}
