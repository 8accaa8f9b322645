// Which members of a group may share its work: those that would do the same work. Pure, so that every member would come to the same
// answer as the group's leader.
import type { GroupMember } from './sticky-assignor.ts'

export interface SettledMember extends GroupMember {
  /** What it would do, as text; undefined: it does not say, and is believed to agree. */
  readonly settings: string | undefined
}

export interface Agreement {
  readonly sharing: readonly SettledMember[]
  /** They get nothing, so that no partition is worked on in two ways. */
  readonly apart: readonly SettledMember[]
}

/**
 * The settings of whoever holds most of the work count, for a newcomer must not take it over by being different; where nobody holds
 * anything, those of the most members, then the first by their text.
 */
export function agree(members: readonly SettledMember[]): Agreement {
  const held = new Map<string, { partitions: number; members: number }>()
  for (const { settings, owned } of members) {
    if (settings === undefined) continue
    const known = held.get(settings) ?? { partitions: 0, members: 0 }
    held.set(settings, { partitions: known.partitions + owned.length, members: known.members + 1 })
  }
  const ranked = [...held].sort(
    ([aText, a], [bText, b]) => b.partitions - a.partitions || b.members - a.members || (aText < bText ? -1 : 1),
  )
  const agreed = ranked[0]?.[0]
  const agrees = ({ settings }: SettledMember) => settings === undefined || settings === agreed
  return { sharing: members.filter(agrees), apart: members.filter((member) => !agrees(member)) }
}
