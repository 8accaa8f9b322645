// The segments of one log.
import type { Segment } from './segment.ts'

// Invariants:
// 1. Segments are in order of base offsets, there is at least one (but in the middle of starting over), and only the last one grows.
// 2. `removals` counts whenever segments go, so that a compaction that runs in steps sees that its segments are gone.
export class SegmentList {
  #segments: readonly Segment[]
  #removals = 0

  constructor(segments: readonly Segment[]) {
    this.#segments = segments
  }

  get all(): readonly Segment[] {
    return this.#segments
  }

  get first(): Segment {
    return this.#segments[0]!
  }

  /** The one that grows. */
  get active(): Segment {
    return this.#segments.at(-1)!
  }

  get removals(): number {
    return this.#removals
  }

  get sizeInBytes(): number {
    return this.#segments.reduce((sum, segment) => sum + segment.size, 0)
  }

  add(segment: Segment): void {
    this.#segments = [...this.#segments, segment]
  }

  /** Removes segments and their files, in the order given, which must leave no gap if a crash comes between. */
  remove(gone: readonly Segment[]): void {
    this.#removals++
    this.#segments = this.#segments.filter((segment) => !gone.includes(segment))
    for (const segment of gone) segment.remove()
  }

  /** One takes the place of several. */
  replace(replaced: readonly Segment[], by: Segment): void {
    const segments = [...this.#segments.filter((segment) => !replaced.includes(segment)), by]
    this.#segments = segments.sort((one, other) => one.baseOffset - other.baseOffset)
  }

  /** What was appended is cut back: whoever works on closed segments must look again. */
  noteCut(): void {
    this.#removals++
  }

  /** Returns when the records in [from, to) would survive a loss of power; closed segments with their indexes. */
  sync(from: number, to: number): void {
    for (const segment of this.#segments.slice(floorIndex(this.#segments, from))) {
      if (segment.baseOffset < to) segment.sync(segment !== this.active)
    }
  }
}

/** The index of the segment that holds `offset`; of the first when all begin after it. */
export function floorIndex(segments: readonly Segment[], offset: number): number {
  let low = 0
  let high = segments.length - 1
  while (low < high) {
    const middle = Math.ceil((low + high) / 2)
    if (segments[middle]!.baseOffset <= offset) low = middle
    else high = middle - 1
  }
  return low
}
