import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { OffsetMapChunk } from '../../src/offset-translation/offset-map-chunk.ts'
import { decodeChunk, encodeChunk } from '../../src/offset-translation/offset-map-chunk.ts'

const span = fc.oneof(fc.nat({ max: 3 }), fc.nat({ max: 1_000_000 }), fc.nat({ max: 2 ** 40 }))
const chunk: fc.Arbitrary<OffsetMapChunk> = fc
  .record({
    firstRun: fc.nat(),
    base: fc.record({ upstream: span, downstream: span }),
    spans: fc.array(fc.tuple(span, span, span), { maxLength: 200 }),
    acknowledged: span,
    claims: fc.array(
      fc.record({
        downstream: span,
        fingerprint: fc.nat({ max: 0xffffffff }),
        spans: fc.array(fc.tuple(span, span), { minLength: 1, maxLength: 5 }),
      }),
      { maxLength: 5 },
    ),
  })
  .map(({ firstRun, base, spans, acknowledged, claims }) => {
    let { upstream, downstream } = base
    const runs = spans.map(([gap, hole, length]) => {
      const run = { upstream: upstream + gap, downstream: downstream + hole, count: length + 1 }
      upstream = run.upstream + run.count
      downstream = run.downstream + run.count
      return run
    })
    return {
      firstRun,
      base,
      runs,
      acknowledged,
      claims: claims.map((claim) => {
        let at = 0
        const claimed = claim.spans.map(([gap, length]) => {
          const run = { upstream: at + gap, count: length + 1 }
          at = run.upstream + run.count
          return run
        })
        return { downstream: claim.downstream, fingerprint: claim.fingerprint, runs: claimed }
      }),
    }
  })

test('a chunk is read as it was written', () => {
  fc.assert(fc.property(chunk, (original) => void expect(decodeChunk(encodeChunk(original))).toEqual(original)))
})

test('a chunk with any byte changed, or cut anywhere, is refused', () => {
  fc.assert(
    fc.property(chunk, fc.nat(), fc.integer({ min: 1, max: 255 }), (original, at, change) => {
      const bytes = encodeChunk(original)
      const changed = Buffer.from(bytes)
      changed[at % bytes.length]! ^= change
      expect(() => decodeChunk(changed)).toThrow(/cannot be read/)
      expect(() => decodeChunk(bytes.subarray(0, at % bytes.length))).toThrow(/cannot be read/)
    }),
  )
})

test('a marker of a transactional source costs two bytes, with less than 64 records between two', () => {
  const runs = Array.from({ length: 1000 }, (_, run) => ({ upstream: run * 11, downstream: run * 10, count: 10 }))
  const bytes = encodeChunk({ firstRun: 0, base: { upstream: 0, downstream: 0 }, runs, acknowledged: 0, claims: [] })
  expect(bytes.length).toBeLessThan(2 * 1000 + 30)
})
