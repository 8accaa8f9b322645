// Random histories of a partition, translated by our map and by MirrorMaker's rules: never behind what MirrorMaker would say, never ahead of
// the truth, which is where the first record that a group has not read stands on the target.
import { expect, test } from 'vitest'
import { OffsetMap } from '../../src/offset-translation/offset-map.ts'
import { randomOf } from '../support/source-logs.ts'

const HISTORIES = 300
const STEPS = 60

interface Pair {
  readonly upstream: number
  readonly downstream: number
}

/**
 * MirrorMaker's offset syncs with all of them kept, where it keeps 64: what it really says is never better. A sync is written for the
 * first record, after a gap at the source, when the target was truncated, and when `lagMax` records have passed since the last.
 */
class MirrorMaker {
  readonly #lagMax: number
  #syncs: Pair[] = []
  #last: Pair | undefined

  constructor(lagMax: number) {
    this.#lagMax = lagMax
  }

  mirrored(pair: Pair): void {
    const sync = this.#syncs.at(-1)
    const isDue =
      sync === undefined ||
      this.#last === undefined ||
      pair.downstream - (sync.downstream + 1) >= this.#lagMax ||
      pair.upstream - this.#last.upstream !== 1 ||
      pair.downstream < this.#last.downstream
    this.#last = pair
    if (isDue) this.#syncs.push(pair)
  }

  translate(upstream: number): number {
    const sync = this.#syncs.findLast((one) => one.upstream <= upstream)
    if (sync === undefined) return -1
    return sync.upstream === upstream ? sync.downstream : sync.downstream + 1
  }
}

test('a translated offset is at least MirrorMaker’s and at most the truth, also after restarts', () => {
  let better = 0
  let positions = 0
  for (let seed = 1; seed <= HISTORIES; seed++) {
    const random = randomOf(seed)
    const start = { upstream: random(50), downstream: random(3) === 0 ? random(20) : 0 }
    const records: Pair[] = []
    const mirrorMaker = new MirrorMaker([0, 10, 100][random(3)]!)
    let chunks = new Map<number, Buffer>()
    let map = new OffsetMap({ start })
    let { upstream, downstream } = start
    for (let step = 0; step < STEPS; step++) {
      // Markers, aborted batches and compaction leave gaps at the source; transactions of our own leave them at the target.
      if (random(3) === 0) upstream += 1 + random(9)
      if (random(8) === 0) downstream += 1 + random(3)
      const count = 1 + random(30)
      if (map.plan(downstream, [{ upstream, count }], random(2 ** 31)) || random(4) === 0) {
        const changes = map.takeChanges()
        for (const { index, bytes } of changes.chunks) chunks.set(index, bytes)
        for (const index of changes.removed) chunks.delete(index)
      }
      map.acknowledge(downstream + count)
      for (let at = 0; at < count; at++) {
        const pair = { upstream: upstream + at, downstream: downstream + at }
        records.push(pair)
        mirrorMaker.mirrored(pair)
      }
      upstream += count
      downstream += count
      if (random(10) > 0 || chunks.size === 0) continue
      map = OffsetMap.load([...chunks.values()])
      map.resume(downstream)
      chunks = new Map(chunks)
    }
    const wrong: string[] = []
    let next = 0
    for (let at = start.upstream; at <= upstream; at++) {
      while (next < records.length && records[next]!.upstream < at) next++
      const truth = records[next]?.downstream ?? downstream
      const ours = map.translate(at)
      const theirs = mirrorMaker.translate(at)
      positions++
      if (ours !== undefined && ours > theirs) better++
      if (ours === undefined || ours < theirs || ours > truth) wrong.push(`${at}: ${theirs} <= ${ours} <= ${truth}`)
    }
    expect(wrong.slice(0, 5), `seed ${seed}`).toEqual([])
  }
  expect(better / positions, 'MirrorMaker was never behind: the histories prove nothing').toBeGreaterThan(0.1)
})
