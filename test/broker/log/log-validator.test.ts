import { describe, expect, it } from 'vitest'
import { defaultLogConfig, type LogConfig } from '../../../src/broker/log/log-config.ts'
import { ErrorCode } from '../../../src/protocol/errors.ts'
import { buildBatch, controlBatch } from '../../../src/records/batch-builder.ts'
import { crc32c } from '../../../src/records/crc32c.ts'
import { HEADER, RecordBatch } from '../../../src/records/record-batch.ts'
import { batchOf, filler, NOW, openLog } from './log-fixture.ts'

function send(batches: RecordBatch | RecordBatch[], config: Partial<LogConfig> = {}) {
  const log = openLog({ config })
  const result = log.append([batches].flat(), { leaderEpoch: 0, origin: 'client' })
  const read = log.read(0, 1 << 20, { isolation: 'log_end', minOneMessage: true })
  const stored = 'batches' in read && read.batches[0] ? new RecordBatch(read.batches[0]) : undefined
  return { ...result, stored, end: log.logEndOffset }
}

/** Changes header bytes and sums anew, as a client with other ideas would. */
function forged(batch: RecordBatch, change: (bytes: Buffer) => void): RecordBatch {
  change(batch.bytes)
  batch.bytes.writeUInt32BE(crc32c(batch.bytes.subarray(HEADER.attributes)), HEADER.crc)
  return batch
}

