import { expect } from 'vitest'
import { OffsetMap } from '../../src/offset-translation/offset-map.ts'

interface Batch {
  first: number
  count: number
}

export type Step =
  | { do: 'send'; records: number }
  | { do: 'acknowledge'; batches: number }
  | { do: 'retry'; at: number; records: number }
  | { do: 'restart' | 'recover'; landed: number }
  | { do: 'prune'; upTo: number }
  | { do: 'skip' }

/**
 * A mirror of one partition that keeps a plain list: `source[i]` is the upstream offset of the record that goes to
 * downstream `start.downstream + i`. It drives an OffsetMap through the same history and compares every single offset.
 */
export class NaiveMirror {
  readonly source: number[] = []
  readonly start: { upstream: number; downstream: number }
  map: OffsetMap
  /** As another thread has it, which is told the news. */
  readonly copy = new OffsetMap()
  readonly durable = new Map<number, Buffer>()
  inFlight: Batch[] = []
  acknowledged = 0
  planned = 0
  skipped: number
  /** Records below this one may be unknown to the map. */
  pruned = 0

  constructor(gaps: readonly { gap: number; length: number }[], start: { upstream: number; downstream: number }) {
    this.start = start
    let upstream = start.upstream
    for (const { gap, length } of gaps) {
      upstream += gap
      for (let record = 0; record < length; record++) this.source.push(upstream++)
    }
    this.map = new OffsetMap({ start })
    this.skipped = start.upstream
    this.write()
  }

  take(step: Step): void {
    if (step.do === 'send') this.send(step.records)
    else if (step.do === 'acknowledge') this.acknowledge(step.batches)
    else if (step.do === 'retry') this.retry(step.at, step.records)
    else if (step.do === 'prune') this.prune(Math.floor(this.acknowledged * step.upTo))
    else if (step.do === 'skip') this.skip()
    else {
      if (step.do === 'restart') this.map = OffsetMap.load([...this.durable.values()], { start: this.start })
      this.resume(step.landed)
    }
  }

  send(records: number): void {
    const count = Math.min(records, this.source.length - this.planned)
    if (count === 0) return
    const runs: { upstream: number; count: number }[] = []
    for (let at = this.planned; at < this.planned + count; at++) {
      const last = runs.at(-1)
      if (last !== undefined && last.upstream + last.count === this.source[at]) last.count++
      else runs.push({ upstream: this.source[at]!, count: 1 })
    }
    // The rule of the mirror: what is news is durable before the batch leaves.
    if (this.map.plan(this.start.downstream + this.planned, runs, this.planned * 1000 + count)) this.write()
    this.inFlight.push({ first: this.planned, count })
    this.planned += count
  }

  acknowledge(batches: number): void {
    for (const batch of this.inFlight.splice(0, batches)) {
      this.acknowledged = batch.first + batch.count
      this.map.acknowledge(this.start.downstream + this.acknowledged)
    }
  }

  /** Says again something that is known, as long as it is one run. */
  retry(at: number, records: number): void {
    if (this.acknowledged === 0) return
    const first = at % this.acknowledged
    let count = 1
    while (
      count < records &&
      first + count < this.acknowledged &&
      this.source[first + count] === this.source[first]! + count
    )
      count++
    this.map.observe(this.source[first]!, this.start.downstream + first, count)
  }

  resume(landed: number): void {
    const there = this.inFlight.slice(0, landed).at(-1)
    if (there !== undefined) this.acknowledged = there.first + there.count
    this.inFlight = []
    this.planned = this.acknowledged
    this.skipped = this.start.upstream
    const end = this.start.downstream + this.acknowledged
    expect(this.map.contested(end)).toBeUndefined()
    this.map.resume(end)
  }

  prune(upTo: number): void {
    if (upTo === 0) return
    this.pruned = Math.max(this.pruned, upTo)
    this.map.prune(this.source[upTo - 1]! + 1, this.start.downstream + upTo)
    this.write()
  }

  /** The source's next record is not here yet, but everything before it was seen to be empty. */
  skip(): void {
    this.skipped = this.source[this.planned] ?? this.source.at(-1)! + 3
    this.map.skipTo(this.skipped)
  }

  write(): void {
    const { chunks, removed } = this.map.takeChanges()
    for (const chunk of chunks) this.durable.set(chunk.index, chunk.bytes)
    for (const index of removed) this.durable.delete(index)
  }

  nextUpstream(): number {
    if (this.acknowledged < this.planned) return this.source[this.acknowledged]!
    const afterLast = this.acknowledged === 0 ? this.start.upstream : this.source[this.acknowledged - 1]! + 1
    return Math.max(afterLast, this.skipped)
  }

  compare(): void {
    const { start, source, map, copy } = this
    const news = map.takeNews()
    if (news) copy.follow(structuredClone(news))
    expect(map.takeNews()).toBeUndefined()
    expect([...copy.runs()]).toEqual([...map.runs()])
    expect([copy.nextUpstream, copy.lowestUpstream]).toEqual([map.nextUpstream, map.lowestUpstream])
    expect(map.nextDownstream).toBe(start.downstream + this.acknowledged)
    expect(map.nextUpstream).toBe(this.nextUpstream())
    let first = 0
    for (let upstream = 0; upstream <= source.at(-1)! + 5; upstream++) {
      const actual = map.translate(upstream)
      if (copy.translate(upstream) !== actual) expect(copy.translate(upstream)).toBe(actual)
      while (first < this.acknowledged && source[first]! < upstream) first++
      let expected: number | undefined
      if (first < this.acknowledged) expected = start.downstream + first
      else if (upstream <= this.nextUpstream()) expected = start.downstream + this.acknowledged
      if (upstream < start.upstream) expected = undefined
      const mayBeForgotten = this.pruned > 0 && upstream < source[this.pruned - 1]! + 1
      if (actual === undefined && mayBeForgotten) continue
      if (actual !== expected) expect(actual, `translate(${upstream})`).toBe(expected)
    }
    for (let at = -start.downstream; at <= this.acknowledged + 2; at++) {
      const actual = map.reverse(start.downstream + at)
      if (copy.reverse(start.downstream + at) !== actual) expect(copy.reverse(start.downstream + at)).toBe(actual)
      if (actual === undefined && at < this.pruned) continue
      let expected: number | undefined
      if (at === this.acknowledged) expected = this.nextUpstream()
      else if (at >= 0 && at < this.acknowledged) expected = source[at]
      if (actual !== expected) expect(actual, `reverse(${start.downstream + at})`).toBe(expected)
    }
  }
}
