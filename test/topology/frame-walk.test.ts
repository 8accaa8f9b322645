import fc from 'fast-check'
import { expect, it } from 'vitest'
import { encodeRequest } from '../../src/protocol/codec.ts'
import { apiVersions } from '../../src/protocol/messages/api-versions.ts'
import { heartbeat } from '../../src/protocol/messages/heartbeat.ts'
import { correlationIdOf, FrameWalk, requestHead } from '../../src/topology/frame-walk.ts'

const request = (correlationId: number, clientId: string) =>
  Buffer.concat(
    encodeRequest(heartbeat, 0, { correlationId, clientId }, { groupId: 'g', generationId: 1, memberId: 'm' }),
  )

/** What a walk finds in a stream that comes in these pieces: heads, and where in the whole stream their frames begin. */
function found<Head>(walk: FrameWalk, pieces: readonly Buffer[], read: (head: Buffer) => Head) {
  const heads: { head: Head; from: number; to: number }[] = []
  let before = 0
  for (const piece of pieces) {
    walk.over(piece, (head, start) => {
      heads.push({ head: read(head), from: before + start, to: before + piece.length })
      return true
    })
    before += piece.length
  }
  return heads
}

const cutAt = (stream: Buffer, places: readonly number[]) => {
  const cuts = [0, ...new Set(places.map((place) => place % (stream.length + 1))), stream.length].sort((a, b) => a - b)
  return cuts.slice(1).map((end, index) => stream.subarray(cuts[index]!, end))
}

it('finds each request with its API, correlation id and client, however the stream is cut into pieces', () => {
  const clients = ['shop', '', 'é'.repeat(40), 'x'.repeat(200)]
  const frames = clients.map((client, index) => request(100 + index, client))
  const stream = Buffer.concat(frames)
  const starts = frames.map((_, index) => Buffer.concat(frames.slice(0, index)).length)
  fc.assert(
    fc.property(fc.array(fc.nat(), { maxLength: 30 }), (places) => {
      const heads = found(FrameWalk.ofRequests(), cutAt(stream, places), requestHead)
      expect(heads.map(({ head }) => head)).toEqual(
        clients.map((clientId, index) => ({ apiKey: heartbeat.key, correlationId: 100 + index, clientId })),
      )
      // Where a frame begins is exact, but for what has passed before its head was whole.
      heads.forEach(({ from, to }, index) => {
        expect(from).toBeGreaterThanOrEqual(starts[index]!)
        expect(to).toBeGreaterThan(starts[index]!)
      })
    }),
  )
  expect(found(FrameWalk.ofRequests(), [stream], requestHead).map(({ from }) => from)).toEqual(starts)
})

it('finds each answer with its correlation id, byte by byte too', () => {
  const answer = (correlationId: number, bytes: number) => {
    const frame = Buffer.alloc(8 + bytes)
    frame.writeInt32BE(4 + bytes, 0)
    frame.writeInt32BE(correlationId, 4)
    return frame
  }
  const stream = Buffer.concat([answer(1, 0), answer(2, 5_000), answer(3, 1)])
  const bytes = [...stream].map((byte) => Buffer.from([byte]))
  for (const pieces of [[stream], bytes]) {
    expect(found(FrameWalk.ofAnswers(), pieces, correlationIdOf).map(({ head }) => head)).toEqual([1, 2, 3])
  }
})

it('takes frames that are shorter than a head for frames, and gives up a stream that cannot be one', () => {
  const short = Buffer.from([0, 0, 0, 2, 9, 9, 0, 0, 0, 0])
  const good = Buffer.concat(encodeRequest(apiVersions, 0, { correlationId: 7, clientId: null }, {}))
  const heads = found(FrameWalk.ofRequests(), [Buffer.concat([short, good])], requestHead)
  expect(heads.map(({ head }) => head)).toEqual([
    undefined,
    undefined,
    { apiKey: apiVersions.key, correlationId: 7, clientId: '' },
  ])
  const broken = Buffer.concat([Buffer.from([255, 255, 255, 255]), good])
  expect(found(FrameWalk.ofRequests(), [broken, good], requestHead)).toEqual([])
})

it('walks no further when it is told so', () => {
  const stream = Buffer.concat([request(1, 'a'), request(2, 'a')])
  const seen: number[] = []
  FrameWalk.ofRequests().over(stream, (head) => seen.push(requestHead(head)!.correlationId) < 1)
  expect(seen).toEqual([1])
})
