import { describe, expect, it } from 'vitest'
import type { PartitionLog } from '../../../src/broker/log/partition-log.ts'
import { UNVERIFIED } from '../../../src/broker/log/producer-state.ts'
import { memoryDisk } from '../../../src/platform/memory-disk.ts'
import { ErrorCode } from '../../../src/protocol/errors.ts'
import { controlBatch } from '../../../src/records/batch-builder.ts'
import { RecordBatch } from '../../../src/records/record-batch.ts'
import { append, batchOf, filler, marker, NOW, openLog, readAll, testClock, values } from './log-fixture.ts'

const MAX = 2 ** 31 - 1

function send(log: PartitionLog, baseSequence: number, count = 1, producerEpoch = 0, producerId = 1) {
  const batch = filler(count, 10, { producerId, producerEpoch, baseSequence })
  const result = log.append([batch], { leaderEpoch: 0, origin: 'client' })
  log.highWatermark = log.logEndOffset
  return result
}

function transact(log: PartitionLog, producerId: number, baseSequence: number, value = 'tx', producerEpoch = 0) {
  append(log, batchOf([value], { producerId, producerEpoch, baseSequence, transactional: true }))
}

describe('an idempotent producer', () => {
  it('gets the original offset for any of its last five batches, and 45 for older ones', () => {
    const log = openLog()
    for (let sequence = 0; sequence < 12; sequence += 2) send(log, sequence, 2)
    for (const sequence of [2, 4, 6, 8, 10]) {
      expect(send(log, sequence, 2)).toMatchObject({
        error: 0,
        duplicate: true,
        baseOffset: sequence,
        lastOffset: sequence + 1,
      })
    }
    expect(send(log, 0, 2).error).toBe(ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER)
    expect(log.logEndOffset).toBe(12)
  })

  it('is refused a gap, a step back, and the same sequence with another length', () => {
    const log = openLog()
    send(log, 0, 3)
    expect(send(log, 4).error).toBe(ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER)
    expect(send(log, 1).error).toBe(ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER)
    expect(send(log, 0, 2).error).toBe(ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER)
    expect(send(log, 3)).toMatchObject({ error: 0, baseOffset: 3, duplicate: false })
  })

  it('may begin with any sequence while it is unknown', () => {
    expect(send(openLog(), 77)).toMatchObject({ error: 0, baseOffset: 0 })
  })

  it('wraps from 2^31 − 1 to 0, between batches and within one, duplicates too', () => {
    const log = openLog()
    send(log, MAX - 1, 2)
    expect(send(log, 0, 1)).toMatchObject({ error: 0, baseOffset: 2 })
    const within = openLog()
    send(within, MAX, 3)
    expect(within.describeProducers()).toMatchObject([{ lastSequence: 1 }])
    expect(send(within, MAX, 3)).toMatchObject({ duplicate: true, baseOffset: 0 })
    expect(send(within, 2)).toMatchObject({ error: 0, baseOffset: 3 })
    expect(send(within, 2)).toMatchObject({ duplicate: true, baseOffset: 3 })
  })

  it('fences older epochs, and starts a new one at sequence 0 only', () => {
    const log = openLog()
    send(log, 0)
    expect(send(log, 1, 1, 1).error).toBe(ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER)
    expect(send(log, 0, 1, 1)).toMatchObject({ error: 0, baseOffset: 1 })
    expect(send(log, 1, 1, 0).error).toBe(ErrorCode.INVALID_PRODUCER_EPOCH)
    expect(send(log, 0, 1, 0).error).toBe(ErrorCode.INVALID_PRODUCER_EPOCH)
    expect(send(log, 1, 1, 1).error).toBe(0)
  })

  it('leaves no trace of what was refused', () => {
    const log = openLog()
    send(log, 0)
    const before = log.describeProducers()
    send(log, 5, 1, 3)
    send(log, 5)
    expect(log.describeProducers()).toEqual(before)
    expect(log.logEndOffset).toBe(1)
  })

  it('is forgotten after producer.id.expiration.ms of silence, by its own timestamps', () => {
    const clock = testClock()
    const log = openLog({ clock, config: { producerIdExpirationMs: 1000 } })
    send(log, 0)
    clock.time = NOW + 999
    log.expireProducers()
    expect(log.describeProducers()).toHaveLength(1)
    clock.time = NOW + 1000
    log.expireProducers()
    expect(log.describeProducers()).toHaveLength(0)
    expect(send(log, 40)).toMatchObject({ error: 0, baseOffset: 1 })
  })

  it('is known again after truncation exactly as far as the log goes', () => {
    const log = openLog({ config: { segmentBytes: 400 } })
    for (let sequence = 0; sequence < 20; sequence++) send(log, sequence)
    log.truncateTo(13)
    expect(log.describeProducers()).toMatchObject([{ lastSequence: 12 }])
    expect(send(log, 12)).toMatchObject({ duplicate: true, baseOffset: 12 })
    expect(send(log, 14).error).toBe(ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER)
    expect(send(log, 13)).toMatchObject({ error: 0, baseOffset: 13 })
  })

  it('is learnt from copied batches without being checked', () => {
    const log = openLog()
    const copy = (baseOffset: number, baseSequence: number) =>
      log.append(
        [filler(1, 10, { producerId: 1, producerEpoch: 0, baseSequence, baseOffset, partitionLeaderEpoch: 2 })],
        {
          leaderEpoch: 2,
          origin: 'replication',
        },
      )
    expect(copy(0, 0).error).toBe(0)
    expect(copy(4, 9)).toMatchObject({ error: 0, baseOffset: 4 })
    expect(log).toMatchObject({ logEndOffset: 5 })
    expect(log.describeProducers()).toMatchObject([{ lastSequence: 9 }])
    expect(copy(3, 10).error).toBe(ErrorCode.OFFSET_OUT_OF_RANGE)
    expect(log.latestOffset('log_end')).toEqual({ offset: 5, leaderEpoch: 2 })
  })
})

