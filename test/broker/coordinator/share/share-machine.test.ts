import { expect, it } from 'vitest'
import { ShareMachine, type ShareNews } from '../../../../src/broker/coordinator/share/share-machine.ts'
import { type ShareRecord, shareRecordCodec } from '../../../../src/broker/coordinator/share/share-record.ts'
import { mergedBatches } from '../../../../src/broker/coordinator/share/share-state.ts'
import { ErrorCode } from '../../../../src/protocol/errors.ts'

const key = { groupId: 'g', topicId: 'AAAAAAAAAAAAAAAAAAAAAQ', partition: 3 }
const batch = (firstOffset: number, lastOffset: number, deliveryState: number, deliveryCount = 1) => {
  return { firstOffset, lastOffset, deliveryState, deliveryCount }
}

/** A machine whose records go through their bytes, and what became of its log. */
function harness(updatesPerSnapshot = 2) {
  const log: ShareRecord[] = []
  const machine = new ShareMachine(() => updatesPerSnapshot)
  const ask = (command: Parameters<ShareMachine['handle']>[1]) => {
    const { records, replies } = machine.handle(1, command, 1000)
    for (const record of records) {
      const kept = shareRecordCodec.decode(shareRecordCodec.encode(record))!
      log.push(kept)
      machine.replay(kept)
    }
    return replies[0]!.reply
  }
  const write = (news: Partial<ShareNews>) => {
    const usual = { stateEpoch: 1, leaderEpoch: 0, startOffset: -1, deliveryCompleteCount: 0, stateBatches: [] }
    return ask({ type: 'write', key, ...usual, ...news })
  }
  const rebuilt = () => {
    const other = new ShareMachine(() => updatesPerSnapshot)
    for (const record of log) other.replay(record)
    return other.handle(1, { type: 'summary', key }, 0).replies[0]!.reply.state
  }
  return { ask, write, log, rebuilt, state: () => ask({ type: 'summary', key }).state }
}

it('keeps what leaders tell, in updates and now and then as a whole', () => {
  const { ask, write, log, state, rebuilt } = harness()
  ask({ type: 'initialize', key, stateEpoch: 1, startOffset: 5 })
  write({ stateBatches: [batch(5, 9, 0, 2)] })
  write({ startOffset: 7, stateBatches: [batch(8, 8, 2)] })
  expect(state()).toMatchObject({
    startOffset: 7,
    stateBatches: [batch(7, 7, 0, 2), batch(8, 8, 2), batch(9, 9, 0, 2)],
  })
  write({ startOffset: 10 })
  expect(log.map(({ type }) => type)).toEqual(['snapshot', 'update', 'update', 'snapshot'])
  expect(state()).toMatchObject({ startOffset: 10, stateBatches: [], snapshotEpoch: 1, stateEpoch: 1 })
  expect(rebuilt()).toEqual(state())
})

it('fences leaders and groups of before', () => {
  const { ask, write } = harness()
  ask({ type: 'initialize', key, stateEpoch: 4, startOffset: -1 })
  expect(write({ stateEpoch: 3 }).errorCode).toBe(ErrorCode.FENCED_STATE_EPOCH)
  expect(ask({ type: 'initialize', key, stateEpoch: 3, startOffset: 0 }).errorCode).toBe(ErrorCode.FENCED_STATE_EPOCH)
  expect(ask({ type: 'read', key, leaderEpoch: 7 }).state.leaderEpoch).toBe(7)
  expect(write({ stateEpoch: 4, leaderEpoch: 6 }).errorCode).toBe(ErrorCode.FENCED_LEADER_EPOCH)
  expect(ask({ type: 'read', key, leaderEpoch: 6 }).errorCode).toBe(ErrorCode.FENCED_LEADER_EPOCH)
  expect(write({ stateEpoch: 4, leaderEpoch: 7 }).errorCode).toBe(ErrorCode.NONE)
})

it('forgets what is deleted, and knows of nothing that never began', () => {
  const { ask, state, rebuilt } = harness()
  expect(state()).toMatchObject({ startOffset: -1, stateEpoch: 0 })
  ask({ type: 'initialize', key, stateEpoch: 1, startOffset: 5 })
  ask({ type: 'delete', key })
  expect(state()).toMatchObject({ startOffset: -1, stateEpoch: 0 })
  expect(rebuilt()).toEqual(state())
})

it('puts newer batches over older ones', () => {
  expect(mergedBatches([batch(0, 9, 0)], [batch(3, 5, 2)], 0)).toEqual([batch(0, 2, 0), batch(3, 5, 2), batch(6, 9, 0)])
  expect(mergedBatches([batch(0, 4, 0), batch(5, 9, 2)], [batch(3, 6, 0)], 0)).toEqual([batch(0, 6, 0), batch(7, 9, 2)])
  expect(mergedBatches([batch(0, 4, 0)], [batch(2, 8, 4)], 3)).toEqual([batch(3, 8, 4)])
})
