// Random histories of a partition, translated by our map and by MirrorMaker's rules: never behind what MirrorMaker would say, never ahead of
// the truth, which is where the first record that a group has not read stands on the target.
import { expect, test } from 'vitest'
import { TopicPartition } from '../../src/client/topic-partition.ts'
import type { KeyValue } from '../../src/offset-translation/internal-record.ts'
import { OffsetMap } from '../../src/offset-translation/offset-map.ts'
import { decodeOffsetSync } from '../../src/offset-translation/offset-sync.ts'
import { OffsetSyncs } from '../../src/offset-translation/offset-syncs.ts'
import type { Clock } from '../../src/platform/platform.ts'
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
    return translateBy(this.#syncs, upstream)
  }
}

/** How MirrorMaker's checkpoints translate, whoever wrote the syncs. */
function translateBy(syncs: readonly Pair[], upstream: number): number {
  const sync = syncs.findLast((one) => one.upstream <= upstream)
  if (sync === undefined) return -1
  return sync.upstream === upstream ? sync.downstream : sync.downstream + 1
}

/** The syncs that we write for it, life after life. */
class OurSyncs {
  readonly pairs: Pair[] = []
  #now = 0
  #writer: OffsetSyncs | undefined

  restarted(): void {
    this.#writer = undefined
  }

  async emit(map: () => OffsetMap): Promise<void> {
    const write = async (records: readonly { value: KeyValue['value'] | null; key: KeyValue['key'] }[]) => {
      for (const record of records) {
        const { upstreamOffset, downstreamOffset } = decodeOffsetSync(record)!
        this.pairs.push({ upstream: upstreamOffset, downstream: downstreamOffset })
      }
    }
    const partition = TopicPartition.of('orders', 0)
    // Time enough has passed each time to write what is due later.
    const clock = { monotonic: () => (this.#now += 11_000) } as unknown as Clock
    this.#writer ??= new OffsetSyncs(clock, { write }, () => [{ source: partition, map: map() }])
    await this.#writer.emit()
  }
}

test('a translated offset is at least MirrorMaker’s and at most the truth, also after restarts', async () => {
  let better = 0
  let positions = 0
  for (let seed = 1; seed <= HISTORIES; seed++) {
    const random = randomOf(seed)
    const start = { upstream: random(50), downstream: random(3) === 0 ? random(20) : 0 }
    const records: Pair[] = []
    const mirrorMaker = new MirrorMaker([0, 10, 100][random(3)]!)
    let chunks = new Map<number, Buffer>()
    let map = new OffsetMap({ start })
    const syncs = new OurSyncs()
    let { upstream, downstream } = start
    /** Where the target ends. */
    let end = downstream
    /** The same records once more. */
    let isAgain = false
    for (let step = 0; step < STEPS; step++) {
      // Markers, aborted batches and compaction leave gaps at the source; transactions of our own leave them at the target.
      if (!isAgain && random(3) === 0) upstream += 1 + random(9)
      if (!isAgain && random(8) === 0) downstream += 1 + random(3)
      const count = 1 + random(30)
      if (map.plan(downstream, [{ upstream, count }], random(2 ** 31)) || random(4) === 0) {
        const changes = map.takeChanges()
        for (const { index, bytes } of changes.chunks) chunks.set(index, bytes)
        for (const index of changes.removed) chunks.delete(index)
      }
      if (random(10) === 0 && chunks.size > 0) {
        // It dies before it hears of the batch, which has arrived or has not.
        const hasArrived = random(2) === 0
        map = OffsetMap.load([...chunks.values()])
        map.resume(hasArrived ? downstream + count : end)
        syncs.restarted()
        isAgain = !hasArrived
        if (isAgain) continue
      } else map.acknowledge(downstream + count)
      isAgain = false
      for (let at = 0; at < count; at++) {
        const pair = { upstream: upstream + at, downstream: downstream + at }
        records.push(pair)
        mirrorMaker.mirrored(pair)
      }
      upstream += count
      downstream += count
      end = downstream
      if (random(6) === 0) await syncs.emit(() => map)
      if (random(10) > 0 || chunks.size === 0) continue
      map = OffsetMap.load([...chunks.values()])
      map.resume(downstream)
      chunks = new Map(chunks)
      syncs.restarted()
    }
    const wrong: string[] = []
    let next = 0
    const last = records.at(-1)?.upstream ?? start.upstream - 1
    for (let at = start.upstream; at <= last + 1; at++) {
      while (next < records.length && records[next]!.upstream < at) next++
      const truth = records[next]?.downstream ?? end
      const ours = map.translate(at)
      const theirs = mirrorMaker.translate(at)
      positions++
      if (ours !== undefined && ours > theirs) better++
      if (ours === undefined || ours < theirs || ours > truth) wrong.push(`${at}: ${theirs} <= ${ours} <= ${truth}`)
      const bySyncs = translateBy(syncs.pairs, at)
      if (bySyncs > ours! || bySyncs > truth) wrong.push(`${at}: ${bySyncs} by our syncs <= ${ours}`)
    }
    expect(wrong.slice(0, 5), `seed ${seed}`).toEqual([])
  }
  expect(better / positions, 'MirrorMaker was never behind: the histories prove nothing').toBeGreaterThan(0.1)
})
