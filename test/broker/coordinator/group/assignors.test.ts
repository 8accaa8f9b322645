// What must hold of every assignment, whatever the group: each partition goes to one member that reads its topic, members have as much
// as each other as far as their topics allow, and nothing moves that need not.
import fc from 'fast-check'
import { expect, it } from 'vitest'
import type { Assignment } from '../../../../src/broker/coordinator/group/consumer/assignment.ts'
import type {
  Assignor,
  GroupAssignment,
  GroupSpec,
} from '../../../../src/broker/coordinator/group/consumer/assignor.ts'
import { ASSIGNORS } from '../../../../src/broker/coordinator/group/consumer/member-settings.ts'

interface Drawn {
  /** Partition counts of the topics. */
  readonly counts: readonly number[]
  /** Topic indexes of each member. */
  readonly subscriptions: readonly (readonly number[])[]
}

const drawn = fc
  .array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 5 })
  .chain((counts): fc.Arbitrary<Drawn> => {
    const topics = fc.subarray(
      counts.map((_, i) => i),
      { minLength: 0 },
    )
    const different = fc.array(topics, { minLength: 1, maxLength: 7 })
    const same = fc.tuple(topics, fc.integer({ min: 1, max: 7 })).map(([own, size]) => Array(size).fill(own))
    return fc.oneof(different, same).map((subscriptions) => ({ counts, subscriptions }))
  })

function specOf({ counts, subscriptions }: Drawn, before?: GroupAssignment, prefix = 'm'): GroupSpec {
  const members = subscriptions.map((topics, i) => ({
    memberId: `${prefix}${i}`,
    instanceId: null,
    subscribedTopicIds: new Set(topics.map((topic) => `t${topic}`)),
    assigned: before?.get(`${prefix}${i}`) ?? new Map(),
  }))
  const homogeneous = subscriptions.every((topics) => String(topics) === String(subscriptions[0]))
  return { members, homogeneous, partitionCount: (topicId) => counts[Number(topicId.slice(1))]! }
}

function partitionsOf(assignment: Assignment | undefined): string[] {
  return [...(assignment ?? [])].flatMap(([topicId, own]) => [...own].map((partition) => `${topicId}-${partition}`))
}

function expectComplete(spec: GroupSpec, result: GroupAssignment): void {
  const given = spec.members.flatMap(({ memberId, subscribedTopicIds }) => {
    const own = result.get(memberId)
    for (const topicId of own?.keys() ?? []) expect(subscribedTopicIds).toContain(topicId)
    return partitionsOf(own)
  })
  const read = new Set(spec.members.flatMap(({ subscribedTopicIds }) => [...subscribedTopicIds]))
  const all = [...read].flatMap((topicId) =>
    Array.from({ length: spec.partitionCount(topicId) }, (_, partition) => `${topicId}-${partition}`),
  )
  expect(given.sort()).toEqual(all.sort())
}

const sizes = (spec: GroupSpec, result: GroupAssignment) =>
  spec.members.map(({ memberId }) => partitionsOf(result.get(memberId)).length)

for (const [name, assign] of Object.entries<Assignor>(ASSIGNORS)) {
  it(`${name} gives every partition to one member that reads it`, () => {
    fc.assert(
      fc.property(drawn, (group) => {
        const spec = specOf(group)
        expectComplete(spec, assign(spec))
      }),
    )
  })
}

it('uniform differs by one at most among members with the same topics', () => {
  fc.assert(
    fc.property(drawn, ({ counts, subscriptions }) => {
      const spec = specOf({ counts, subscriptions: subscriptions.map(() => subscriptions[0]!) })
      const loads = sizes(spec, ASSIGNORS['uniform']!(spec))
      expect(Math.max(...loads) - Math.min(...loads)).toBeLessThanOrEqual(1)
    }),
  )
})

it('uniform leaves no partition with a member that has two more than another one that could take it', () => {
  fc.assert(
    fc.property(drawn, (group) => {
      const spec = specOf(group)
      const result = ASSIGNORS['uniform']!(spec)
      const loads = sizes(spec, result)
      spec.members.forEach((member, i) => {
        for (const topicId of result.get(member.memberId)?.keys() ?? []) {
          spec.members.forEach((other, j) => {
            if (other.subscribedTopicIds.has(topicId)) expect(loads[i]! - loads[j]!).toBeLessThanOrEqual(1)
          })
        }
      })
    }),
  )
})

it('uniform changes nothing that is even already', () => {
  fc.assert(
    fc.property(drawn, (group) => {
      const first = ASSIGNORS['uniform']!(specOf(group))
      const again = ASSIGNORS['uniform']!(specOf(group, first))
      for (const [memberId, own] of again)
        expect(partitionsOf(own).sort()).toEqual(partitionsOf(first.get(memberId)).sort())
    }),
  )
})

it('uniform moves only to the newcomer when one joins members with the same topics', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 30 }), fc.integer({ min: 1, max: 6 }), (count, size) => {
      const group = (members: number) => ({ counts: [count], subscriptions: Array(members).fill([0]) })
      const first = ASSIGNORS['uniform']!(specOf(group(size)))
      const then = ASSIGNORS['uniform']!(specOf(group(size + 1), first))
      for (const [memberId, own] of first) {
        const before = new Set(partitionsOf(own))
        for (const partition of partitionsOf(then.get(memberId))) expect(before).toContain(partition)
      }
      expectComplete(specOf(group(size + 1)), then)
    }),
  )
})

it('range gives the same numbers of topics that have the same partition count', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 5 }), (count, size) => {
      const spec = specOf({ counts: [count, count], subscriptions: Array(size).fill([0, 1]) })
      for (const own of ASSIGNORS['range']!(spec).values()) expect(own.get('t0')).toEqual(own.get('t1'))
    }),
  )
})
