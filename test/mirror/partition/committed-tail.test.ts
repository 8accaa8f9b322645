import { describe, expect, test } from 'vitest'
import { endOfOurs, isStillOurs, type LastBatch, lostWithin } from '../../../src/mirror/partition/committed-tail.ts'
import { OffsetMap } from '../../../src/offset-translation/offset-map.ts'
import type { BatchHeader } from '../../../src/sink/tail-reader.ts'

const LAST: LastBatch = { producerId: 7, producerEpoch: 3, sequence: 40 }
const WRITERS = new Set([5, 7])

const header = (batch: Partial<BatchHeader>): BatchHeader => ({
  ...{ baseOffset: 0, lastOffset: 0, lastOffsetDelta: 0, crc: 0, isControl: false },
  ...{ producerId: 7, producerEpoch: 3, baseSequence: 40 },
  ...batch,
})

describe('what stands in the place of a committed record', () => {
  test.each([
    ['the last that was committed', {}, true],
    ['one before it', { baseSequence: 39 }, true],
    ['one before it, before the sequences began anew', { baseSequence: 2 ** 31 - 1 }, true],
    ['one that is a thousand million before it', { baseSequence: 2 ** 30 }, true],
    ['one of an epoch before', { producerEpoch: 2, baseSequence: 99 }, true],
    ['one of a producer id before', { producerId: 5, producerEpoch: 9 }, true],
    ['a marker', { isControl: true }, false],
    ['what was appended after it, and aborted', { baseSequence: 41 }, false],
    ['what was aborted under a later epoch', { producerEpoch: 4, baseSequence: 0 }, false],
    ['a record of others, without a producer', { producerId: -1, producerEpoch: -1, baseSequence: -1 }, false],
    ['a record of another producer', { producerId: 6 }, false],
  ])('%s', (_, batch, isOurs) => {
    expect(isStillOurs(header(batch), LAST, WRITERS)).toBe(isOurs)
  })
})

describe('where our records end', () => {
  /** Ten records, a marker's place, ten records, and so on. */
  const map = new OffsetMap({ start: { upstream: 0, downstream: 0 } })
  for (let run = 0; run < 9; run++) map.place(run * 10, run * 11, 10)
  const TO = 98

  const endWhen = async (wentBackTo: number, { from = 0, to = TO } = {}) => {
    let asked = 0
    const batchAt = async (offset: number) => {
      asked++
      return header({ baseOffset: offset, lastOffset: offset, producerId: offset < wentBackTo ? 7 : -1 })
    }
    const end = await endOfOurs({ map, batchAt, isOurs: (batch) => batch.producerId === 7 }, { from, to })
    return { end, asked }
  }

  test('all of them stand: one look', async () => {
    expect(await endWhen(TO)).toEqual({ end: TO, asked: 1 })
  })

  test('wherever the log went back to, the first that is gone is found', async () => {
    for (let wentBackTo = 0; wentBackTo < TO; wentBackTo++) {
      const { end, asked } = await endWhen(wentBackTo)
      // Where a marker stood no record was.
      expect(end).toBe(wentBackTo % 11 === 10 ? wentBackTo + 1 : wentBackTo)
      expect(asked).toBeLessThan(10)
    }
  })

  test('a log that is shorter than what was committed, and filled by others up to there', async () => {
    expect(await endWhen(40, { to: 50 })).toMatchObject({ end: 40 })
    expect(await endWhen(50, { to: 50 })).toMatchObject({ end: 50, asked: 1 })
  })

  test('what lies below where mirroring began is not ours to judge', async () => {
    expect(await endWhen(20, { from: 60 })).toMatchObject({ end: 60 })
    expect(await endWhen(20, { from: TO })).toMatchObject({ end: TO, asked: 0 })
  })
})

describe('what is lost though the last of our records stands', () => {
  const map = new OffsetMap({ start: { upstream: 0, downstream: 0 } })
  for (let run = 0; run < 9; run++) map.place(run * 10, run * 11, 10)
  const TO = 98

  const lostWhen = async (cutAt: number, standsFrom: number, from = cutAt) => {
    let asked = 0
    const batchAt = async (offset: number) => {
      asked++
      return header({ baseOffset: offset, producerId: offset < cutAt || offset >= standsFrom ? 7 : -1 })
    }
    const lost = await lostWithin({ map, batchAt, isOurs: (batch) => batch.producerId === 7 }, { from, to: TO })
    expect(asked).toBeLessThan(10)
    return lost
  }
  const recordFrom = (place: number) => (place % 11 === 10 ? place + 1 : place)

  test('wherever the log was cut off and wherever we went on, exactly that is found', async () => {
    for (let cutAt = 0; cutAt < TO; cutAt += 3)
      for (let standsFrom = cutAt; standsFrom < TO; standsFrom += 5) {
        const [from, to] = [recordFrom(cutAt), recordFrom(standsFrom)]
        expect(await lostWhen(cutAt, standsFrom)).toEqual(from < to ? { from, to } : undefined)
      }
  })

  test('an epoch that ended below what we wrote, and lost nothing', async () => {
    expect(await lostWhen(TO, TO, 20)).toBeUndefined()
  })

  test('nothing of ours stood behind the cut', async () => {
    expect(await lostWhen(TO, TO)).toBeUndefined()
  })
})
