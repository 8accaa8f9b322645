// Control records of the metadata log and of its snapshots. Those of the quorum have types of their own beside the markers of transactions.
import { decodeStruct, encodeStruct } from '../../protocol/codec.ts'
import { array, int16, int32, int64, message, string, struct, uint16, uuid } from '../../protocol/schema.ts'
import { buildBatch, type RecordInput } from '../../records/batch-builder.ts'
import { RecordBatch } from '../../records/record-batch.ts'
import type { LeaderChange } from './raft-log.ts'
import { KRAFT_VERSION, type VoterSet } from './voter-set.ts'

const LEADER_CHANGE = 2
const SNAPSHOT_HEADER = 3
const SNAPSHOT_FOOTER = 4
const KRAFT_VERSION_CHANGE = 5
const KRAFT_VOTERS = 6

const flexible = { versions: [0, 0], flexible: 0 } as const
const leaderChangeMessage = message({
  ...flexible,
  name: 'LeaderChangeMessage',
  fields: {
    version: int16,
    leaderId: int32,
    voters: array({ voterId: int32 }),
    grantingVoters: array({ voterId: int32 }),
  },
})
const snapshotHeader = message({
  ...flexible,
  name: 'SnapshotHeaderRecord',
  fields: { version: int16, lastContainedLogTimestamp: int64 },
})
const snapshotFooter = message({ ...flexible, name: 'SnapshotFooterRecord', fields: { version: int16 } })
const kraftVersionRecord = message({
  ...flexible,
  name: 'KRaftVersionRecord',
  fields: { version: int16, kRaftVersion: int16 },
})
const votersRecord = message({
  ...flexible,
  name: 'VotersRecord',
  fields: {
    version: int16,
    voters: array({
      voterId: int32,
      voterDirectoryId: uuid,
      endpoints: array({ name: string, host: string, port: uint16 }),
      kRaftVersionFeature: struct({ minSupportedVersion: int16, maxSupportedVersion: int16 }),
    }),
  },
})

/** A batch of the record that opens an epoch; `voters`: the log says from now on who votes. */
export function leaderChangeBatch(change: LeaderChange, voters: VoterSet | undefined, timestamp: number): RecordBatch {
  const named = (ids: readonly number[]) => ids.map((voterId) => ({ voterId }))
  const { leaderId } = change
  const body = { version: 0, leaderId, voters: named(change.voters), grantingVoters: named(change.grantingVoters) }
  const opening = record(LEADER_CHANGE, encodeStruct(leaderChangeMessage, 0, body), timestamp)
  return controlBatch([opening, ...(voters ? quorumRecords(voters, timestamp) : [])])
}

export function votersBatch(voters: VoterSet, timestamp: number): RecordBatch {
  return controlBatch([votersInput(voters, timestamp)])
}

/** What opens a snapshot. */
export function snapshotOpening(voters: VoterSet | undefined, timestamp: number): RecordInput[] {
  const value = encodeStruct(snapshotHeader, 0, { version: 0, lastContainedLogTimestamp: timestamp })
  return [record(SNAPSHOT_HEADER, value, timestamp), ...(voters ? quorumRecords(voters, timestamp) : [])]
}

/** What ends a snapshot. */
export function snapshotEnding(timestamp: number): RecordInput[] {
  return [record(SNAPSHOT_FOOTER, encodeStruct(snapshotFooter, 0, { version: 0 }), timestamp)]
}

export function isSnapshotEnding(batch: RecordBatch): boolean {
  return batch.isControl && typeOf(batch.records()[0]?.key) === SNAPSHOT_FOOTER
}

/** The records of voters in a batch, with their offsets. Throws when one cannot be read: nobody could say who decides. */
export function votersIn(batch: RecordBatch): { readonly offset: number; readonly voters: VoterSet }[] {
  if (!batch.isControl) return []
  return batch.records().flatMap(({ offset, key, value }) => {
    if (typeOf(key) !== KRAFT_VOTERS || value === null) return []
    const { voters } = decodeStruct(votersRecord, 0, value)
    return [
      {
        offset,
        voters: voters.map(({ voterId, voterDirectoryId, endpoints, kRaftVersionFeature }) => {
          return { nodeId: voterId, directoryId: voterDirectoryId, endpoints, kRaftVersionFeature }
        }),
      },
    ]
  })
}

function quorumRecords(voters: VoterSet, timestamp: number): RecordInput[] {
  const value = encodeStruct(kraftVersionRecord, 0, { version: 0, kRaftVersion: KRAFT_VERSION })
  return [record(KRAFT_VERSION_CHANGE, value, timestamp), votersInput(voters, timestamp)]
}

function votersInput(voters: VoterSet, timestamp: number): RecordInput {
  const named = voters.map(({ nodeId, directoryId, endpoints, kRaftVersionFeature }) => ({
    voterId: nodeId,
    voterDirectoryId: directoryId,
    endpoints: [...endpoints],
    kRaftVersionFeature,
  }))
  return record(KRAFT_VOTERS, encodeStruct(votersRecord, 0, { version: 0, voters: named }), timestamp)
}

function controlBatch(records: readonly RecordInput[]): RecordBatch {
  return new RecordBatch(buildBatch(records, { control: true }))
}

/** The key: a version (0) and the type. */
function record(type: number, value: Buffer, timestamp: number): RecordInput {
  const key = Buffer.alloc(4)
  key.writeInt16BE(type, 2)
  return { timestamp, key, value }
}

function typeOf(key: Buffer | null | undefined): number | undefined {
  return key && key.length >= 4 ? key.readInt16BE(2) : undefined
}
