// What follows from a group's committed offset: where it stands on the target, whether that is worth a checkpoint, and whether
// it may be written to the group on the target. Decisions only; `position-writer.ts` and `checkpoint-writer.ts` gather the facts and
// carry them out.
import type { Checkpoint } from './checkpoint.ts'
import type { OffsetMap } from './offset-map.ts'

export type Translation =
  /** `exact`: the very record, or the first mirrored one after it. */
  | { readonly downstream: number; readonly exact: true }
  /** The group is further than the mirror: it goes on at the target's end, and advances as records arrive. */
  | { readonly downstream: number; readonly exact: false; readonly behind: number }
  /** Older than what is remembered or than the start of mirroring. */
  | undefined

export function translatePosition(map: OffsetMap, upstream: number): Translation {
  const downstream = map.translate(upstream)
  if (downstream !== undefined) return { downstream, exact: true }
  if (upstream < map.lowestUpstream) return undefined
  // Never ahead of the truth: everything that is on the target, the group has read.
  return { downstream: map.nextDownstream, exact: false, behind: upstream - map.nextUpstream }
}

/** MirrorMaker's rule: the first, after a step back upstream, or when the translated offset advanced. */
export function isNewsWorthy(last: Checkpoint | undefined, next: Checkpoint): boolean {
  if (last === undefined) return true
  return next.upstreamOffset < last.upstreamOffset || next.downstreamOffset > last.downstreamOffset
}

/** The state of a group on the target as its coordinator tells it; `unknown` when it could not be asked. */
export type TargetGroup = { readonly known: true; readonly state: string | undefined } | { readonly known: false }

/** Why a group on the target must not be touched; undefined when it may be: it is absent, or has no member. */
export function untouchable(group: TargetGroup): string | undefined {
  if (!group.known) return 'the state of the group on the target is not known'
  if (group.state === undefined || group.state === 'Empty' || group.state === 'Dead') return undefined
  return `the group is active on the target (${group.state})`
}

/** What the target's log of the partition still has; undefined when it could not be asked. */
export interface LogRange {
  readonly logStartOffset: number
  readonly endOffset: number
}

export type CommitDecision =
  | { readonly do: 'commit'; readonly offset: number }
  | { readonly do: 'nothing' }
  | { readonly do: 'blocked'; readonly reason: string }

/** `committed` is the group's offset on the target now; undefined or negative when it has none. */
export function decideCommit(
  downstream: number,
  committed: number | undefined,
  range: LogRange | undefined,
): CommitDecision {
  // Never rewind: at or beyond is where the group already is, by us or by its own members.
  if (committed !== undefined && committed >= Math.max(downstream, 0)) return { do: 'nothing' }
  if (range === undefined) return { do: 'blocked', reason: "the range of the target's log is not known" }
  if (downstream > range.endOffset)
    return { do: 'blocked', reason: `the target ends at ${range.endOffset}, before ${downstream}` }
  // Below the log start the consumer would fall to its reset policy, and with `latest` skip everything there is.
  return { do: 'commit', offset: Math.max(downstream, range.logStartOffset) }
}
