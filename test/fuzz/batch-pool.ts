// Record batches to produce: good ones of every codec and kind, and those that a broker must refuse.
import { buildBatch } from '../../src/records/batch-builder.ts'
import { CODECS } from '../../src/records/compression/index.ts'
import { crc32c } from '../../src/records/crc32c.ts'
import { HEADER } from '../../src/records/record-batch.ts'
import type { SeededRandom } from './seeded-random.ts'

const TIME = 1_700_000_000_000

export class BatchPool {
  readonly #random: SeededRandom
  readonly #good: readonly Buffer[]

  constructor(random: SeededRandom) {
    this.#random = random
    this.#good = CODECS.flatMap((compression) =>
      [1, 3, 40].flatMap((count) => {
        const records = Array.from({ length: count }, (_, i) => ({
          timestamp: TIME + i,
          key: i % 3 === 2 ? null : `k${i % 5}`,
          value: i % 4 === 3 ? null : 'value '.repeat(i),
          headers: i % 2 ? [{ key: 'h', value: Buffer.from('x') }] : [],
        }))
        return [
          buildBatch(records, { compression }),
          buildBatch(records, { compression, producerId: 1000 + count, producerEpoch: 0, baseSequence: 0 }),
          buildBatch(records, {
            compression,
            producerId: 1000,
            producerEpoch: 0,
            baseSequence: 0,
            transactional: true,
          }),
        ]
      }),
    )
  }

  /** A copy, as the broker patches batches where they stand. */
  draw(): Buffer {
    const random = this.#random
    const batch = Buffer.from(random.pick(this.#good))
    const kind = random.below(10)
    if (kind < 5) return batch
    if (kind === 5) return this.#withHeader(batch)
    if (kind === 6) return this.#flipped(batch, HEADER.records)
    if (kind === 7) return Buffer.concat([batch, Buffer.from(random.pick(this.#good))])
    if (kind === 8) return batch.subarray(0, random.below(batch.length + 1))
    return this.#flipped(batch, 0)
  }

  /** A header that lies and a CRC that agrees with it. */
  #withHeader(batch: Buffer): Buffer {
    const random = this.#random
    const edges = [0, 1, -1, 2_147_483_647, -2_147_483_648, random.below(100)]
    switch (random.below(7)) {
      case 0:
        batch.writeInt16BE(random.below(65_536) - 32_768, HEADER.attributes)
        break
      case 1:
        batch.writeInt32BE(random.pick(edges), HEADER.lastOffsetDelta)
        break
      case 2:
        batch.writeInt32BE(random.pick(edges), HEADER.count)
        break
      case 3:
        batch.writeBigInt64BE(BigInt(random.pick(edges)), HEADER.baseTimestamp)
        break
      case 4:
        batch.writeBigInt64BE(BigInt(random.pick(edges)), HEADER.producerId)
        break
      case 5:
        batch.writeInt32BE(random.pick(edges), HEADER.baseSequence)
        break
      default:
        batch[HEADER.magic] = random.pick([0, 1, 3, 255])
    }
    batch.writeUInt32BE(crc32c(batch.subarray(HEADER.attributes)), HEADER.crc)
    return batch
  }

  /** Some bytes changed from `from` on, and the CRC corrected half of the time, so that what lies behind it is met too. */
  #flipped(batch: Buffer, from: number): Buffer {
    const random = this.#random
    for (let flips = 1 + random.below(4); flips > 0; flips--)
      batch[from + random.below(batch.length - from)] = random.below(256)
    if (from > 0 && random.chance(0.8)) batch.writeUInt32BE(crc32c(batch.subarray(HEADER.attributes)), HEADER.crc)
    return batch
  }
}
