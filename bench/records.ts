// What record batches cost: header patch against a full CRC, joining per record, codecs. Run by hand.
import { BatchBuilder } from '../src/records/batch-builder.ts'
import { CODECS, compress, decompress } from '../src/records/compression/index.ts'
import { crc32c, crc32cInJavaScript } from '../src/records/crc32c.ts'
import { RecordBatch, splitBatches } from '../src/records/record-batch.ts'
import { joinBatches, rewriteDense } from '../src/records/rewrite.ts'

const MIB = 1 << 20
const ROUNDS = 7
const ROUND_MS = 60
const rows: { what: string; size: string; figure: number; unit: string }[] = []

/** Nanoseconds of one call: the best of several rounds, since the machine is shared. */
function nanoseconds(call: () => void): number {
  let best = Number.POSITIVE_INFINITY
  for (let round = 0; round < ROUNDS; round++) {
    const start = process.hrtime.bigint()
    let calls = 0
    let elapsed = 0
    while (elapsed < ROUND_MS * 1e6) {
      call()
      calls++
      elapsed = Number(process.hrtime.bigint() - start)
    }
    best = Math.min(best, elapsed / calls)
  }
  return best
}

function row(what: string, size: string, figure: number, unit: string): void {
  rows.push({ what, size, figure: Number(figure.toPrecision(3)), unit })
}

function batchesOf(recordBytes: number, batchBytes: number, totalBytes: number): RecordBatch[] {
  const batches: RecordBatch[] = []
  let offset = 0
  for (let filled = 0; filled < totalBytes; ) {
    const builder = new BatchBuilder({ baseOffset: offset })
    while (builder.sizeInBytes + recordBytes < batchBytes) {
      builder.append({
        timestamp: 1_700_000_000_000 + (offset >> 3),
        key: null,
        value: Buffer.alloc(recordBytes, offset),
      })
      offset++
    }
    const bytes = builder.build()
    filled += bytes.length
    batches.push(new RecordBatch(bytes))
  }
  return batches
}

for (const [size, label] of [
  [16 * 1024, '16 KiB'],
  [MIB, '1 MiB'],
] as const) {
  const batch = new RecordBatch(Buffer.concat([batchesOf(1024, size, 1)[0]!.bytes]))
  let sequence = 0
  const thousand = nanoseconds(() => {
    for (let call = 0; call < 1000; call++) {
      batch.patch({
        baseOffset: 0,
        producerId: 9,
        producerEpoch: 1,
        baseSequence: sequence++ & 0xffffff,
        transactional: false,
      })
    }
  })
  row('patch', label, thousand / 1000, 'ns')
  row(
    'crc32c',
    label,
    nanoseconds(() => crc32c(batch.bytes)),
    'ns',
  )
  row(
    'crc32c in JavaScript',
    label,
    nanoseconds(() => crc32cInJavaScript(batch.bytes)),
    'ns',
  )
}

const fetched = Buffer.concat(batchesOf(1024, 16 * 1024, MIB).map(({ bytes }) => bytes))
row(
  'splitBatches',
  '16 KiB',
  nanoseconds(() => splitBatches(fetched)) / splitBatches(fetched).batches.length,
  'ns/batch',
)

for (const recordBytes of [100, 1024]) {
  const batches = batchesOf(recordBytes, 16 * 1024, MIB - 64 * 1024)
  const count = batches.reduce((sum, batch) => sum + batch.count, 0)
  row(
    'join, 16 KiB batches to 1 MiB',
    `${recordBytes} B`,
    nanoseconds(() => joinBatches(batches, MIB)) / count,
    'ns/record',
  )
  const dense = batchesOf(recordBytes, MIB, 1)[0]!
  const trim = { fromOffset: dense.baseOffset + 1, maxBytes: MIB }
  row('trim 1 MiB', `${recordBytes} B`, nanoseconds(() => rewriteDense(dense, trim)) / dense.count, 'ns/record')
  row('records()', `${recordBytes} B`, nanoseconds(() => dense.records()) / dense.count, 'ns/record')
}

/** JSON lines, like most topics. */
function jsonLines(bytes: number): Buffer {
  const lines: string[] = []
  for (let length = 0, id = 1; length < bytes; id++) {
    const amount = (Math.imul(id, 2654435761) >>> 8) % 100_000
    const line = JSON.stringify({
      id,
      customer: `c-${amount % 977}`,
      amount: amount / 100,
      status: amount & 1 ? 'paid' : 'open',
    })
    lines.push(line)
    length += line.length + 1
  }
  return Buffer.from(lines.join('\n')).subarray(0, bytes)
}

for (const [size, label] of [
  [1024, '1 KiB'],
  [16 * 1024, '16 KiB'],
  [MIB, '1 MiB'],
] as const) {
  const input = jsonLines(size)
  for (const codec of CODECS) {
    if (codec === 'none') continue
    const packed = compress(codec, input)
    row(
      `${codec} compress, ratio ${(size / packed.length).toFixed(1)}`,
      label,
      (size * 1e3) / nanoseconds(() => compress(codec, input)),
      'MB/s',
    )
    row(`${codec} decompress`, label, (size * 1e3) / nanoseconds(() => decompress(codec, packed, MIB)), 'MB/s')
  }
}

for (const { what, size, figure, unit } of rows) {
  console.log(`${what.padEnd(32)}${size.padEnd(10)}${String(figure).padStart(10)} ${unit}`)
}
console.log(JSON.stringify({ bench: 'records', node: process.version, rows }))
