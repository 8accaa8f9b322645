import { ErrorCode } from '../../../protocol/errors.ts'
import type { StateBatch } from '../../share/delivery.ts'
import { type Effects, Outcome, type RequestId, type StateMachine } from '../state-machine.ts'
import type { ShareRecord, ShareUpdate } from './share-record.ts'
import {
  coordinatorKeyOf,
  mergedBatches,
  NOT_BEGUN,
  NOTHING_KEPT,
  type ShareKey,
  type ShareState,
} from './share-state.ts'

/** What a share coordinator is asked, each about one group's partition. */
export type ShareCommand = { readonly key: ShareKey } & (
  | { readonly type: 'initialize'; readonly stateEpoch: number; readonly startOffset: number }
  | { readonly type: 'read'; readonly leaderEpoch: number }
  | ({ readonly type: 'write' } & ShareNews)
  | { readonly type: 'delete' }
  | { readonly type: 'summary' }
)

/** What a partition's leader tells. */
export interface ShareNews {
  readonly stateEpoch: number
  readonly leaderEpoch: number
  /** −1: as before. */
  readonly startOffset: number
  readonly deliveryCompleteCount: number
  readonly stateBatches: readonly StateBatch[]
}

export interface ShareReply {
  readonly errorCode: number
  readonly errorMessage: string | null
  /** As it stands; of what is not known nothing has begun. */
  readonly state: ShareState
}

interface Kept {
  readonly state: ShareState
  /** Since the snapshot. */
  readonly updates: number
}

type ShareEffects = Effects<ShareCommand, ShareRecord, ShareReply>

/**
 * What share groups have told of their partitions, of one partition of `__share_group_state` (Kafka's ShareCoordinatorShard).
 *
 * 1. The state of a key is its last snapshot with the updates after it put over it, in their order.
 * 2. Neither the state epoch nor the leader epoch of a key falls while the key lives: whoever comes with a lower one is fenced.
 */
export class ShareMachine implements StateMachine<ShareCommand, ShareRecord, ShareReply> {
  readonly #updatesPerSnapshot: () => number
  readonly #kept = new Map<string, Kept>()

  constructor(updatesPerSnapshot: () => number) {
    this.#updatesPerSnapshot = updatesPerSnapshot
  }

  handle(id: RequestId, command: ShareCommand, nowMs: number): ShareEffects {
    const outcome = new Outcome<ShareCommand, ShareRecord, ShareReply>()
    const known = this.#kept.get(coordinatorKeyOf(command.key))
    const decided = this.#decide(command, known, nowMs)
    if (decided.record) outcome.record(decided.record)
    outcome.reply(id, {
      errorCode: ErrorCode.NONE,
      errorMessage: null,
      state: known?.state ?? NOTHING_KEPT,
      ...decided.reply,
    })
    return outcome
  }

  replay(record: ShareRecord): void {
    const key = coordinatorKeyOf(record.key)
    if (record.type === 'snapshot') {
      if (record.state) this.#kept.set(key, { state: record.state, updates: 0 })
      else this.#kept.delete(key)
      return
    }
    const known = this.#kept.get(key)
    // Compaction keeps a snapshot that is newer than the update.
    if (!known || known.state.snapshotEpoch !== record.update.snapshotEpoch) return
    this.#kept.set(key, { state: updated(known.state, record.update), updates: known.updates + 1 })
  }

  loaded(): ShareEffects {
    return new Outcome()
  }

  #decide(
    command: ShareCommand,
    known: Kept | undefined,
    nowMs: number,
  ): { readonly record?: ShareRecord; readonly reply?: Partial<ShareReply> } {
    const { key } = command
    const refused = nonsense(command) ?? fencing(command, known?.state)
    if (refused) return { reply: refused }
    switch (command.type) {
      case 'summary':
        return {}
      case 'delete':
        return known ? { record: { type: 'snapshot', key, state: null } } : {}
      case 'initialize': {
        const { stateEpoch, startOffset } = command
        const leaderEpoch = known?.state.leaderEpoch ?? 0
        const deliveryCompleteCount = startOffset === NOT_BEGUN ? -1 : 0
        const state = { ...NOTHING_KEPT, leaderEpoch, stateEpoch, startOffset, deliveryCompleteCount }
        return { record: snapshot(key, state, known, nowMs) }
      }
      case 'read': {
        // From now on an older leader is fenced.
        if (!known || command.leaderEpoch <= known.state.leaderEpoch) return {}
        const state = { ...known.state, leaderEpoch: command.leaderEpoch }
        return { record: snapshot(key, state, known, nowMs), reply: { state } }
      }
      case 'write': {
        const { stateEpoch, leaderEpoch, startOffset, deliveryCompleteCount, stateBatches } = command
        const update = { leaderEpoch, startOffset, deliveryCompleteCount, stateBatches }
        if (known && known.updates < this.#updatesPerSnapshot() && stateEpoch === known.state.stateEpoch) {
          const { snapshotEpoch } = known.state
          return { record: { type: 'update', key, update: { snapshotEpoch, ...update } } }
        }
        const before = known?.state ?? NOTHING_KEPT
        const state = { ...updated(before, { snapshotEpoch: before.snapshotEpoch, ...update }), stateEpoch }
        return { record: snapshot(key, state, known, nowMs) }
      }
    }
  }
}

function nonsense(command: ShareCommand): Partial<ShareReply> | undefined {
  if (!('startOffset' in command) || command.startOffset >= NOT_BEGUN) return undefined
  return { errorCode: ErrorCode.INVALID_REQUEST, errorMessage: `no offset is ${command.startOffset}` }
}

function fencing(command: ShareCommand, state: ShareState | undefined): Partial<ShareReply> | undefined {
  if (!state) return undefined
  if ('leaderEpoch' in command && command.leaderEpoch >= 0 && command.leaderEpoch < state.leaderEpoch) {
    const errorMessage = 'The leader epoch in the request is older than the epoch on the broker.'
    return { errorCode: ErrorCode.FENCED_LEADER_EPOCH, errorMessage }
  }
  if ('stateEpoch' in command && command.stateEpoch >= 0 && command.stateEpoch < state.stateEpoch) {
    const errorMessage = 'The share coordinator rejected the request because the share-group state epoch did not match.'
    return { errorCode: ErrorCode.FENCED_STATE_EPOCH, errorMessage }
  }
  return undefined
}

function updated(state: ShareState, update: ShareUpdate): ShareState {
  const startOffset = update.startOffset === NOT_BEGUN ? state.startOffset : update.startOffset
  return {
    ...state,
    leaderEpoch: Math.max(state.leaderEpoch, update.leaderEpoch),
    startOffset,
    deliveryCompleteCount: update.deliveryCompleteCount,
    stateBatches: mergedBatches(state.stateBatches, update.stateBatches, startOffset),
  }
}

function snapshot(key: ShareKey, state: ShareState, known: Kept | undefined, nowMs: number): ShareRecord {
  const snapshotEpoch = known ? known.state.snapshotEpoch + 1 : 0
  const createTimestamp = known?.state.createTimestamp ?? nowMs
  return { type: 'snapshot', key, state: { ...state, snapshotEpoch, createTimestamp, writeTimestamp: nowMs } }
}
