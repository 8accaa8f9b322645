import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { OffsetMap } from '../../src/offset-translation/offset-map.ts'
import { NaiveMirror } from './naive-mirror.ts'

describe('one history', () => {
  test('an untouched topic is one run however many batches it takes', () => {
    const map = new OffsetMap({ start: { upstream: 100, downstream: 7 } })
    for (let batch = 0; batch < 50; batch++) map.observe(100 + batch * 10, 7 + batch * 10, 10)
    expect([...map.runs()]).toEqual([{ upstream: 100, downstream: 7, count: 500 }])
    expect(map.translate(100)).toBe(7)
    expect(map.translate(599)).toBe(506)
    expect(map.translate(600)).toBe(507)
    expect(map.translate(601)).toBeUndefined()
    expect(map.translate(99)).toBeUndefined()
    expect(map.reverse(507)).toBe(600)
    expect(map.reverse(508)).toBeUndefined()
  })

  test('an empty partition translates its start, and nothing else', () => {
    const map = new OffsetMap()
    expect(map.translate(0)).toBe(0)
    expect(map.reverse(0)).toBe(0)
    expect(map.translate(1)).toBeUndefined()
  })

  test('a marker that ends the log is passed: the position behind it is the end of the target', () => {
    const map = new OffsetMap()
    map.observe(0, 0, 5)
    expect(map.translate(6)).toBeUndefined()
    map.skipTo(6)
    expect(map.translate(5)).toBe(5)
    expect(map.translate(6)).toBe(5)
    expect(map.translate(7)).toBeUndefined()
  })

  test('a skipped end does not run ahead of records that are still in flight', () => {
    const map = new OffsetMap()
    map.plan(0, [{ upstream: 0, count: 5 }], 1)
    map.skipTo(6)
    expect(map.nextUpstream).toBe(0)
    expect(map.translate(6)).toBeUndefined()
    map.acknowledge(5)
    expect(map.nextUpstream).toBe(6)
  })

  test('of a transaction that is to be committed nothing is told yet, and what is made durable with it tells all', () => {
    const map = new OffsetMap()
    map.observe(0, 0, 5)
    map.place(5, 6, 5)
    expect(map.translate(6)).toBeUndefined()
    expect(map.reverse(6)).toBeUndefined()
    const committed = OffsetMap.load(map.takeChanges(map.plannedDownstream).chunks.map(({ bytes }) => bytes))
    expect(committed.translate(6)).toBe(7)
    expect(committed.nextUpstream).toBe(10)
    map.acknowledge(map.plannedDownstream)
    expect(map.translate(6)).toBe(7)
  })

  test('a marker of the target leaves a hole downstream', () => {
    const map = new OffsetMap()
    map.observe(0, 0, 5)
    map.observe(5, 6, 5)
    expect(map.translate(5)).toBe(6)
    expect(map.reverse(5)).toBe(5)
    expect(map.reverse(6)).toBe(5)
    map.plan(12, [{ upstream: 10, count: 5 }], 1)
    expect(map.translate(10)).toBe(11)
  })

  test.each([
    ['the same target offset for another record', (map: OffsetMap) => map.observe(11, 5, 1)],
    ['a source offset that is behind', (map: OffsetMap) => map.observe(12, 20, 1)],
    ['a known run that goes on over a gap', (map: OffsetMap) => map.observe(0, 0, 11)],
    ['a run without records', (map: OffsetMap) => map.observe(30, 20, 0)],
    ['an acknowledgement of what was never planned', (map: OffsetMap) => map.acknowledge(21)],
    ['an offset that is none', (map: OffsetMap) => map.observe(2 ** 53, 20, 1)],
    ['a target that ends before what it acknowledged', (map: OffsetMap) => map.resume(19)],
  ])('a contradiction is refused by number: %s', (_, contradict) => {
    const map = new OffsetMap()
    map.observe(0, 0, 10)
    map.observe(15, 10, 10)
    const before = [...map.runs()]
    expect(() => contradict(map)).toThrow(/invariant \d/)
    expect([...map.runs()]).toEqual(before)
  })

  test('an acknowledgement that overtakes another is refused', () => {
    const map = new OffsetMap()
    map.plan(0, [{ upstream: 0, count: 5 }], 1)
    map.plan(5, [{ upstream: 5, count: 5 }], 2)
    expect(() => map.observe(5, 5, 5)).toThrow(/invariant 2/)
  })

  test('more runs than allowed push out the oldest, whose offsets become unknown', () => {
    const map = new OffsetMap({ runsMax: 128 })
    for (let run = 0; run < 1000; run++) map.observe(run * 3, run * 2, 2)
    expect(map.size).toBeLessThanOrEqual(128)
    expect(map.size).toBeGreaterThan(100)
    expect(map.translate(0)).toBeUndefined()
    expect(map.translate(999 * 3)).toBe(999 * 2)
    expect(map.sizeInBytes).toBeLessThanOrEqual(256 * 24)
  })

  test('only the last chunk is written again when a gap is met', () => {
    const map = new OffsetMap()
    for (let run = 0; run < 5000; run++) map.observe(run * 3, run * 2, 2)
    expect(map.takeChanges().chunks.map((chunk) => chunk.index)).toEqual([0, 1, 2, 3, 4])
    map.observe(15_000, 10_000, 1)
    expect(map.takeChanges().chunks.map((chunk) => chunk.index)).toEqual([4])
    map.observe(15_001, 10_001, 1000)
    expect(map.hasChanges).toBe(false)
  })

  test('pruning whole chunks asks for their tombstones, and what is left loads alone', () => {
    const map = new OffsetMap()
    for (let run = 0; run < 3000; run++) map.observe(run * 3, run * 2, 2)
    const store = new Map(map.takeChanges().chunks.map((chunk) => [chunk.index, chunk.bytes]))
    map.prune(2500 * 3, 2100 * 2)
    const changes = map.takeChanges()
    expect(changes.removed).toEqual([0, 1])
    for (const index of changes.removed) store.delete(index)
    const loaded = OffsetMap.load([...store.values()])
    loaded.resume(6000)
    expect(loaded.translate(2100 * 3 - 1)).toBe(2100 * 2)
    expect(loaded.nextUpstream).toBe(map.nextUpstream)
  })

  test('a run is kept while either side keeps a record of it, or it is not acknowledged', () => {
    const map = new OffsetMap()
    map.observe(0, 0, 10)
    map.observe(20, 10, 10)
    map.plan(20, [{ upstream: 40, count: 10 }], 1)
    map.plan(30, [{ upstream: 60, count: 10 }], 2)
    map.prune(100, 5)
    map.prune(5, 100)
    expect(map.translate(3)).toBe(3)
    map.prune(100, 100)
    expect(map.translate(3)).toBeUndefined()
    expect(map.translate(35)).toBe(20)
    expect([...map.runs()].map((run) => run.upstream)).toEqual([40, 60])
  })

  test('the last run of a full chunk may grow after it was written: the next run completes it', () => {
    const map = new OffsetMap()
    for (let run = 0; run < 1024; run++) map.observe(run * 3, run * 2, 2)
    const store = new Map(map.takeChanges().chunks.map((chunk) => [chunk.index, chunk.bytes]))
    map.observe(1023 * 3 + 2, 2048, 50)
    map.observe(9000, 2098, 1)
    for (const chunk of map.takeChanges().chunks) store.set(chunk.index, chunk.bytes)
    expect([...OffsetMap.load([...store.values()]).runs()]).toEqual([...map.runs()])
  })

  test('a chunk of planned runs that never reached the target is taken back', () => {
    const map = new OffsetMap()
    for (let run = 0; run < 1000; run++) map.observe(run * 3, run * 2, 2)
    const store = new Map(map.takeChanges().chunks.map((chunk) => [chunk.index, chunk.bytes]))
    const runs = Array.from({ length: 50 }, (_, run) => ({ upstream: 3000 + run * 3, count: 2 }))
    map.plan(2000, runs, 1)
    for (const chunk of map.takeChanges().chunks) store.set(chunk.index, chunk.bytes)
    expect([...store.keys()]).toEqual([0, 1])
    map.resume(2000)
    const changes = map.takeChanges()
    expect(changes.removed).toEqual([1])
    for (const chunk of changes.chunks) store.set(chunk.index, chunk.bytes)
    for (const index of changes.removed) store.delete(index)
    const loaded = OffsetMap.load([...store.values()])
    loaded.resume(2000)
    expect(loaded.nextUpstream).toBe(999 * 3 + 2)
    // The batch may still arrive late: then its claim says what it is.
    expect(loaded.contested(2100)).toBe(2000)
    expect(loaded.settle(2000, 2000, 1)).toBe(true)
    loaded.resume(2100)
    expect(loaded.translate(3000)).toBe(2000)
    expect(loaded.nextUpstream).toBe(3000 + 49 * 3 + 2)
  })

  test('a set of chunks with one missing in between is refused', () => {
    const map = new OffsetMap()
    for (let run = 0; run < 3000; run++) map.observe(run * 3, run * 2, 2)
    const chunks = map.takeChanges().chunks.map((chunk) => chunk.bytes)
    expect(() => OffsetMap.load([chunks[0]!, chunks[2]!])).toThrow(/invariant 1/)
  })

  test('changes that could not be written are asked for again', () => {
    const map = new OffsetMap()
    map.observe(0, 0, 1)
    const changes = map.takeChanges()
    expect(map.hasChanges).toBe(false)
    map.restoreChanges(changes)
    expect(map.takeChanges()).toEqual(changes)
  })

  test('a chunk that is gone when its write fails is removed, not asked for again', () => {
    const map = new OffsetMap()
    for (let run = 0; run < 1020; run++) map.observe(run * 3, run * 2, 2)
    map.takeChanges()
    map.plan(
      2040,
      Array.from({ length: 10 }, (_, run) => ({ upstream: 4000 + run * 3, count: 2 })),
      1,
    )
    const changes = map.takeChanges()
    expect(changes.chunks.map((chunk) => chunk.index)).toEqual([0, 1])
    map.resume(2040)
    map.restoreChanges(changes)
    const again = map.takeChanges()
    expect(again.chunks.map((chunk) => chunk.index)).toEqual([0])
    expect(again.removed).toEqual([1])
    expect(OffsetMap.load(again.chunks.map((chunk) => chunk.bytes)).size).toBe(1020)
  })

  test('a chunk that was forgotten when its write fails is removed', () => {
    const map = new OffsetMap()
    for (let run = 0; run < 2000; run++) map.observe(run * 3, run * 2, 2)
    const changes = map.takeChanges()
    map.prune(1500 * 3, 1500 * 2)
    map.restoreChanges(changes)
    const again = map.takeChanges()
    expect(again.chunks.map((chunk) => chunk.index)).toEqual([1])
    expect(again.removed).toEqual([0])
    expect(OffsetMap.load(again.chunks.map((chunk) => chunk.bytes)).translate(1999 * 3)).toBe(1999 * 2)
  })

  test('what is forgotten may be said again unchecked, what follows it may not', () => {
    const map = new OffsetMap()
    for (let run = 0; run < 10; run++) map.observe(run * 3, run * 2, 2)
    map.prune(12, 8)
    expect(map.lowestUpstream).toBe(11)
    map.observe(6, 4, 2)
    expect(() => map.observe(13, 8, 2)).toThrow(/invariant 3/)
  })

  test('more unacknowledged runs than it may hold are refused', () => {
    const map = new OffsetMap({ runsMax: 16 })
    const plan = (run: number) => map.plan(run, [{ upstream: run * 2, count: 1 }], run)
    for (let run = 0; run < 16; run++) plan(run)
    expect(() => plan(16)).toThrow(/invariant 5/)
  })

  test('ten thousand batches in flight, each behind a gap, cost no more each than a few', () => {
    const map = new OffsetMap()
    const batches = 10_000
    for (let batch = 0; batch < batches; batch++) map.plan(batch, [{ upstream: batch * 2, count: 1 }], batch)
    for (let batch = 0; batch < batches; batch++) map.acknowledge(batch + 1)
    // As after a crash: all of them are in doubt, and planned again.
    const chunks = map.takeChanges().chunks.map((chunk) => chunk.bytes)
    const loaded = OffsetMap.load(chunks)
    loaded.resume(batches)
    expect(loaded.nextUpstream).toBe((batches - 1) * 2 + 1)
  })
})

