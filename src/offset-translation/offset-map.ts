// Where every mirrored offset of one partition went: a run-length list of (upstream, downstream, count), exact in both
// directions. An untouched topic is one run; each transaction marker, aborted batch or compaction hole adds one.
//
// Life of a batch: `plan` before it is sent (true: `takeChanges` must be durable first), `acknowledge` when the target took it.
// After a start or any doubt: settle every `contested` position by reading the target, then `resume` at the target's end.
// Bounded by `runsMax`: a run costs 24 bytes and the arrays double, so 900,000 runs are at most 24 MiB for one partition, and a
// partition without gaps is 384 bytes; the oldest runs are forgotten first, and an offset in them translates to undefined.
import { HeliostatError } from '../platform/errors.ts'
import { CLAIMED_RUNS_MAX, type Claim, type ClaimedRun, ClaimList, claimEnd } from './claim-list.ts'
import { decodeChunk, encodeChunk, OFFSET_MAX, type OffsetMapChunk, RUNS_PER_CHUNK } from './offset-map-chunk.ts'
import type { Run } from './run-list.ts'
import { RunList } from './run-list.ts'

export interface OffsetMapOptions {
  /** Where mirroring begins: the first source offset wanted, and the target's end before the first record. */
  readonly start?: { readonly upstream: number; readonly downstream: number }
  readonly runsMax?: number
}

/** What must be written to be durable, and which chunks are no longer needed (a tombstone each), by chunk index. */
export interface OffsetMapChanges {
  readonly chunks: readonly { readonly index: number; readonly bytes: Buffer }[]
  readonly removed: readonly number[]
}

/** What changed in a map, for a copy of it on another thread that translates. */
export interface OffsetMapNews {
  /** Number of the first run kept, and of the first that is told: those between are as they were. */
  readonly firstNumber: number
  readonly from: number
  /** Packed: upstream, downstream and count of each run. */
  readonly runs: Float64Array
  readonly base: { readonly upstream: number; readonly downstream: number }
  readonly acknowledged: number
  readonly skippedTo: number
}

/**
 * Invariants
 * 1. Runs ascend on both sides and do not overlap; runs that touch on both sides are one run.
 * 2. Records are planned before they are acknowledged, and acknowledged in order; acknowledged is beyond the planned end only where
 *    the target ends with what is none of the source's records.
 * 3. What an offset was said to be never changes, except for records that the target was seen not to have.
 * 4. Every claim begins at or after `acknowledged`: below it, what stands on the target is not in doubt.
 * 5. There are at most `runsMax` runs and CLAIMED_RUNS_MAX claimed runs.
 */
export class OffsetMap {
  readonly #runs = new RunList()
  readonly #runsMax: number
  /** Where the forgotten runs end, or mirroring began: nothing below is known. */
  #base: { upstream: number; downstream: number }
  /** Number of the first run kept, counted from the partition's first run ever. */
  #firstNumber = 0
  #acknowledged: number
  /** The source has no record for us between the last planned one and this offset. */
  #skippedTo: number
  readonly #claims = new ClaimList()
  readonly #dirty = new Set<number>()
  readonly #removed = new Set<number>()
  /** What the copy knows, but for the runs. */
  #told: string | undefined

  constructor(options: OffsetMapOptions = {}) {
    this.#base = { upstream: options.start?.upstream ?? 0, downstream: options.start?.downstream ?? 0 }
    this.#runsMax = options.runsMax ?? 900_000
    this.#acknowledged = this.#base.downstream
    this.#skippedTo = this.#base.upstream
  }

  /** Rebuilds a map from the chunks that are durable (`start` counts when there is none); refuses one missing in between. */
  static load(chunks: readonly Buffer[], options: OffsetMapOptions = {}): OffsetMap {
    const decoded = chunks.map(decodeChunk).sort((a, b) => a.firstRun - b.firstRun)
    const map = new OffsetMap({ ...options, start: decoded[0]?.base ?? options.start })
    map.#firstNumber = decoded[0]?.firstRun ?? 0
    for (const chunk of decoded) map.#loadChunk(chunk)
    map.#skippedTo = map.plannedUpstream
    map.#claims.makeStale()
    return map
  }

  // ---- translation

