import fc from 'fast-check'
import { expect, it } from 'vitest'
import type { Assignment } from '../../../../../src/broker/coordinator/group/consumer/assignment.ts'
import { assignShares } from '../../../../../src/broker/coordinator/group/share/simple-assignor.ts'

const topics: Readonly<Record<string, readonly number[]>> = { a: [0, 1, 2], b: [0], c: [0, 1, 2, 3, 4, 5, 6] }
const partitionsOf = (topicId: string) => topics[topicId]!

interface Reader {
  readonly memberId: string
  readonly subscribedTopicIds: ReadonlySet<string>
}

const readers = fc.uniqueArray(fc.integer({ min: 0, max: 30 }), { minLength: 1, maxLength: 14 }).chain((ids) =>
  fc.tuple(
    ...ids.map((id) =>
      fc.uniqueArray(fc.constantFrom('a', 'b', 'c'), { minLength: 1 }).map((names): Reader => {
        return { memberId: `m${id}`, subscribedTopicIds: new Set(names) }
      }),
    ),
  ),
)

const assign = (members: readonly Reader[], before: ReadonlyMap<string, Assignment> = new Map()) => {
  const specs = members.map((member) => ({ ...member, assigned: before.get(member.memberId) ?? new Map() }))
  return assignShares(specs, partitionsOf)
}
const places = (assignment: Assignment) =>
  [...assignment].flatMap(([topicId, partitions]) => [...partitions].map((partition) => `${topicId}-${partition}`))

it('gives everybody something that he reads, and everything that is read to somebody', () => {
  fc.assert(
    fc.property(readers, readers, (members, later) => {
      const first = assign(members)
      for (const assignment of [first, assign(later, first)]) {
        const now = assignment === first ? members : later
        for (const { memberId, subscribedTopicIds } of now) {
          const own = assignment.get(memberId)!
          expect(places(own).length).toBeGreaterThan(0)
          for (const topicId of own.keys()) expect(subscribedTopicIds.has(topicId)).toBe(true)
        }
        const read = new Set(now.flatMap(({ subscribedTopicIds }) => [...subscribedTopicIds]))
        const wanted = [...read].flatMap((topicId) =>
          partitionsOf(topicId).map((partition) => `${topicId}-${partition}`),
        )
        expect(new Set([...assignment.values()].flatMap(places))).toEqual(new Set(wanted))
      }
    }),
  )
})

it('spreads one topic evenly, and leaves what is even', () => {
  const all = (count: number): Reader[] =>
    Array.from({ length: count }, (_, index) => ({ memberId: `m${index}`, subscribedTopicIds: new Set(['c']) }))
  const loads = (assignment: ReadonlyMap<string, Assignment>) =>
    [...assignment.values()].map((own) => places(own).length)
  const two = assign(all(2))
  expect(loads(two).sort()).toEqual([3, 4])
  expect(assign(all(2), two)).toEqual(two)
  expect(loads(assign(all(3), two)).sort()).toEqual([2, 2, 3])
  const many = assign(all(10))
  expect(Math.max(...loads(many))).toBeLessThanOrEqual(2)
})