describe('transactions', () => {
  it('hold back readers of committed data at the first open one, and markers release them', () => {
    const log = openLog()
    append(log, batchOf(['plain']))
    transact(log, 1, 0, 'one')
    transact(log, 2, 0, 'two')
    append(log, batchOf(['late']))
    expect(log.lastStableOffset).toBe(1)
    expect(values(readAll(log, 0, 'read_committed'))).toEqual(['plain'])
    marker(log, 'commit', 2)
    expect(log.lastStableOffset).toBe(1)
    marker(log, 'commit', 1)
    expect(log.lastStableOffset).toBe(6)
    expect(values(readAll(log, 0, 'read_committed'))).toEqual(['plain', 'one', 'two', 'late'])
  })

  it('stay undecided until their marker is on all replicas', () => {
    const log = openLog()
    transact(log, 1, 0)
    const bytes = controlBatch({ type: 'commit', producerId: 1, producerEpoch: 0, coordinatorEpoch: 0, timestamp: NOW })
    log.append([new RecordBatch(bytes)], { leaderEpoch: 0, origin: 'coordinator' })
    expect(log.lastStableOffset).toBe(0)
    log.highWatermark = 2
    expect(log.lastStableOffset).toBe(2)
  })

  it('that were aborted are listed for exactly the reads that touch them', () => {
    const log = openLog({ config: { segmentBytes: 300 } })
    for (let index = 0; index < 4; index++) append(log, batchOf([`before ${index}`]))
    transact(log, 1, 0)
    append(log, batchOf(['between']))
    transact(log, 1, 1)
    marker(log, 'abort', 1)
    append(log, batchOf(['after']))
    const abortedAt = (offset: number, maxBytes: number) => {
      const result = log.read(offset, maxBytes, { isolation: 'read_committed', minOneMessage: true })
      if (!('batches' in result)) throw new Error(`${result.error}`)
      return result.abortedTransactions!.map(({ producerId, firstOffset }) => [producerId, firstOffset])
    }
    expect(abortedAt(3, 1)).toEqual([])
    for (const offset of [4, 5, 6, 7]) expect(abortedAt(offset, 1)).toEqual([[1, 4]])
    expect(abortedAt(8, 1)).toEqual([])
    const uncommitted = log.read(4, 1, { isolation: 'read_uncommitted', minOneMessage: true })
    expect('batches' in uncommitted && uncommitted.abortedTransactions).toBe(null)
  })

  it('note with each abort up to where all was decided, so that a search knows when to stop', () => {
    const log = openLog()
    transact(log, 1, 0)
    transact(log, 2, 0)
    marker(log, 'abort', 1)
    marker(log, 'abort', 2)
    expect(log.collectAborted(0, 4)).toEqual([
      { producerId: 1, firstOffset: 0, lastOffset: 2, lastStableOffset: 1 },
      { producerId: 2, firstOffset: 1, lastOffset: 3, lastStableOffset: 4 },
    ])
    expect(log.collectAborted(0, 2)).toHaveLength(2)
    expect(log.collectAborted(3, 4)).toHaveLength(1)
  })

  it('survive a restart, open or aborted, with or without snapshots', () => {
    for (const clean of [true, false]) {
      const disk = memoryDisk()
      const config = { segmentBytes: 300 }
      const log = openLog({ disk, config })
      transact(log, 1, 0)
      marker(log, 'abort', 1)
      transact(log, 2, 0)
      for (let index = 0; index < 6; index++) append(log, batchOf([`x${index}`]))
      if (clean) log.close()
      const state = { cleanShutdown: clean, highWatermark: 9, recoveryPoint: clean ? 9 : 0 }
      const again = openLog({ disk, config, state })
      expect(again.lastStableOffset).toBe(2)
      const result = again.read(0, 1000, { isolation: 'read_committed', minOneMessage: true })
      expect('batches' in result && result.abortedTransactions).toMatchObject([
        { producerId: 1, firstOffset: 0, lastOffset: 1 },
      ])
      marker(again, 'commit', 2)
      expect(again.lastStableOffset).toBe(again.highWatermark)
    }
  })

  it('refuse a plain batch in their middle, and a marker of an old coordinator or epoch', () => {
    const log = openLog()
    transact(log, 1, 0, 'tx', 3)
    const plain = log.append([batchOf(['x'], { producerId: 1, producerEpoch: 3, baseSequence: 1 })], {
      leaderEpoch: 0,
      origin: 'client',
    })
    expect(plain.error).toBe(ErrorCode.INVALID_TXN_STATE)
    const end = (producerEpoch: number, coordinatorEpoch: number) => {
      const bytes = controlBatch({ type: 'commit', producerId: 1, producerEpoch, coordinatorEpoch, timestamp: NOW })
      return log.append([new RecordBatch(bytes)], { leaderEpoch: 0, origin: 'coordinator' }).error
    }
    expect(end(2, 5)).toBe(ErrorCode.INVALID_PRODUCER_EPOCH)
    expect(end(3, 5)).toBe(0)
    expect(end(3, 4)).toBe(ErrorCode.TRANSACTION_COORDINATOR_FENCED)
  })

  it('begun and ended within one copied fetch are known as well as any other', () => {
    const leader = openLog()
    transact(leader, 1, 0)
    marker(leader, 'abort', 1)
    transact(leader, 1, 1)
    const fetched = leader.read(0, 1000, { isolation: 'log_end', minOneMessage: true })
    if (!('batches' in fetched)) throw new Error('no batches')
    const follower = openLog()
    const bytes = Buffer.concat(fetched.batches)
    const third = bytes.length - bytes.readInt32BE(8) - 12
    expect(third).toBeGreaterThan(0)
    const batches: RecordBatch[] = []
    for (let at = 0; at < bytes.length; at += bytes.readInt32BE(at + 8) + 12) {
      batches.push(new RecordBatch(bytes.subarray(at, at + bytes.readInt32BE(at + 8) + 12)))
    }
    expect(follower.append(batches, { leaderEpoch: 0, origin: 'replication' }).error).toBe(0)
    follower.highWatermark = 1
    expect(follower.lastStableOffset).toBe(0)
    follower.highWatermark = 3
    expect(follower.lastStableOffset).toBe(2)
    expect(follower.collectAborted(0, 3)).toMatchObject([
      { producerId: 1, firstOffset: 0, lastOffset: 1, lastStableOffset: 2 },
    ])
  })

  it('do not hold back readers below the log start', () => {
    const log = openLog()
    transact(log, 1, 0)
    append(log, batchOf(['x', 'y']))
    log.deleteRecordsBefore(2)
    expect(log.lastStableOffset).toBe(2)
  })
})

