import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { assignPartitions } from '../../src/client/sticky-assignor.ts'

const range = (count: number) => Array.from({ length: count }, (_, index) => index)
const members = fc
  .uniqueArray(fc.string({ minLength: 1, maxLength: 4 }), { minLength: 1, maxLength: 6 })
  .chain((ids) =>
    fc.tuple(...ids.map((memberId) => fc.record({ memberId: fc.constant(memberId), owned: fc.array(fc.nat(30)) }))),
  )

describe('the sticky assignor', () => {
  it('gives every partition to exactly one member, in shares that differ by one at most', () => {
    fc.assert(
      fc.property(members, fc.nat(24), (group, count) => {
        const assigned = assignPartitions(group, range(count))
        const sizes = group.map(({ memberId }) => assigned.get(memberId)!.length)
        const all = [...assigned.values()].flat().sort((a, b) => a - b)
        expect(all).toEqual(range(count))
        expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1)
      }),
    )
  })

  it('changes nothing when it is asked again', () => {
    fc.assert(
      fc.property(members, fc.nat(24), (group, count) => {
        const first = assignPartitions(group, range(count))
        const again = assignPartitions(
          group.map(({ memberId }) => ({ memberId, owned: first.get(memberId)! })),
          range(count),
        )
        expect([...again]).toEqual([...first])
      }),
    )
  })

  it('moves no more than the newcomer’s share', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 6 }), fc.nat(40), (size, count) => {
        const before = assignPartitions(
          range(size).map((index) => ({ memberId: `m${index}`, owned: [] })),
          range(count),
        )
        const group = [...before].map(([memberId, owned]) => ({ memberId, owned }))
        const after = assignPartitions([...group, { memberId: 'a-new-one', owned: [] }], range(count))
        const moved = group.flatMap(({ memberId, owned }) => owned.filter((p) => !after.get(memberId)!.includes(p)))
        expect(moved.sort((a, b) => a - b)).toEqual(after.get('a-new-one'))
      }),
    )
  })

  it('spreads what a departed member held and leaves the rest alone', () => {
    const assigned = assignPartitions(
      [
        { memberId: 'a', owned: [0, 3] },
        { memberId: 'b', owned: [1, 4] },
      ],
      range(6),
    )
    expect(Object.fromEntries(assigned)).toEqual({ a: [0, 2, 3], b: [1, 4, 5] })
  })

  it('gives a partition that two claim to one of them', () => {
    const assigned = assignPartitions(
      [
        { memberId: 'b', owned: [0, 1] },
        { memberId: 'a', owned: [1] },
      ],
      range(2),
    )
    expect(Object.fromEntries(assigned)).toEqual({ a: [1], b: [0] })
  })
})