describe('a produced batch', () => {
  it('comes alone, at base offset 0', () => {
    expect(send([batchOf(['a']), batchOf(['b'])]).error).toBe(ErrorCode.INVALID_RECORD)
    expect(send([]).error).toBe(ErrorCode.INVALID_RECORD)
    expect(send(batchOf(['a'], { baseOffset: 3 })).error).toBe(ErrorCode.INVALID_RECORD)
    expect(send(batchOf(['a'])).error).toBe(0)
  })

  it('has the CRC of its bytes', () => {
    const batch = batchOf(['a'])
    batch.bytes[66]! ^= 1
    expect(send(batch)).toMatchObject({ error: ErrorCode.CORRUPT_MESSAGE, end: 0 })
  })

  it('holds as many records as it announces and its offsets span', () => {
    const count = (value: number) =>
      forged(batchOf(['a', 'b', 'c']), (bytes) => bytes.writeInt32BE(value, HEADER.count))
    const span = (value: number) =>
      forged(batchOf(['a', 'b', 'c']), (bytes) => bytes.writeInt32BE(value, HEADER.lastOffsetDelta))
    const both = (value: number) =>
      forged(count(value), (bytes) => bytes.writeInt32BE(value - 1, HEADER.lastOffsetDelta))
    for (const batch of [count(2), count(4), count(0), count(-1), span(1), span(3), both(2), both(4)]) {
      expect(send(batch)).toMatchObject({ error: ErrorCode.INVALID_RECORD, end: 0 })
    }
  })

  it('is refused when its records are not at offsets 0, 1, 2 …, compressed or not', () => {
    for (const compression of ['none', 'gzip', 'zstd'] as const) {
      const records = [0, 2].map((offset) => ({ offset, timestamp: NOW, key: null, value: 'a' }))
      const holes = new RecordBatch(buildBatch(records, { compression }))
      expect(send(forged(holes, (bytes) => bytes.writeInt32BE(1, HEADER.lastOffsetDelta))).error).toBe(
        ErrorCode.INVALID_RECORD,
      )
      expect(send(batchOf(['a', 'b'], { compression })).error).toBe(0)
    }
    // One record: length, attributes, timestamp delta, offset delta 1 instead of 0.
    const odd = forged(batchOf(['a']), (bytes) => (bytes[HEADER.records + 3] = 2))
    expect(send(odd).error).toBe(ErrorCode.INVALID_RECORD)
    const malformed = forged(batchOf(['abc']), (bytes) => (bytes[HEADER.records] = 40))
    expect(send(malformed).error).toBe(ErrorCode.INVALID_RECORD)
  })

  it('carries no control bit, and a sequence when it has a producer id', () => {
    const control = controlBatch({
      type: 'commit',
      producerId: 1,
      producerEpoch: 0,
      coordinatorEpoch: 0,
      timestamp: NOW,
    })
    expect(send(new RecordBatch(control)).error).toBe(ErrorCode.INVALID_RECORD)
    expect(send(batchOf(['a'], { producerId: 1, producerEpoch: 0, baseSequence: -1 })).error).toBe(
      ErrorCode.INVALID_RECORD,
    )
  })

  it('is at most max.message.bytes large', () => {
    const { sizeInBytes } = filler(3, 100)
    expect(send(filler(3, 100), { maxMessageBytes: sizeInBytes }).error).toBe(0)
    expect(send(filler(3, 100), { maxMessageBytes: sizeInBytes - 1 }).error).toBe(ErrorCode.MESSAGE_TOO_LARGE)
  })

  it('has timestamps within the limits of the topic; −1 says nothing and passes', () => {
    const at = (timestamp: number, config: Partial<LogConfig> = {}) =>
      send(batchOf([{ value: 'a', timestamp }]), config)
    expect(at(NOW + 3_600_000).error).toBe(0)
    expect(at(NOW + 3_600_001)).toMatchObject({ error: ErrorCode.INVALID_TIMESTAMP, recordErrors: [{ batchIndex: 0 }] })
    expect(at(1_000_000_000_000).error).toBe(0)
    expect(at(NOW - 1001, { messageTimestampBeforeMaxMs: 1000 }).error).toBe(ErrorCode.INVALID_TIMESTAMP)
    expect(at(-1, { messageTimestampBeforeMaxMs: 1000 }).error).toBe(0)
    expect(at(NOW + 9e9, { messageTimestampType: 'LogAppendTime' }).error).toBe(0)
  })

  it('names the records at fault, three of them at most', () => {
    const records = Array.from({ length: 6 }, (_, index) => ({ key: index % 2 ? 'k' : null, value: 'v' }))
    expect(send(batchOf(records), { compact: true })).toMatchObject({
      error: ErrorCode.INVALID_RECORD,
      recordErrors: [{ batchIndex: 0 }, { batchIndex: 2 }, { batchIndex: 4 }],
    })
  })

  it('needs keys where the topic is compacted, compressed or not', () => {
    for (const compression of ['none', 'gzip'] as const) {
      expect(send(batchOf([{ key: null, value: 'v' }], { compression }), { compact: true }).error).toBe(
        ErrorCode.INVALID_RECORD,
      )
      expect(send(batchOf([{ key: '', value: 'v' }], { compression }), { compact: true }).error).toBe(0)
    }
  })

  it('gets a wrong maximum timestamp corrected', () => {
    const batch = batchOf([
      { value: 'a', timestamp: NOW - 5 },
      { value: 'b', timestamp: NOW - 9 },
    ])
    batch.patch({ maxTimestamp: NOW + 1 })
    const { stored } = send(batch)
    expect(stored).toMatchObject({ maxTimestamp: NOW - 5 })
    expect(stored!.crcIsValid()).toBe(true)
  })

  it('is stamped with the append time where the topic says so, and may not claim it itself', () => {
    const { stored, ...result } = send(batchOf([{ value: 'a', timestamp: 5 }]), {
      messageTimestampType: 'LogAppendTime',
    })
    expect(result).toMatchObject({ error: 0, logAppendTime: NOW })
    expect(stored).toMatchObject({ timestampType: 'LogAppendTime', maxTimestamp: NOW })
    expect(stored!.crcIsValid()).toBe(true)
    const claiming = batchOf(['a'], { timestampType: 'LogAppendTime' })
    expect(send(claiming, { messageTimestampType: 'LogAppendTime' }).error).toBe(ErrorCode.INVALID_TIMESTAMP)
    expect(send(batchOf(['a'], { timestampType: 'LogAppendTime' })).stored).toMatchObject({
      timestampType: 'CreateTime',
    })
  })

  it('keeps the delete-horizon bit and loses the bits that mean nothing, as with Kafka', () => {
    const { stored } = send(forged(batchOf(['a']), (bytes) => bytes.writeInt16BE(0x0140 | 0x80, HEADER.attributes)))
    expect(stored!.attributes).toBe(0x40)
    expect(stored!.crcIsValid()).toBe(true)
  })

  it('is recompressed where the topic stores another codec', () => {
    const batch = filler(20, 100, { producerId: 4, producerEpoch: 1, baseSequence: 9 })
    const { stored } = send(batch, { compressionType: 'gzip' })
    expect(stored).toMatchObject({ compression: 'gzip', count: 20, producerId: 4, producerEpoch: 1, baseSequence: 9 })
    expect(stored!.records().map((record) => record.value)).toEqual(batch.records().map((record) => record.value))
    expect(send(stored!, { compressionType: 'uncompressed' }).stored).toMatchObject({ compression: 'none' })
  })

  it('is recompressed at the level that the topic asks for', () => {
    const text = Array.from({ length: 300 }, (_, index) => `record ${index * 7919} of ${index % 13}`)
    const sizes = (compressionType: 'gzip' | 'zstd', levels: readonly number[]) =>
      levels.map((level) => {
        const compressionLevels = { ...defaultLogConfig.compressionLevels, [compressionType]: level }
        const { stored } = send(batchOf(text), { compressionType, compressionLevels })
        expect(stored!.records().map((record) => String(record.value))).toEqual(text)
        return stored!.sizeInBytes
      })
    const [gzipFast, gzipBest] = sizes('gzip', [1, 9])
    expect(gzipBest).toBeLessThan(gzipFast!)
    const [zstdFast, zstdBest] = sizes('zstd', [-50, 19])
    expect(zstdBest).toBeLessThan(zstdFast!)
  })

  it('of an old magic is refused', () => {
    const old = Buffer.from(
      '0000000000000000000000150000000000010000000000000000ffffffff0000000361626300',
      'hex',
    ).subarray(0, 37)
    old.writeInt32BE(25, 8)
    expect(send(new RecordBatch(old)).error).toBe(ErrorCode.INVALID_RECORD)
  })
})
