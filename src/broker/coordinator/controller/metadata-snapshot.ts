// A snapshot of the metadata in the bytes of Kafka's `.checkpoint` files (KIP-630): record batches like those of the log, between a
// control record that opens it and one that ends it; offsets count inside the file.
import { encodeStruct } from '../../../protocol/codec.ts'
import { int16, int64, message } from '../../../protocol/schema.ts'
import { type BatchOptions, buildBatch, type RecordInput } from '../../../records/batch-builder.ts'
import { splitBatches } from '../../../records/record-batch.ts'
import { type MetadataRecord, metadataRecordCodec } from './metadata-record.ts'

const SNAPSHOT_HEADER = 3
const SNAPSHOT_FOOTER = 4
const RECORDS_PER_BATCH = 1000

const flexible = { versions: [0, 0], flexible: 0 } as const
const header = message({
  ...flexible,
  name: 'SnapshotHeaderRecord',
  fields: { version: int16, lastContainedLogTimestamp: int64 },
})
const footer = message({ ...flexible, name: 'SnapshotFooterRecord', fields: { version: int16 } })

export function encodeSnapshot(
  records: readonly MetadataRecord[],
  { epoch, timestamp }: { epoch: number; timestamp: number },
): Buffer {
  const batches: Buffer[] = []
  let baseOffset = 0
  const add = (inputs: readonly RecordInput[], options: BatchOptions = {}) => {
    batches.push(buildBatch(inputs, { baseOffset, partitionLeaderEpoch: epoch, ...options }))
    baseOffset += inputs.length
  }
  const opening = encodeStruct(header, 0, { version: 0, lastContainedLogTimestamp: timestamp })
  add([{ timestamp, key: controlKey(SNAPSHOT_HEADER), value: opening }], { control: true })
  for (let from = 0; from < records.length; from += RECORDS_PER_BATCH) {
    const part = records.slice(from, from + RECORDS_PER_BATCH)
    add(part.map((record) => ({ timestamp, ...metadataRecordCodec.encode(record) })))
  }
  const ending = encodeStruct(footer, 0, { version: 0 })
  add([{ timestamp, key: controlKey(SNAPSHOT_FOOTER), value: ending }], { control: true })
  return Buffer.concat(batches)
}

/** The records; undefined when the file is not a whole snapshot. */
export function decodeSnapshot(content: Buffer): MetadataRecord[] | undefined {
  const { batches, incompleteBytes } = splitBatches(content)
  const [first, last] = [batches[0], batches.at(-1)]
  if (incompleteBytes > 0 || !first?.isControl || !last?.isControl || first === last) return undefined
  const records: MetadataRecord[] = []
  for (const batch of batches) {
    if (!batch.crcIsValid()) return undefined
    if (batch.isControl) continue
    for (const record of batch.records()) {
      const decoded = metadataRecordCodec.decode(record)
      if (decoded !== undefined) records.push(decoded)
    }
  }
  const ends = last.records()[0]?.key?.readInt16BE(2) === SNAPSHOT_FOOTER
  return ends ? records : undefined
}

function controlKey(type: number): Buffer {
  const key = Buffer.alloc(4)
  key.writeInt16BE(type, 2)
  return key
}
