// Runs of an offset map in packed typed arrays: 24 bytes a run, no object per run, found by binary search.
// Bounds are the caller's; the list only grows at its end, and is cut at either end.

/** `count` neighbouring records: upstream + k was mirrored to downstream + k. */
export interface Run {
  readonly upstream: number
  readonly downstream: number
  readonly count: number
}

const RUN_BYTES = 24
const CAPACITY_MIN = 16

export class RunList {
  #upstream = new Float64Array(CAPACITY_MIN)
  #downstream = new Float64Array(CAPACITY_MIN)
  #count = new Float64Array(CAPACITY_MIN)
  /** Slot of the first run: dropping old runs moves it, and room is won back when the list grows next. */
  #first = 0
  #length = 0
  /** So many runs from the first on are as they were when `takeUnchanged` was asked last. */
  #unchanged = 0

  get length(): number {
    return this.#length
  }

  /** Memory held, room for growth included. */
  get sizeInBytes(): number {
    return this.#upstream.length * RUN_BYTES
  }

  upstream(index: number): number {
    return this.#upstream[this.#first + index]!
  }

  downstream(index: number): number {
    return this.#downstream[this.#first + index]!
  }

  count(index: number): number {
    return this.#count[this.#first + index]!
  }

  upstreamEnd(index: number): number {
    return this.upstream(index) + this.count(index)
  }

  downstreamEnd(index: number): number {
    return this.downstream(index) + this.count(index)
  }

  at(index: number): Run {
    return { upstream: this.upstream(index), downstream: this.downstream(index), count: this.count(index) }
  }

  push(upstream: number, downstream: number, count: number): void {
    if (this.#first + this.#length === this.#upstream.length) this.#makeRoom()
    const slot = this.#first + this.#length++
    this.#upstream[slot] = upstream
    this.#downstream[slot] = downstream
    this.#count[slot] = count
  }

  setCount(index: number, count: number): void {
    this.#count[this.#first + index] = count
    if (index < this.#unchanged) this.#unchanged = index
  }

  dropFirst(runs: number): void {
    this.#first += runs
    this.#length -= runs
    this.#unchanged = Math.max(0, this.#unchanged - runs)
  }

  /** Keeps the first `length` runs. */
  truncate(length: number): void {
    this.#length = length
    if (length < this.#unchanged) this.#unchanged = length
  }

  /** How many runs from the first on have not changed since this was asked last; for one reader who copies the others. */
  takeUnchanged(): number {
    const unchanged = this.#unchanged
    this.#unchanged = this.#length
    return unchanged
  }

  /** Packed: upstream, downstream and count of each run from `index` on. */
  from(index: number): Float64Array<ArrayBuffer> {
    const packed = new Float64Array((this.#length - index) * 3)
    for (let at = index, to = 0; at < this.#length; at++) {
      packed[to++] = this.upstream(at)
      packed[to++] = this.downstream(at)
      packed[to++] = this.count(at)
    }
    return packed
  }

  /** Index of the last run that starts at or below the upstream offset; −1 when there is none. */
  lastByUpstream(upstream: number): number {
    return lastAtOrBelow(this.#upstream, this.#first, this.#length, upstream)
  }

  /** Index of the last run that starts at or below the downstream offset; −1 when there is none. */
  lastByDownstream(downstream: number): number {
    return lastAtOrBelow(this.#downstream, this.#first, this.#length, downstream)
  }

  #makeRoom(): void {
    // One sixteenth of the slots being empty at the front is room enough; else the arrays double.
    const full = this.#length > (this.#upstream.length / 16) * 15
    const capacity = full ? this.#upstream.length * 2 : this.#upstream.length
    this.#upstream = this.#moved(this.#upstream, capacity)
    this.#downstream = this.#moved(this.#downstream, capacity)
    this.#count = this.#moved(this.#count, capacity)
    this.#first = 0
  }

  #moved(from: Float64Array<ArrayBuffer>, capacity: number): Float64Array<ArrayBuffer> {
    const to = new Float64Array(capacity)
    to.set(from.subarray(this.#first, this.#first + this.#length))
    return to
  }
}

function lastAtOrBelow(ascending: Float64Array, first: number, length: number, value: number): number {
  let low = first
  let high = first + length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (ascending[middle]! <= value) low = middle + 1
    else high = middle
  }
  return low - first - 1
}
