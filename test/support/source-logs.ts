// Contents of source logs with everything a mirror must close, skip or trim; the same for the same seed.
import { BatchBuilder, controlBatch } from '../../src/records/batch-builder.ts'

const START_TIME = 1_700_000_000_000

/** A small generator: tests repeat. */
export function randomOf(seed: number): (below: number) => number {
  let state = seed >>> 0 || 1
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return Math.floor((state / 2 ** 32) * below)
  }
}

/** Dense batches, some compressed. */
export function plainLog(seed: number, batches: number): Buffer[] {
  const random = randomOf(seed)
  const log: Buffer[] = []
  let offset = 0
  for (let at = 0; at < batches; at++) {
    const compression = (['none', 'none', 'gzip', 'lz4'] as const)[random(4)]!
    const builder = new BatchBuilder({ baseOffset: offset, partitionLeaderEpoch: 0, compression })
    for (let left = 1 + random(12); left > 0; left--)
      builder.append({ timestamp: START_TIME + offset, key: null, value: `value ${offset++}`.repeat(1 + random(9)) })
    log.push(builder.build())
  }
  return log
}

/** What compaction leaves: batches that lost records at any place, empty ones, and gaps between them. */
export function compactedLog(seed: number, batches: number): Buffer[] {
  const random = randomOf(seed)
  const log: Buffer[] = []
  let offset = random(50)
  for (let at = 0; at < batches; at++) {
    const span = 1 + random(20)
    const compression = (['none', 'none', 'gzip', 'zstd'] as const)[random(4)]!
    const builder = new BatchBuilder({
      baseOffset: offset,
      lastOffset: offset + span - 1,
      partitionLeaderEpoch: 0,
      compression,
    })
    for (let record = 0; record < span; record++) {
      const isGone = at % 3 > 0 && random(3) === 0 && !(record === span - 1 && builder.count === 0)
      if (!isGone)
        builder.append({
          offset: offset + record,
          timestamp: START_TIME + offset + record,
          key: `key-${random(100)}`,
          value: random(10) === 0 ? null : `value ${offset + record}`.repeat(1 + random(9)),
        })
    }
    log.push(builder.build())
    offset += span + (random(4) === 0 ? random(30) : 0)
  }
  return log
}

/** Committed, aborted and interleaved transactions of three producers, between plain batches. */
export function transactionalLog(seed: number, steps: number): Buffer[] {
  const random = randomOf(seed)
  const log: Buffer[] = []
  const open = new Map<number, { sequence: number }>()
  const sequences = new Map<number, number>()
  let offset = 0
  const append = (producerId: number, transactional: boolean) => {
    const count = 1 + random(6)
    const baseSequence = sequences.get(producerId) ?? 0
    const builder = new BatchBuilder({
      baseOffset: offset,
      partitionLeaderEpoch: 0,
      compression: random(3) === 0 ? 'gzip' : 'none',
      ...(producerId < 0 ? {} : { producerId, producerEpoch: 0, baseSequence, transactional }),
    })
    for (let record = 0; record < count; record++)
      builder.append({ timestamp: START_TIME + offset + record, key: `p${producerId}`, value: `${offset + record}` })
    log.push(builder.build())
    sequences.set(producerId, baseSequence + count)
    offset += count
  }
  const end = (producerId: number) => {
    const type = random(3) === 0 ? 'abort' : 'commit'
    log.push(
      controlBatch({
        type,
        producerId,
        producerEpoch: 0,
        coordinatorEpoch: 0,
        timestamp: START_TIME + offset,
        baseOffset: offset,
      }),
    )
    open.delete(producerId)
    offset++
  }
  for (let step = 0; step < steps; step++) {
    const producerId = 1000 + random(3)
    const choice = random(5)
    if (choice === 0) append(-1, false)
    else if (choice < 4) {
      append(producerId, true)
      open.set(producerId, { sequence: 0 })
    } else if (open.has(producerId)) end(producerId)
  }
  for (const producerId of [...open.keys()]) end(producerId)
  return log
}