  /**
   * Where a consumer at this source offset goes on at the target: the record itself, else the first mirrored record after it;
   * the position after the last one is the target's end. Undefined: not mirrored yet, or too old to be known.
   */
  translate(upstream: number): number | undefined {
    if (upstream < this.#base.upstream || upstream > this.nextUpstream) return undefined
    const index = this.#runs.lastByUpstream(upstream)
    let downstream: number
    if (index >= 0 && upstream < this.#runs.upstreamEnd(index))
      downstream = this.#runs.downstream(index) + (upstream - this.#runs.upstream(index))
    else downstream = index + 1 < this.#runs.length ? this.#runs.downstream(index + 1) : this.#acknowledged
    return Math.min(downstream, this.#acknowledged)
  }

  /** The way back: the source offset at which a consumer at this target offset would go on. */
  reverse(downstream: number): number | undefined {
    if (downstream < this.#base.downstream || downstream > this.#acknowledged) return undefined
    if (downstream === this.#acknowledged) return this.nextUpstream
    const index = this.#runs.lastByDownstream(downstream)
    if (index >= 0 && downstream < this.#runs.downstreamEnd(index))
      return this.#runs.upstream(index) + (downstream - this.#runs.downstream(index))
    return index + 1 < this.#runs.length ? this.#runs.upstream(index + 1) : this.nextUpstream
  }

  /** Source offset of the record that the target lacks next; everything below it is on the target, or has no record. */
  get nextUpstream(): number {
    if (this.#acknowledged >= this.plannedDownstream) return Math.max(this.plannedUpstream, this.#skippedTo)
    const index = this.#runs.lastByDownstream(this.#acknowledged)
    if (index >= 0 && this.#acknowledged < this.#runs.downstreamEnd(index))
      return this.#runs.upstream(index) + (this.#acknowledged - this.#runs.downstream(index))
    return this.#runs.upstream(index + 1)
  }

  /** The target's end as far as it was acknowledged. */
  get nextDownstream(): number {
    return this.#acknowledged
  }

  /** Below this source offset nothing is known: forgotten, or before mirroring began. */
  get lowestUpstream(): number {
    return this.#base.upstream
  }

  /** Where the next planned record must not go before; differs from `nextUpstream` by what is in flight. */
  get plannedUpstream(): number {
    return this.#runs.length === 0 ? this.#base.upstream : this.#runs.upstreamEnd(this.#runs.length - 1)
  }

  get plannedDownstream(): number {
    return this.#runs.length === 0 ? this.#base.downstream : this.#runs.downstreamEnd(this.#runs.length - 1)
  }

  /** Where the last record below this target offset stands; undefined when none is known. */
  lastRecordBelow(downstream: number): number | undefined {
    const index = this.#runs.lastByDownstream(downstream - 1)
    return index < 0 ? undefined : Math.min(downstream, this.#runs.downstreamEnd(index)) - 1
  }

  /** Where the first record at this target offset or behind it stands; undefined when none is known. */
  firstRecordFrom(downstream: number): number | undefined {
    const index = this.#runs.lastByDownstream(downstream)
    if (index >= 0 && downstream < this.#runs.downstreamEnd(index)) return downstream
    return index + 1 < this.#runs.length ? this.#runs.downstream(index + 1) : undefined
  }

  /** Source offset of the record that was planned for this target offset, acknowledged or not; the last run goes on for ever. */
  plannedAt(downstream: number): number {
    const index = this.#runs.lastByDownstream(downstream)
    if (index < 0) return this.#base.upstream
    const isWithin = index === this.#runs.length - 1 || downstream < this.#runs.downstreamEnd(index)
    if (!isWithin) return this.#runs.upstream(index + 1)
    return this.#runs.upstream(index) + (downstream - this.#runs.downstream(index))
  }

  get size(): number {
    return this.#runs.length
  }

  get sizeInBytes(): number {
    return this.#runs.sizeInBytes
  }

  /** Planned runs included. */
  *runs(): Generator<Run> {
    for (let index = 0; index < this.#runs.length; index++) yield this.#runs.at(index)
  }

  // ---- growth

  /**
   * Says what a batch about to be sent holds: `runs` one after the other from `downstream` on. True when that is news which
   * must be durable before the batch leaves; false when the runs known already imply it.
   */
  plan(downstream: number, runs: readonly ClaimedRun[], fingerprint: number): boolean {
    let opened = false
    let at = downstream
    for (const run of runs) {
      opened = this.#extend(run.upstream, at, run.count) || opened
      at += run.count
    }
    // A batch at a place that another batch claims needs its own fingerprint to be told apart from it.
    if (!opened && !this.#claims.hasStaleAt(downstream)) return false
    this.#claims.add({ downstream, fingerprint, runs: [...runs] })
    if (this.#claims.runs > CLAIMED_RUNS_MAX)
      throw broken(5, `${this.#claims.runs} runs are planned and not acknowledged`)
    this.#touch(this.#lastChunk)
    return true
  }

  /** The target took everything that was planned below this offset. */
  acknowledge(downstream: number): void {
    if (downstream <= this.#acknowledged) return
    if (downstream > this.plannedDownstream)
      throw broken(2, `acknowledged ${downstream}, planned ${this.plannedDownstream}`)
    this.#acknowledged = downstream
    this.#dropClaimsBelow(downstream)
  }

  /**
   * `count` records from `upstream` on stand at `downstream` on the target. What is known already may be said again (a
   * retry); anything else must follow the last record, and must not contradict.
   */
  observe(upstream: number, downstream: number, count: number): void {
    const overtaken = downstream > this.#acknowledged && this.#hasRecordBetween(this.#acknowledged, downstream)
    if (overtaken) throw broken(2, `${downstream} is acknowledged before ${this.#acknowledged}`)
    this.#extend(upstream, downstream, count)
    this.acknowledge(downstream + count)
  }

  /** The same of a transaction that is about to be committed: nothing is told of it before `acknowledge`. */
  place(upstream: number, downstream: number, count: number): void {
    this.#extend(upstream, downstream, count)
  }

  /** The source was read up to here and had no further record: markers, aborted batches, holes at its end. */
  skipTo(upstream: number): void {
    this.#skippedTo = Math.max(this.#skippedTo, bounded(upstream))
  }

  /** Forgets runs of which neither side keeps a record: both log starts have passed them. How many. */
  prune(upstreamLogStart: number, downstreamLogStart: number): number {
    let old = 0
    // The last run stays: it says where to go on.
    const candidates = this.#runs.length - 1
    while (
      old < candidates &&
      this.#runs.upstreamEnd(old) <= upstreamLogStart &&
      this.#runs.downstreamEnd(old) <= Math.min(downstreamLogStart, this.#acknowledged)
    )
      old++
    this.#forget(old)
    return old
  }

  // ---- resuming

  /**
   * Nothing of ours is in flight and the target ends here. The lowest offset below at which the runs and a claim disagree:
   * there the target must be asked which batch it took.
   */
  contested(targetEnd: number): number | undefined {
    this.#claims.makeStale()
    for (const claim of this.#claims.stale()) {
      if (claim.downstream >= targetEnd) return undefined
      // A batch stands wholly or not at all: one that would end behind the target's end is not there.
      if (claimEnd(claim) <= targetEnd && !this.#agrees(claim)) return claim.downstream
    }
    return undefined
  }

  /**
   * Answers `contested`: the batch that covers `downstream` on the target starts at `baseOffset` and has this CRC. False when
   * it is none of those that were ever planned there: then the position is ambiguous and the partition must stop.
   */
  settle(downstream: number, baseOffset: number, crc: number): boolean {
    this.#claims.makeStale()
    if (baseOffset === downstream) {
      const truth = this.#claims.staleAt(downstream).find((claim) => claim.fingerprint === crc)
      if (truth === undefined) return false
      if (!this.#agrees(truth) && !this.#adopt(truth)) return false
    }
    // A batch that starts elsewhere refutes every claim to start here.
    this.#claims.dropStaleAt(downstream)
    this.#touch(this.#lastChunk)
    return true
  }

  /**
   * Nothing of ours is in flight and the target ends here: what it has is acknowledged (the last run goes on to the end, or to
   * `mapped`, if what follows is none of the source's records), what it lacks is planned anew. Claims to what it lacks stay, since a
   * late request may still make one of them true.
   */
  resume(targetEnd: number, mapped = targetEnd): void {
    const doubt = this.contested(mapped)
    if (doubt !== undefined) throw broken(4, `offset ${doubt} is contested`)
    if (targetEnd < this.#acknowledged)
      throw broken(3, `the target ends at ${targetEnd}, acknowledged ${this.#acknowledged}`)
    this.#endAt(mapped)
    this.#acknowledged = bounded(targetEnd)
    this.#skippedTo = this.plannedUpstream
    this.#dropClaimsBelow(targetEnd)
  }

  /** The target was seen to end here, before what it had acknowledged; for `resume` to go on from. */
  retreat(targetEnd: number): void {
    if (targetEnd >= this.#acknowledged) return
    if (targetEnd < this.#base.downstream) throw broken(3, `nothing is known of target offset ${targetEnd}`)
    this.#endAt(targetEnd)
    this.#acknowledged = targetEnd
  }

  /**
   * Others wrote between our batches: what was planned from `at` on stands `by` further down. What was planned up to `plannedEnd`
   * did land.
   */
  displace(displaced: readonly { readonly at: number; readonly by: number }[], plannedEnd: number): void {
    this.#claims.makeStale()
    this.#endAt(plannedEnd)
    for (const { at, by } of displaced) {
      const first = this.#runs.lastByDownstream(at - 1)
      const index = first >= 0 && this.#runs.downstreamEnd(first) > at ? first : first + 1
      const moved = Array.from({ length: this.#runs.length - index }, (_, offset) => this.#runs.at(index + offset))
      this.#runs.truncate(index)
      for (const run of moved) {
        const stays = Math.max(0, at - run.downstream)
        if (stays > 0) this.#runs.push(run.upstream, run.downstream, stays)
        if (run.count > stays) this.#runs.push(run.upstream + stays, run.downstream + stays + by, run.count - stays)
      }
      this.#claims.displace(at, by)
      for (let chunk = this.#chunkOf(index); chunk <= this.#lastChunk; chunk++) this.#touch(chunk)
    }
  }

  // ---- durability

  /**
   * What changed since the last call. Whoever fails to write it gives it back with `restoreChanges`. `acknowledged`: where the target
   * ends once this is durable, when that comes true together.
   */
  takeChanges(acknowledged = this.#acknowledged): OffsetMapChanges {
    const indexes = [...this.#dirty].sort((a, b) => a - b)
    const changes = {
      chunks: indexes.map((index) => ({ index, bytes: encodeChunk(this.#chunk(index, acknowledged)) })),
      removed: [...this.#removed].sort((a, b) => a - b),
    }
    this.#dirty.clear()
    this.#removed.clear()
    return changes
  }

  /** What is durable after the next changes ends exactly where this ends: as a rule the last run is left open. */
  seal(): void {
    if (this.#runs.length > 0) this.#touch(this.#lastChunk)
  }

  restoreChanges(changes: OffsetMapChanges): void {
    for (const index of [...changes.chunks.map((chunk) => chunk.index), ...changes.removed]) {
      // A chunk may have come or gone since.
      if (index >= this.#chunkOf(0) && index <= this.#lastChunk) this.#touch(index)
      else this.#remove(index)
    }
  }

  get hasChanges(): boolean {
    return this.#dirty.size > 0 || this.#removed.size > 0
  }

  // ---- copies

  /** What changed since this was asked last: everything, the first time. For one copy. */
  takeNews(): OffsetMapNews | undefined {
    const index = this.#runs.takeUnchanged()
    const firstNumber = this.#firstNumber
    const summary = [firstNumber, this.#runs.length, this.#acknowledged, this.#skippedTo].join(' ')
    if (index === this.#runs.length && summary === this.#told) return undefined
    this.#told = summary
    return {
      firstNumber,
      from: firstNumber + index,
      runs: this.#runs.from(index),
      base: { ...this.#base },
      acknowledged: this.#acknowledged,
      skippedTo: this.#skippedTo,
    }
  }

  /** Makes this map, which nobody else changes, translate as the other does. */
  follow({ firstNumber, from, runs, base, acknowledged, skippedTo }: OffsetMapNews): void {
    const kept = Math.min(this.#runs.length, Math.max(0, from - this.#firstNumber))
    this.#runs.truncate(kept)
    this.#runs.dropFirst(Math.min(kept, Math.max(0, firstNumber - this.#firstNumber)))
    for (let at = 0; at < runs.length; at += 3) this.#runs.push(runs[at]!, runs[at + 1]!, runs[at + 2]!)
    this.#firstNumber = firstNumber
    this.#base = { ...base }
    this.#acknowledged = acknowledged
    this.#skippedTo = skippedTo
  }

  // ---- within

  /** Adds records at the end, or checks those that are known; true when a run was opened. */
  #extend(upstream: number, downstream: number, count: number): boolean {
    if (count < 1 || bounded(upstream + count) < 1 || bounded(downstream + count) < 1 || upstream < 0 || downstream < 0)
      throw broken(1, `a run of ${count} records from ${upstream} at ${downstream}`)
    const known = Math.min(count, Math.max(0, this.plannedDownstream - downstream))
    if (known > 0) this.#check(upstream, downstream, known)
    return known < count && this.#append(upstream + known, downstream + known, count - known)
  }

  #append(upstream: number, downstream: number, count: number): boolean {
    if (upstream < this.plannedUpstream)
      throw broken(
        1,
        `source offset ${upstream} at ${downstream} after ${this.plannedUpstream} at ${this.plannedDownstream}`,
      )
    const last = this.#runs.length - 1
    if (last >= 0 && upstream === this.plannedUpstream && downstream === this.plannedDownstream) {
      this.#runs.setCount(last, this.#runs.count(last) + count)
      return false
    }
    // The run before is complete now; its chunk must say so even when the new run begins another.
    if (last >= 0) this.#touch(this.#lastChunk)
    this.#runs.push(upstream, downstream, count)
    this.#touch(this.#lastChunk)
    if (this.#runs.length > this.#runsMax) this.#forgetOldest()
    return true
  }

  /** Invariant 3: what is said again is what was said before; what is forgotten cannot be checked. */
  #check(upstream: number, downstream: number, count: number): void {
    const forgotten = Math.max(0, this.#base.downstream - downstream)
    if (forgotten >= count) return
    if (!this.#maps(upstream + forgotten, downstream + forgotten, count - forgotten, false))
      throw broken(3, `${count} records from ${upstream} at ${downstream} contradict what is known`)
  }

  /** Whether one run says this of all these records; `open` lets the last run go on for ever. */
  #maps(upstream: number, downstream: number, count: number, open: boolean): boolean {
    const index = this.#runs.lastByDownstream(downstream)
    if (index < 0) return false
    const end = open && index === this.#runs.length - 1 ? OFFSET_MAX : this.#runs.downstreamEnd(index)
    return (
      downstream + count <= end && this.#runs.upstream(index) + (downstream - this.#runs.downstream(index)) === upstream
    )
  }

  /** Whether the runs imply everything that a claim says. */
  #agrees(claim: Claim): boolean {
    let downstream = claim.downstream
    for (const run of claim.runs) {
      if (!this.#maps(run.upstream, downstream, run.count, true)) return false
      downstream += run.count
    }
    return true
  }

  /** Replaces what was planned from the claim's place on by what the claim says; false when that cannot follow. */
  #adopt(claim: Claim): boolean {
    if (claim.downstream < this.#acknowledged) return false
    this.#cut(claim.downstream)
    if (claim.downstream > this.plannedDownstream && this.#runs.length > 0) {
      const last = this.#runs.length - 1
      this.#runs.setCount(last, claim.downstream - this.#runs.downstream(last))
    }
    if (claim.runs[0]!.upstream < this.plannedUpstream) return false
    let downstream = claim.downstream
    for (const run of claim.runs) {
      this.#append(run.upstream, downstream, run.count)
      downstream += run.count
    }
    return true
  }

  /** What is known ends at this target offset: more is taken back, and the last run goes on so far. */
  #endAt(downstream: number): void {
    this.#cut(downstream)
    if (downstream <= this.plannedDownstream) return
    const last = this.#runs.length - 1
    if (last < 0) throw broken(3, `the target ends at ${downstream}, but nothing was ever planned there`)
    this.#runs.setCount(last, downstream - this.#runs.downstream(last))
  }

  /** Takes back everything planned from this target offset on. */
  #cut(downstream: number): void {
    if (this.plannedDownstream <= downstream) return
    const lastBefore = this.#lastChunk
    const keep = this.#runs.lastByDownstream(downstream - 1) + 1
    this.#runs.truncate(keep)
    const last = keep - 1
    if (last >= 0 && this.#runs.downstreamEnd(last) > downstream)
      this.#runs.setCount(last, downstream - this.#runs.downstream(last))
    for (let index = lastBefore; index > this.#lastChunk; index--) this.#remove(index)
    this.#touch(this.#lastChunk)
  }

  /** Makes room for a while at once, so that chunks are dropped whole and not run by run. */
  #forgetOldest(): void {
    const acknowledged = this.#runs.lastByDownstream(this.#acknowledged)
    const old = Math.min(Math.ceil(this.#runsMax / 64), Math.max(0, acknowledged))
    if (old === 0) throw broken(5, `all ${this.#runs.length} runs are planned and not acknowledged`)
    this.#forget(old)
  }

  #forget(runs: number): void {
    if (runs === 0) return
    this.#base = { upstream: this.#runs.upstreamEnd(runs - 1), downstream: this.#runs.downstreamEnd(runs - 1) }
    this.#runs.dropFirst(runs)
    const before = this.#chunkOf(0)
    this.#firstNumber += runs
    for (let index = before; index < this.#chunkOf(0); index++) this.#remove(index)
  }

  #hasRecordBetween(from: number, to: number): boolean {
    const index = this.#runs.lastByDownstream(to - 1)
    return index >= 0 && this.#runs.downstreamEnd(index) > from
  }

  #dropClaimsBelow(downstream: number): void {
    // A refuted claim must not outlive its refutation: years later the target's batch may have been compacted beyond recognition.
    if (this.#claims.dropBelow(downstream)) this.#touch(this.#lastChunk)
  }

  #chunkOf(index: number): number {
    return Math.floor((this.#firstNumber + index) / RUNS_PER_CHUNK)
  }

  get #lastChunk(): number {
    return this.#chunkOf(Math.max(0, this.#runs.length - 1))
  }

  #touch(chunk: number): void {
    this.#removed.delete(chunk)
    this.#dirty.add(chunk)
  }

  #remove(chunk: number): void {
    this.#dirty.delete(chunk)
    this.#removed.add(chunk)
  }

  #chunk(index: number, acknowledged: number): OffsetMapChunk {
    const from = Math.max(0, index * RUNS_PER_CHUNK - this.#firstNumber)
    const to = Math.min(this.#runs.length, (index + 1) * RUNS_PER_CHUNK - this.#firstNumber)
    const runs: Run[] = []
    for (let at = from; at < to; at++) runs.push(this.#runs.at(at))
    const base =
      from === 0
        ? this.#base
        : { upstream: this.#runs.upstreamEnd(from - 1), downstream: this.#runs.downstreamEnd(from - 1) }
    const claims = index === this.#lastChunk ? [...this.#claims.all()] : []
    return { firstRun: this.#firstNumber + from, base, runs, acknowledged, claims }
  }

  #loadChunk(chunk: OffsetMapChunk): void {
    if (chunk.base.upstream !== this.plannedUpstream || chunk.base.downstream !== this.plannedDownstream)
      throw broken(
        1,
        `the chunk of run ${chunk.firstRun} begins at ${chunk.base.downstream}, the runs before it end at ${this.plannedDownstream}`,
      )
    for (const run of chunk.runs) this.#runs.push(run.upstream, run.downstream, run.count)
    this.#acknowledged = Math.min(Math.max(this.#acknowledged, chunk.acknowledged), this.plannedDownstream)
    for (const claim of chunk.claims) this.#claims.add(claim)
  }
}

function bounded(offset: number): number {
  if (!Number.isSafeInteger(offset) || offset > OFFSET_MAX) throw broken(1, `${offset} is no offset`)
  return offset
}

function broken(invariant: number, what: string): HeliostatError {
  return new HeliostatError('HEL_OFFSET_MAP', `offset map, invariant ${invariant}: ${what}`, { where: { invariant } })
}