describe('the verification of a transaction', () => {
  type Claims = NonNullable<Parameters<PartitionLog['append']>[1]['claims']>

  function offer(log: PartitionLog, claims: Claims, { sequence = 0, epoch = 0 } = {}) {
    const batch = batchOf(['tx'], {
      producerId: 1,
      producerEpoch: epoch,
      baseSequence: sequence,
      transactional: true,
    })
    const { error } = log.append([batch], { leaderEpoch: 0, origin: 'client', claims })
    log.highWatermark = log.logEndOffset
    return error
  }

  const ask = (log: PartitionLog, { sequence = 0, epoch = 0, bumpsEpoch = true } = {}) =>
    log.startVerification(1, { epoch, sequence, bumpsEpoch })

  it('is needed by the first batch alone', () => {
    const log = openLog()
    const { verification, isOpen } = ask(log)
    expect(isOpen).toBe(false)
    expect(offer(log, { verification: UNVERIFIED })).toBe(ErrorCode.INVALID_TXN_STATE)
    expect(offer(log, { verification })).toBe(0)
    expect(ask(log)).toEqual({ verification: UNVERIFIED, isOpen: true })
    expect(offer(log, { verification: UNVERIFIED }, { sequence: 1 })).toBe(0)
    // A duplicate is one whatever it claims.
    marker(log, 'commit', 1)
    expect(offer(log, { verification: UNVERIFIED }, { sequence: 1 })).toBe(0)
    expect(log.logEndOffset).toBe(3)
  })

  it('is void once a marker has come: a batch that was late opens no transaction', () => {
    const log = openLog()
    const { verification } = ask(log)
    marker(log, 'abort', 1)
    expect(offer(log, { verification })).toBe(ErrorCode.INVALID_TXN_STATE)
    expect(log.lastStableOffset).toBe(log.logEndOffset)
    expect(offer(log, { verification: ask(log).verification })).toBe(0)
  })

  it('is shared by all batches that wait, of which the lowest comes first', () => {
    const log = openLog()
    const later = ask(log, { sequence: 5, bumpsEpoch: false })
    const first = ask(log, { sequence: 2, bumpsEpoch: false })
    expect(first.verification).toBe(later.verification)
    expect(offer(log, later, { sequence: 5 })).toBe(ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER)
    expect(offer(log, first, { sequence: 2 })).toBe(0)
  })

  it('with an epoch for each transaction takes nothing but sequence 0 of a producer without a state', () => {
    const log = openLog()
    expect(offer(log, ask(log, { sequence: 3 }), { sequence: 3 })).toBe(ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER)
    expect(offer(log, ask(log, { sequence: 0 }), { sequence: 0 })).toBe(0)
  })

  it('is forgotten with the producer', () => {
    const clock = testClock()
    const log = openLog({ clock, config: { producerIdExpirationMs: 1000 } })
    const { verification } = ask(log)
    clock.time += 2000
    log.expireProducers()
    expect(offer(log, { verification })).toBe(ErrorCode.INVALID_TXN_STATE)
  })
})

it('takes a marker of transaction version 2 only with a newer epoch, or again', () => {
  const log = openLog()
  transact(log, 1, 0, 'tx', 3)
  const end = (producerEpoch: number, transactionVersion: number) => {
    const bytes = controlBatch({ type: 'abort', producerId: 1, producerEpoch, coordinatorEpoch: 0, timestamp: NOW })
    return log.append([new RecordBatch(bytes)], {
      leaderEpoch: 0,
      origin: 'coordinator',
      claims: { transactionVersion },
    }).error
  }
  expect(end(3, 2)).toBe(ErrorCode.INVALID_PRODUCER_EPOCH)
  expect(end(4, 2)).toBe(0)
  expect(end(4, 2)).toBe(0)
  expect(end(3, 2)).toBe(ErrorCode.INVALID_PRODUCER_EPOCH)
  transact(log, 1, 0, 'next', 4)
  expect(end(4, 2)).toBe(ErrorCode.INVALID_PRODUCER_EPOCH)
  expect(end(4, 0)).toBe(0)
})
