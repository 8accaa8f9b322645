// Whatever members of either protocol do, in whatever order: the machine that replays the log is the machine that wrote it, and no
// partition is ever owned by two members.
import fc from 'fast-check'
import { expect, it } from 'vitest'
import type { ClassicGroup } from '../../../../src/broker/coordinator/group/classic-group.ts'
import { ConsumerGroup } from '../../../../src/broker/coordinator/group/consumer/consumer-group.ts'
import { Transcript } from './transcript.ts'

const NAMES = ['a', 'b', 'c', 'd'] as const

const who = fc.constantFrom(...NAMES)
const topics = fc.constantFrom('t', 'u', 't+u')

/** Lines of a transcript. Owned partitions are filled in from what the member was told last. */
const line = fc.oneof(
  { weight: 12, arbitrary: who.map((name) => `beat ${name}`) },
  { weight: 4, arbitrary: fc.tuple(who, topics).map(([name, own]) => `beat ${name} epoch=0 topics=${own}`) },
  { weight: 2, arbitrary: who.map((name) => `beat ${name} epoch=0 regex=t.*`) },
  { weight: 2, arbitrary: who.map((name) => `beat ${name} epoch=0 instance=${name}`) },
  { weight: 1, arbitrary: who.map((name) => `beat ${name} epoch=-2 instance=${name}`) },
  { weight: 1, arbitrary: who.map((name) => `beat ${name}2 epoch=0 instance=${name}`) },
  { weight: 2, arbitrary: who.map((name) => `beat ${name} epoch=-1`) },
  { weight: 5, arbitrary: who.map((name) => `join ${name}-classic version=3 owned=`) },
  { weight: 5, arbitrary: who.map((name) => `sync ${name}-classic assign=${name}-classic:@t:0,1`) },
  { weight: 3, arbitrary: who.map((name) => `heartbeat ${name}-classic`) },
  { weight: 1, arbitrary: who.map((name) => `leave ${name}-classic`) },
  { weight: 2, arbitrary: fc.integer({ min: 1, max: 5 }).map((count) => `topic t ${count}`) },
  { weight: 2, arbitrary: fc.integer({ min: 0, max: 4 }).map((count) => `topic u ${count}`) },
  { weight: 2, arbitrary: fc.constantFrom(0, 1000, 9000, 20_000, 46_000).map((ms) => `advance ${ms}`) },
  { weight: 1, arbitrary: fc.constant('commit admin t-0=1') },
  { weight: 1, arbitrary: fc.constant('delete-group admin') },
)

/** All that is durable of a group. */
function durable(group: ClassicGroup | ConsumerGroup | undefined): unknown {
  if (group instanceof ConsumerGroup) {
    const { groupEpoch, assignmentEpoch, metadataHash, members, targets, resolvedRegexes, staticMembers } = group
    return { groupEpoch, assignmentEpoch, metadataHash, members, targets, resolvedRegexes, staticMembers }
  }
  return group?.persisted ? 'classic' : undefined
}

function expectOneOwnerEach(group: ClassicGroup | ConsumerGroup | undefined): void {
  if (!(group instanceof ConsumerGroup)) return
  const owners = new Map<string, string>()
  for (const { memberId, assigned, pendingRevocation } of group.members.values()) {
    for (const [topicId, partitions] of [...assigned, ...pendingRevocation]) {
      for (const partition of partitions.keys()) {
        const key = `${topicId}-${partition}`
        expect([key, owners.get(key)]).toEqual([key, undefined])
        owners.set(key, memberId)
      }
    }
  }
}

function play(lines: readonly string[]): Transcript {
  const transcript = new Transcript()
  transcript.run('topic t 3')
  for (const each of lines) {
    transcript.run(
      each.startsWith('beat') && !each.includes('=') ? `${each} ${transcript.has(each.split(' ')[1]!)}` : each,
    )
    expectOneOwnerEach(transcript.group('g'))
    expect(durable(transcript.rebuilt().group('g'))).toEqual(durable(transcript.group('g')))
  }
  return transcript
}

it('is rebuilt as it was, with one owner for each partition', () => {
  let mixed = 0
  fc.assert(
    fc.property(fc.array(line, { minLength: 10, maxLength: 60 }), (lines) => {
      const group = play(lines).group('g')
      if (group instanceof ConsumerGroup && group.classicMembers.length > 0) mixed += 1
    }),
    { numRuns: 300, seed: 848 },
  )
  // The commands are drawn such that both protocols meet, else little would be shown.
  expect(mixed).toBeGreaterThan(10)
})

it('comes to rest: members that do as they are told have all partitions in the end', () => {
  fc.assert(
    fc.property(fc.array(line, { minLength: 10, maxLength: 40 }), (lines) => {
      const transcript = play(lines)
      transcript.run('delete-group admin')
      for (const each of ['topic t 5', 'topic u 0', 'advance 400000']) transcript.run(each)
      for (let round = 0; round < 8; round++) {
        for (const name of NAMES) {
          const joins = round === 0 ? 'epoch=0 topics=t' : transcript.has(name)
          transcript.run(`beat ${name} ${joins}`)
          transcript.run('advance 0')
        }
      }
      const group = transcript.group('g')
      if (!(group instanceof ConsumerGroup)) throw new Error('not a consumer group')
      expect(group.state).toBe('Stable')
      const sizes = [...group.members.values()].map(({ assigned }) => [...assigned.values()][0]?.size ?? 0)
      expect(sizes.sort()).toEqual([1, 1, 1, 2])
    }),
    { numRuns: 100, seed: 848 },
  )
})
