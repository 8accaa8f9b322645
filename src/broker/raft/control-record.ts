// Control records of the metadata log. Those of the quorum have types of their own beside the markers of transactions.
import { encodeStruct } from '../../protocol/codec.ts'
import { array, int16, int32, message } from '../../protocol/schema.ts'
import { buildBatch } from '../../records/batch-builder.ts'
import { RecordBatch } from '../../records/record-batch.ts'
import type { LeaderChange } from './raft-log.ts'

const LEADER_CHANGE = 2

const leaderChangeMessage = message({
  versions: [0, 0],
  flexible: 0,
  name: 'LeaderChangeMessage',
  fields: {
    version: int16,
    leaderId: int32,
    voters: array({ voterId: int32 }),
    grantingVoters: array({ voterId: int32 }),
  },
})

/** A batch of the one record that opens an epoch. */
export function leaderChangeBatch({ leaderId, voters, grantingVoters }: LeaderChange, timestamp: number): RecordBatch {
  const named = (ids: readonly number[]) => ids.map((voterId) => ({ voterId }))
  const body = { version: 0, leaderId, voters: named(voters), grantingVoters: named(grantingVoters) }
  const value = encodeStruct(leaderChangeMessage, 0, body)
  return new RecordBatch(buildBatch([{ timestamp, key: controlKey(LEADER_CHANGE), value }], { control: true }))
}

/** A version (0) and the type. */
function controlKey(type: number): Buffer {
  const key = Buffer.alloc(4)
  key.writeInt16BE(type, 2)
  return key
}
