import { expect, test } from 'vitest'
import { agree } from '../../src/client/agreement.ts'

/** `a:x 3` is member a with settings x and three partitions; those that share, then those apart. */
function agreed(...members: string[]): string {
  const { sharing, apart } = agree(
    members.map((text) => {
      const [, memberId, settings, owned] = /^(\w+):(\w*) (\d+)$/.exec(text)!
      return {
        memberId: memberId!,
        settings: settings || undefined,
        owned: Array.from({ length: Number(owned) }, (_, at) => at),
      }
    }),
  )
  const names = (list: typeof sharing) => list.map(({ memberId }) => memberId).join('')
  return `${names(sharing)}|${names(apart)}`
}

test.each([
  ['all who say the same share', ['a:x 0', 'b:x 4'], 'ab|'],
  ['a newcomer with other settings stands apart, however many come', ['a:x 1', 'b:y 0', 'c:y 0'], 'a|bc'],
  ['where nobody has anything the most count', ['a:x 0', 'b:y 0', 'c:y 0'], 'bc|a'],
  ['and of equally many the first by their text', ['a:y 0', 'b:x 0'], 'b|a'],
  ['when the others are gone, who stood apart is the group', ['b:y 0'], 'b|'],
  ['who says nothing is believed to agree', ['a:x 2', 'b: 0'], 'ab|'],
])('%s', (_, members, expected) => {
  expect(agreed(...members)).toBe(expected)
  expect(
    agreed(...members.toReversed())
      .split('|')
      .map((side) => [...side].sort().join(''))
      .join('|'),
  ).toBe(expected)
})
