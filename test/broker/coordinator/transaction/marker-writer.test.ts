import { describe, expect, it } from 'vitest'
import type { Marker } from '../../../../src/broker/coordinator/transaction/marker.ts'
import { MarkerWriter } from '../../../../src/broker/coordinator/transaction/marker-writer.ts'
import type {
  TransactionMetadata,
  TransactionState,
} from '../../../../src/broker/coordinator/transaction/transaction-metadata.ts'
import { nodeLog } from '../../../../src/platform/node-log.ts'
import { ErrorCode } from '../../../../src/protocol/errors.ts'
import { FakeClock } from '../../../support/fake-clock.ts'

function transaction(state: TransactionState, partitions: readonly number[] = [0, 1]): TransactionMetadata {
  return {
    producerId: 7,
    previousProducerId: 7,
    nextProducerId: -1,
    producerEpoch: 3,
    lastProducerEpoch: 2,
    timeoutMs: 1000,
    state,
    partitions: new Map([['t', new Set(partitions)]]),
    startTimestamp: 0,
    lastUpdateTimestamp: 0,
    clientTransactionVersion: 2,
  }
}

/** `answers`: of the next appends, by partition; none: the marker is there. */
function writer(answers: Map<number, number[]> = new Map(), delayMs = 0) {
  const clock = new FakeClock()
  const written: string[] = []
  const completed: string[] = []
  const logged: string[] = []
  let refusesCompletion = false
  const log = nodeLog({ level: 'error', pretty: false, write: (line) => logged.push(JSON.parse(line).event as string) })
  const markers = new MarkerWriter({
    clock,
    log,
    coordinatorEpoch: () => 5,
    write: (marker: Marker, partitions) => {
      const codes = partitions.map(({ topic, partition }) => {
        const errorCode = answers.get(partition)?.shift() ?? ErrorCode.NONE
        if (errorCode === ErrorCode.NONE) {
          const end = marker.committed ? 'commit' : 'abort'
          written.push(
            `${topic}-${partition} ${end} ${marker.producerId}/${marker.producerEpoch} by ${marker.coordinatorEpoch}`,
          )
        }
        return errorCode
      })
      // Leaders elsewhere answer after a while.
      return delayMs === 0 ? codes : new Promise((resolve) => clock.setTimer(delayMs, () => resolve(codes)))
    },
    complete: async (transactionalId) => {
      if (refusesCompletion) throw new Error('the log cannot be written')
      completed.push(transactionalId)
    },
  })
  return {
    clock,
    written,
    completed,
    logged,
    markers,
    refuseCompletion: (refuses: boolean) => {
      refusesCompletion = refuses
    },
  }
}

describe('MarkerWriter', () => {
  it('writes a marker to every partition of a decided transaction, then says so', async () => {
    const { markers, clock, written, completed } = writer()
    markers.follow({ transactionalId: 'tx', value: transaction('Ongoing') })
    markers.follow({ transactionalId: 'tx', value: transaction('PrepareCommit') })
    // Not in the middle of the coordinator's own step.
    expect(written).toEqual([])
    await clock.advance(0)
    expect(written).toEqual(['t-0 commit 7/3 by 5', 't-1 commit 7/3 by 5'])
    expect(completed).toEqual(['tx'])
    expect(clock.timers).toBe(0)
  })

  it('carries out only what is not completed in the log that it follows', async () => {
    const { markers, clock, written } = writer()
    markers.follow({ transactionalId: 'done', value: transaction('PrepareCommit') })
    markers.follow({ transactionalId: 'done', value: transaction('CompleteCommit', []) })
    markers.follow({ transactionalId: 'forgotten', value: transaction('PrepareAbort') })
    markers.follow({ transactionalId: 'forgotten', value: null })
    markers.follow({ transactionalId: 'left', value: transaction('PrepareAbort', [4]) })
    await clock.advance(0)
    expect(written).toEqual(['t-4 abort 7/3 by 5'])
  })

  it('tries a partition again until it has its marker, and the others once', async () => {
    const failing = new Map([[1, [ErrorCode.KAFKA_STORAGE_ERROR, ErrorCode.NOT_LEADER_OR_FOLLOWER]]])
    const { markers, clock, written, completed } = writer(failing)
    markers.follow({ transactionalId: 'tx', value: transaction('PrepareCommit') })
    await clock.advance(50)
    expect([written.length, completed]).toEqual([1, []])
    await clock.advance(1000)
    expect(written).toEqual(['t-0 commit 7/3 by 5', 't-1 commit 7/3 by 5'])
    expect(completed).toEqual(['tx'])
  })

  it('asks leaders elsewhere once at a time, whatever else is decided meanwhile', async () => {
    const { markers, clock, written, completed } = writer(new Map([[1, [ErrorCode.NETWORK_EXCEPTION]]]), 300)
    markers.follow({ transactionalId: 'tx', value: transaction('PrepareCommit') })
    await clock.advance(10)
    markers.follow({ transactionalId: 'other', value: transaction('PrepareAbort', [4]) })
    await clock.advance(100)
    expect(written).toEqual(['t-0 commit 7/3 by 5', 't-4 abort 7/3 by 5'])
    await clock.advance(1000)
    expect(written).toEqual(['t-0 commit 7/3 by 5', 't-4 abort 7/3 by 5', 't-1 commit 7/3 by 5'])
    expect(completed).toEqual(['other', 'tx'])
    expect(clock.timers).toBe(0)
  })

  it('hears no answer any more that comes after its close', async () => {
    const { markers, clock, completed } = writer(new Map([[0, [ErrorCode.NETWORK_EXCEPTION]]]), 300)
    markers.follow({ transactionalId: 'tx', value: transaction('PrepareCommit') })
    await clock.advance(10)
    markers.close()
    await clock.advance(5000)
    expect(completed).toEqual([])
    expect(clock.timers).toBe(0)
  })

  it('does not wait for a partition that is gone', async () => {
    const { markers, clock, completed } = writer(new Map([[0, [ErrorCode.UNKNOWN_TOPIC_OR_PARTITION]]]))
    markers.follow({ transactionalId: 'tx', value: transaction('PrepareAbort') })
    await clock.advance(0)
    expect(completed).toEqual(['tx'])
  })

  it('gives up, with a line in the log, where somebody newer has taken over', async () => {
    const { markers, clock, completed, logged } = writer(new Map([[0, [ErrorCode.INVALID_PRODUCER_EPOCH]]]))
    markers.follow({ transactionalId: 'tx', value: transaction('PrepareAbort') })
    await clock.advance(10_000)
    expect([completed, logged]).toEqual([[], ['transaction.marker-refused']])
    expect(clock.timers).toBe(0)
  })

  it('says again that it is done when nobody could hear it, and nothing after its close', async () => {
    const { markers, clock, written, completed, refuseCompletion } = writer()
    refuseCompletion(true)
    markers.follow({ transactionalId: 'tx', value: transaction('PrepareCommit') })
    await clock.advance(250)
    refuseCompletion(false)
    await clock.advance(100)
    expect([written.length, completed]).toEqual([2, ['tx']])
    refuseCompletion(true)
    markers.follow({ transactionalId: 'tx', value: transaction('PrepareCommit') })
    await clock.advance(50)
    markers.close()
    refuseCompletion(false)
    await clock.advance(1000)
    expect(completed).toEqual(['tx'])
  })
})
