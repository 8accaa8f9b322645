// The records of `__share_group_state` in Kafka's bytes, so that its own tools can read them.

import { decodeStruct, encodeStruct } from '../../../protocol/codec.ts'
import { shareSnapshotValue, shareStateKey, shareUpdateValue } from '../../../protocol/messages/share-state-record.ts'
import type { Input, Message } from '../../../protocol/schema.ts'
import type { RecordCodec } from '../runtime.ts'
import type { ShareKey, ShareState } from './share-state.ts'

/** A null state deletes. */
export type ShareRecord =
  | { readonly type: 'snapshot'; readonly key: ShareKey; readonly state: ShareState | null }
  | { readonly type: 'update'; readonly key: ShareKey; readonly update: ShareUpdate }

export type ShareUpdate = Pick<
  ShareState,
  'snapshotEpoch' | 'leaderEpoch' | 'startOffset' | 'deliveryCompleteCount' | 'stateBatches'
>

const SNAPSHOT = 0
const UPDATE = 1
const VALUE_VERSION = 0

export const shareRecordCodec: RecordCodec<ShareRecord> = {
  encode(record) {
    const kind = record.type === 'snapshot' ? SNAPSHOT : UPDATE
    const key = versioned(kind, shareStateKey, record.key)
    if (record.type === 'update') return { key, value: versioned(VALUE_VERSION, shareUpdateValue, record.update) }
    return { key, value: record.state && versioned(VALUE_VERSION, shareSnapshotValue, record.state) }
  },

  decode({ key, value }) {
    if (!key || key.length < 2) return undefined
    const kind = key.readInt16BE(0)
    if (kind !== SNAPSHOT && kind !== UPDATE) return undefined
    const shareKey = decodeStruct(shareStateKey, 0, key.subarray(2))
    if (kind === SNAPSHOT) {
      const state = value && decodeStruct(shareSnapshotValue, value.readInt16BE(0), value.subarray(2))
      return { type: 'snapshot', key: shareKey, state }
    }
    if (!value) return undefined
    const update = decodeStruct(shareUpdateValue, value.readInt16BE(0), value.subarray(2))
    return { type: 'update', key: shareKey, update }
  },
}

/** What it is comes first: of a key which record, of a value its version. */
function versioned<M extends Message>(version: number, schema: M, value: Input<M>): Buffer {
  const head = Buffer.alloc(2)
  head.writeInt16BE(version)
  return Buffer.concat([head, encodeStruct(schema, 0, value)])
}