/** Gaps and run lengths of a source partition. */
const history = fc.array(fc.record({ gap: fc.nat({ max: 5 }), length: fc.integer({ min: 1, max: 6 }) }), {
  minLength: 1,
  maxLength: 60,
})
const step = fc.oneof(
  fc.record({ do: fc.constant('send' as const), records: fc.integer({ min: 1, max: 12 }) }),
  fc.record({ do: fc.constant('acknowledge' as const), batches: fc.integer({ min: 1, max: 4 }) }),
  fc.record({ do: fc.constant('retry' as const), at: fc.nat(), records: fc.integer({ min: 1, max: 4 }) }),
  fc.record({ do: fc.constant('restart' as const), landed: fc.nat({ max: 5 }) }),
  fc.record({ do: fc.constant('recover' as const), landed: fc.nat({ max: 5 }) }),
  fc.record({ do: fc.constant('prune' as const), upTo: fc.double({ min: 0, max: 1, noNaN: true }) }),
  fc.record({ do: fc.constant('skip' as const) }),
)

describe('against a plain list of pairs', () => {
  test('every offset translates exactly, both ways, over gaps, retries, restarts and pruning', () => {
    fc.assert(
      fc.property(
        history,
        fc.array(step, { maxLength: 60 }),
        fc.nat({ max: 9 }),
        fc.nat({ max: 9 }),
        (gaps, steps, up, down) => {
          const mirror = new NaiveMirror(gaps, { upstream: up, downstream: down })
          for (const each of steps) {
            mirror.take(each)
            mirror.compare()
          }
        },
      ),
      { numRuns: 400 },
    )
  })

  test('also when the history fills many chunks', () => {
    const longHistory = fc
      .array(history, { minLength: 60, maxLength: 60 })
      .map((parts) => parts.flat().map((part) => ({ gap: part.gap + 1, length: part.length })))
    const longStep = fc.oneof(
      step,
      fc.record({ do: fc.constant('send' as const), records: fc.integer({ min: 500, max: 3000 }) }),
      fc.record({ do: fc.constant('acknowledge' as const), batches: fc.constant(9) }),
    )
    fc.assert(
      fc.property(longHistory, fc.array(longStep, { minLength: 20, maxLength: 60 }), (gaps, steps) => {
        const mirror = new NaiveMirror(gaps, { upstream: 0, downstream: 0 })
        for (const each of steps) {
          mirror.take(each)
          if (each.do === 'restart' || each.do === 'recover') mirror.compare()
        }
        mirror.compare()
      }),
      { numRuns: 40 },
    )
  })
})

