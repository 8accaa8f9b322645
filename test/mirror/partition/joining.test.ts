import { expect, it } from 'vitest'
import { TopicPartition } from '../../../src/client/topic-partition.ts'
import { PartitionMirror } from '../../../src/mirror/partition/partition-mirror.ts'
import { OffsetMap } from '../../../src/offset-translation/offset-map.ts'
import { buildBatch } from '../../../src/records/batch-builder.ts'
import { RecordBatch } from '../../../src/records/record-batch.ts'
import { FrameBudget } from '../../../src/source/frame-lease.ts'

/** What becomes of two neighbouring batches that came in one fetch: how many batches leave, and how many were joined. */
function fate(recordsPerBatch: number, valueBytes: number, delivery: { isTransactional?: boolean } = {}) {
  const mirror = new PartitionMirror({
    source: TopicPartition.of('orders', 0),
    remote: TopicPartition.of('east.orders', 0),
    map: new OffsetMap(),
    producer: { id: 1, epoch: 0 },
    batchBytesMax: 1_048_588,
    keepLogAppendTime: false,
    contentMayChange: false,
    queueBytesMax: 4_194_304,
    ...delivery,
  })
  mirror.resume(0, { inDoubt: false })
  const batches = [0, 1].map((index) => {
    const records = Array.from({ length: recordsPerBatch }, () => ({
      timestamp: 1,
      key: null,
      value: Buffer.alloc(valueBytes),
      headers: [],
    }))
    return new RecordBatch(buildBatch(records, { baseOffset: index * recordsPerBatch }))
  })
  const lease = new FrameBudget(2 ** 20, 2 ** 20, () => {}).lease(1)
  const end = 2 * recordsPerBatch
  mirror.accept({
    batches,
    abortedTransactions: null,
    highWatermark: end,
    lastStableOffset: end,
    logStartOffset: 0,
    lease,
  })
  return { leaving: mirror.queued, joined: mirror.counters.rewritten.joined ?? 0 }
}

it('small batches are joined, larger ones pass; of tiny records larger ones are joined too', () => {
  expect(fate(4, 1_024)).toEqual({ leaving: 1, joined: 2 })
  expect(fate(15, 1_024)).toEqual({ leaving: 2, joined: 0 })
  expect(fate(150, 100)).toEqual({ leaving: 1, joined: 2 })
  expect(fate(400, 100)).toEqual({ leaving: 2, joined: 0 })
})

it('in transactions, where a request holds batches of few partitions, larger ones are joined', () => {
  const inTransactions = { isTransactional: true }
  expect(fate(15, 1_024, inTransactions)).toEqual({ leaving: 1, joined: 2 })
  expect(fate(400, 100, inTransactions)).toEqual({ leaving: 1, joined: 2 })
  expect(fate(70, 1_024, inTransactions)).toEqual({ leaving: 2, joined: 0 })
})
