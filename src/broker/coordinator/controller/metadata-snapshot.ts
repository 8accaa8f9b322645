// A snapshot of the metadata in the bytes of Kafka's `.checkpoint` files (KIP-630): record batches like those of the log, between a
// control record that opens it and one that ends it; offsets count inside the file.
import { type BatchOptions, buildBatch, type RecordInput } from '../../../records/batch-builder.ts'
import { splitBatches } from '../../../records/record-batch.ts'
import { isSnapshotEnding, snapshotEnding, snapshotOpening } from '../../raft/control-record.ts'
import type { VoterSet } from '../../raft/voter-set.ts'
import { type MetadataRecord, metadataRecordCodec } from './metadata-record.ts'

const RECORDS_PER_BATCH = 1000

interface SnapshotFrame {
  readonly epoch: number
  readonly timestamp: number
  /** As of the end of the snapshot; absent: the log does not say who votes. */
  readonly voters?: VoterSet | undefined
}

export function encodeSnapshot(
  records: readonly MetadataRecord[],
  { epoch, timestamp, voters }: SnapshotFrame,
): Buffer {
  const batches: Buffer[] = []
  let baseOffset = 0
  const add = (inputs: readonly RecordInput[], options: BatchOptions = {}) => {
    batches.push(buildBatch(inputs, { baseOffset, partitionLeaderEpoch: epoch, ...options }))
    baseOffset += inputs.length
  }
  add(snapshotOpening(voters, timestamp), { control: true })
  for (let from = 0; from < records.length; from += RECORDS_PER_BATCH) {
    const part = records.slice(from, from + RECORDS_PER_BATCH)
    add(part.map((record) => ({ timestamp, ...metadataRecordCodec.encode(record) })))
  }
  add(snapshotEnding(timestamp), { control: true })
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
  return isSnapshotEnding(last) ? records : undefined
}
