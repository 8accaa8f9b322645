// What a damaged batch at the source may do: stop its partition there, or reach a target that sees by its sum what it is. Never more.
import { describe, expect, it } from 'vitest'
import { TopicPartition } from '../../../src/client/topic-partition.ts'
import { PartitionMirror } from '../../../src/mirror/partition/partition-mirror.ts'
import { OffsetMap } from '../../../src/offset-translation/offset-map.ts'
import { ErrorCode } from '../../../src/protocol/errors.ts'
import { buildBatch } from '../../../src/records/batch-builder.ts'
import { HEADER, RecordBatch, splitBatches } from '../../../src/records/record-batch.ts'
import type { AbortedTransaction } from '../../../src/source/aborted-filter.ts'
import { FrameBudget } from '../../../src/source/frame-lease.ts'
import { bytesOf, titledVectors } from '../../records/vectors.ts'

/** Brings to a target that knows damage when it sees it what crosses of these bytes. */
function mirrored(bytes: Buffer, from: number, abortedTransactions: AbortedTransaction[] = []): PartitionMirror {
  const mirror = new PartitionMirror({
    source: TopicPartition.of('orders', 0),
    remote: TopicPartition.of('east.orders', 0),
    map: new OffsetMap({ start: { upstream: from, downstream: 0 } }),
    producer: { id: 1, epoch: 0 },
    batchBytesMax: 1_048_588,
    keepLogAppendTime: false,
    contentMayChange: false,
    queueBytesMax: 4_194_304,
  })
  mirror.resume(0, { inDoubt: false })
  const { batches } = splitBatches(bytes)
  const end = Number.MAX_SAFE_INTEGER
  const lease = new FrameBudget(2 ** 20, 2 ** 20, () => {}).lease(1)
  mirror.accept({ batches, abortedTransactions, highWatermark: end, lastStableOffset: end, logStartOffset: 0, lease })
  mirror.plansDurable(mirror.takePlans().plan)
  for (let batch = mirror.take(); batch; batch = mirror.take())
    if (new RecordBatch(batch.bytes).crcIsValid()) mirror.acknowledged(batch, batch.downstream)
    else mirror.refused(batch, ErrorCode.CORRUPT_MESSAGE, 'damaged')
  return mirror
}

/** Every bit of the header, and one of every byte behind it, of what the sum covers; but for a magic that nobody knows. */
function* damages(bytes: Buffer): Generator<[Buffer, string]> {
  const summedFrom: number = bytes[HEADER.magic] === 2 ? HEADER.crc : HEADER.partitionLeaderEpoch
  for (let at = summedFrom; at < bytes.length; at++)
    for (let bit = 0; bit < 8; bit++) {
      if (at === HEADER.magic || (at >= HEADER.records && bit !== at % 8)) continue
      const damaged = Buffer.from(bytes)
      damaged[at]! ^= 1 << bit
      yield [damaged, `bit ${bit} of byte ${at}`]
    }
}

describe.each(titledVectors)('%s', (_title, vector) => {
  const { baseOffset, producerId } = vector
  const bytes = bytesOf(vector)

  it.each([
    ['of committed data', []],
    ['of an aborted transaction', [{ producerId, firstOffset: 0 }]],
  ])('%s, stops the partition when it is damaged anywhere', (_, aborted) => {
    expect(mirrored(Buffer.from(bytes), baseOffset, aborted).stopReason).toBeUndefined()
    for (const [damaged, where] of damages(bytes)) {
      const { stopReason } = mirrored(damaged, baseOffset, aborted)
      expect(stopReason?.code, where).toBe('corrupt')
      expect(stopReason?.message, where).toContain(`source offset ${baseOffset} is damaged`)
    }
  })
})

const plain = (offset: number) => buildBatch([{ timestamp: 1, key: null, value: 'a' }], { baseOffset: offset })

it('what stands before the damage crosses, and nothing behind it', () => {
  for (const [damaged] of damages(plain(7))) {
    const mirror = mirrored(Buffer.concat([plain(5), plain(6), damaged, plain(8)]), 5)
    expect(mirror.stopReason?.code).toBe('corrupt')
    expect(mirror.acknowledgedUpstream).toBe(7)
    expect(mirror.counters.records).toBe(2)
  }
})

it('of several damaged batches the first is named', () => {
  const [small] = [...damages(plain(5))].at(-1)!
  const withHoles = buildBatch([{ timestamp: 1, key: null, value: 'a' }], { baseOffset: 7, lastOffset: 9 })
  withHoles[withHoles.length - 1]! ^= 1
  const { stopReason } = mirrored(Buffer.concat([small, plain(6), withHoles]), 5)
  expect(stopReason?.message).toContain('source offset 5 is damaged')
})

it('a batch of a codec that nobody here knows is for the target to judge', () => {
  const bytes = plain(5)
  bytes.writeInt16BE(5, HEADER.attributes)
  const mirror = mirrored(Buffer.concat([plain(4), bytes]), 4)
  expect(mirror.counters.rewritten).toEqual({})
  expect(mirror.counters.batchesPassed).toBe(2)
})