describe('two owners that planned differently for the same place', () => {
  const batchA = { downstream: 50, runs: [{ upstream: 100, count: 10 }], fingerprint: 0xa }
  const batchB = { downstream: 60, runs: [{ upstream: 120, count: 10 }], fingerprint: 0xb }
  /** The first owner sent A and B and died; the second found the gap's content changed and sent C where A was meant to go. */
  function contestedMap(): OffsetMap {
    const first = new OffsetMap()
    first.observe(0, 0, 50)
    expect(first.plan(batchA.downstream, batchA.runs, batchA.fingerprint)).toBe(true)
    expect(first.plan(batchB.downstream, batchB.runs, batchB.fingerprint)).toBe(true)
    const second = OffsetMap.load(first.takeChanges().chunks.map((chunk) => chunk.bytes))
    second.resume(50)
    expect(
      second.plan(
        50,
        [
          { upstream: 105, count: 5 },
          { upstream: 120, count: 5 },
        ],
        0xc,
      ),
    ).toBe(true)
    return OffsetMap.load(second.takeChanges().chunks.map((chunk) => chunk.bytes))
  }

  test('within one life as well, when the second plan follows a recovery', () => {
    const map = new OffsetMap()
    map.observe(0, 0, 50)
    map.plan(batchA.downstream, batchA.runs, batchA.fingerprint)
    map.resume(50)
    map.plan(50, [{ upstream: 105, count: 10 }], 0xc)
    expect(map.contested(60)).toBe(50)
    expect(map.settle(50, 50, 0xa)).toBe(true)
    map.resume(60)
    expect(map.translate(100)).toBe(50)
  })

  test('a longer batch that was planned and is not there contests nothing', () => {
    const map = new OffsetMap()
    const runs = [0, 10, 20].map((upstream) => ({ upstream, count: 5 }))
    map.plan(0, runs, 1)
    map.resume(0)
    map.plan(0, runs.slice(0, 1), 2)
    expect(map.contested(5)).toBeUndefined()
    map.resume(5)
    expect(map.nextUpstream).toBe(5)
  })

  test('claims of later plans to earlier places are asked about first', () => {
    const map = new OffsetMap()
    map.observe(0, 0, 50)
    // The first batch continued the last run, so it left no claim; the second did.
    map.plan(50, [{ upstream: 50, count: 10 }], 0xa)
    map.plan(60, [{ upstream: 70, count: 10 }], 0xb)
    map.resume(50)
    map.plan(50, [{ upstream: 55, count: 10 }], 0xc)
    map.resume(50)
    expect(map.contested(60)).toBe(50)
  })

  test('a refuted claim leaves the durable chunk with the next write', () => {
    const first = new OffsetMap()
    first.observe(0, 0, 50)
    first.plan(batchA.downstream, batchA.runs, batchA.fingerprint)
    first.resume(50)
    first.plan(50, [{ upstream: 105, count: 10 }], 0xc)
    first.takeChanges()
    first.acknowledge(60)
    const { chunks } = first.takeChanges()
    expect(chunks).toHaveLength(1)
    expect(OffsetMap.load(chunks.map((chunk) => chunk.bytes)).contested(60)).toBeUndefined()
  })

  test('and so does one that was settled', () => {
    const map = contestedMap()
    map.settle(50, 50, 0xc)
    map.resume(60)
    const { chunks } = map.takeChanges()
    expect(chunks).toHaveLength(1)
    expect(OffsetMap.load(chunks.map((chunk) => chunk.bytes)).contested(60)).toBeUndefined()
  })

  test('a late batch that would bring records a second time is ambiguous', () => {
    const map = contestedMap()
    map.settle(50, 50, 0xc)
    expect(map.contested(70)).toBe(60)
    expect(map.settle(60, 60, 0xb)).toBe(false)
  })

  test('as long as neither landed there is no contest', () => {
    const map = contestedMap()
    expect(map.contested(50)).toBeUndefined()
    map.resume(50)
    expect(map.nextUpstream).toBe(50)
  })

  test('the batch that stands on the target decides for the second owner', () => {
    const map = contestedMap()
    expect(map.contested(60)).toBe(50)
    expect(map.settle(50, 50, 0xc)).toBe(true)
    expect(map.contested(60)).toBeUndefined()
    map.resume(60)
    expect(map.translate(122)).toBe(57)
    expect(map.nextUpstream).toBe(125)
  })

  test('or for the late request of the first, and for its next one too', () => {
    const map = contestedMap()
    expect(map.settle(50, 50, 0xa)).toBe(true)
    expect(map.contested(70)).toBe(60)
    expect(map.settle(60, 60, 0xb)).toBe(true)
    map.resume(70)
    expect(map.translate(101)).toBe(51)
    expect(map.translate(115)).toBe(60)
    expect(map.nextUpstream).toBe(130)
    // What was settled is durable: the next start asks nothing.
    const again = OffsetMap.load(map.takeChanges().chunks.map((chunk) => chunk.bytes))
    expect(again.contested(70)).toBeUndefined()
    again.resume(70)
    expect([...again.runs()]).toEqual([...map.runs()])
  })

  test('a batch that nobody planned leaves the position ambiguous', () => {
    const map = contestedMap()
    expect(map.settle(50, 50, 0xd)).toBe(false)
    expect(() => map.resume(60)).toThrow(/contested/)
  })

  test('a batch that covers the place from before refutes a claim to begin there', () => {
    const map = contestedMap()
    map.settle(50, 50, 0xc)
    map.resume(60)
    map.plan(60, [{ upstream: 125, count: 10 }], 0xe)
    expect(map.contested(70)).toBe(60)
    expect(map.settle(60, 60, 0xe)).toBe(true)
    map.resume(70)
    expect(map.nextUpstream).toBe(135)
  })
})
