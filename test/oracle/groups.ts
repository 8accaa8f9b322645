// Whether a group that goes on elsewhere misses nothing and repeats little, and where it is said to stand.
import type { SeenRecord } from './seen-record.ts'
import { Findings, type Violation } from './violation.ts'

export interface GroupRead {
  readonly group: string
  /** What it was handed, on whichever side, in that order. */
  readonly handed: readonly SeenRecord[]
  /** What it should have got, all of it. */
  readonly owed: readonly SeenRecord[]
  /** How often it may get something again. */
  readonly redeliveredMax?: number
}

export function checkGroup({ group, handed, owed, redeliveredMax = 0 }: GroupRead): Violation[] {
  const findings = new Findings(`group ${group}`)
  const seen = new Set<string>()
  const known = new Set(owed.map(({ id }) => id))
  let again = 0
  for (const { id } of handed) {
    if (!known.has(id)) findings.add('phantom', id.slice(0, 60))
    if (seen.has(id) && ++again > redeliveredMax) findings.add('redelivered', id.slice(0, 60))
    seen.add(id)
  }
  for (const { id, offset } of owed) if (!seen.has(id)) findings.add('skipped', `${id.slice(0, 60)} at ${offset}`)
  return findings.violations()
}

export interface GroupPositions {
  readonly group: string
  readonly log: string
  /** What was found committed, and where the log ended right after, look after look. */
  readonly looks: readonly { readonly offset: number; readonly endOffset: number }[]
  /** Where it should stand in the end. */
  readonly truth: number
  /** How far it may be behind that. */
  readonly behindMax?: number
}

export function checkPositions({ group, log, looks, truth, behindMax = 0 }: GroupPositions): Violation[] {
  const findings = new Findings(`group ${group} in ${log}`)
  let last = -1
  for (const { offset, endOffset } of looks) {
    if (offset > endOffset) findings.add('overcommit', `${offset}, and the log ends at ${endOffset}`)
    if (offset < last) findings.add('rewound', `from ${last} to ${offset}`)
    last = offset
  }
  const ends = `it stands at ${last}, and should at ${truth}`
  if (last > truth) findings.add('skipped', ends)
  if (last < truth - behindMax) findings.add('redelivered', ends)
  return findings.violations()
}
