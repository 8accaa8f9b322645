// Why an offset has no exact place on the other side, for people.
import type { OffsetMap } from './offset-map.ts'

type Bounds = Pick<OffsetMap, 'lowestUpstream' | 'nextUpstream' | 'nextDownstream'>

export function whyUntranslated(map: Bounds, offset: number, reverse: boolean): string {
  if (reverse)
    return offset > map.nextDownstream ? `past the target's end ${map.nextDownstream}` : 'older than what is known'
  return offset > map.nextUpstream
    ? `not mirrored yet, which ends at ${map.nextUpstream}`
    : `older than what is known, from ${map.lowestUpstream} on`
}
