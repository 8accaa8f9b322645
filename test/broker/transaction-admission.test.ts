// How a producer of transactions comes to a partition, beside the markers that come there meanwhile.
import { expect, it } from 'vitest'
import type { Broker } from '../../src/broker/broker.ts'
import type { PartitionLog } from '../../src/broker/log/partition-log.ts'
import type { Partition } from '../../src/broker/partition.ts'
import { TransactionAdmission } from '../../src/broker/transaction-admission.ts'
import { ErrorCode } from '../../src/protocol/errors.ts'
import { controlBatch } from '../../src/records/batch-builder.ts'
import { RecordBatch } from '../../src/records/record-batch.ts'
import { testPlatform } from '../support/log-content.ts'
import { batchOf, openLog } from './log/log-fixture.ts'

const producer = { transactionalId: 'orders', producerId: 1, producerEpoch: 1 }

/** `asked`: what happens while the coordinator, which is on this broker, is asked; its answers in turn. */
function admission(log: PartitionLog, answers: readonly number[], asked: () => void) {
  const left = [...answers]
  const broker = {
    nodeId: 1,
    platform: testPlatform,
    image: { topics: new Map([['__transaction_state', { partitions: [{ leader: 1 }] }]]) },
    transactions: {
      ask: async () => {
        asked()
        return { errorCode: left.shift() }
      },
    },
  } as unknown as Broker
  const partition = { log, topic: 't', partitionId: 0 } as Partition
  return async () => {
    const admitted = await new TransactionAdmission(broker).admit(producer, new Map([[partition, 0]]), 'add')
    const { errorCode, claims } = admitted.get(partition)!
    if (errorCode !== ErrorCode.NONE) return errorCode
    const { producerId, producerEpoch } = producer
    const batch = batchOf(['next'], { producerId, producerEpoch, baseSequence: 0, transactional: true })
    return log.append([batch], { leaderEpoch: 0, origin: 'client', claims }).error
  }
}

function endsBefore(log: PartitionLog): void {
  const marker = { type: 'commit', producerId: 1, producerEpoch: 1, coordinatorEpoch: 0, timestamp: 0 } as const
  log.append([new RecordBatch(controlBatch(marker))], { leaderEpoch: 0, origin: 'coordinator' })
}

it('begins a transaction though the marker of the one before comes while its coordinator is asked', async () => {
  const log = openLog()
  let markers = 1
  const begin = admission(log, [ErrorCode.NONE, ErrorCode.NONE], () => {
    if (markers-- > 0) endsBefore(log)
  })
  expect(await begin()).toBe(ErrorCode.NONE)
})

it('begins one though the coordinator is busy with the end of the one before, whose marker comes then', async () => {
  const log = openLog()
  let markers = 1
  const answers = [ErrorCode.CONCURRENT_TRANSACTIONS, ErrorCode.CONCURRENT_TRANSACTIONS, ErrorCode.NONE]
  const begin = admission(log, answers, () => {
    if (markers-- > 0) endsBefore(log)
  })
  expect(await begin()).toBe(ErrorCode.NONE)
})

it('is told to come again when the coordinator is busy for long', async () => {
  const begin = admission(openLog(), Array(10).fill(ErrorCode.CONCURRENT_TRANSACTIONS), () => {})
  expect(await begin()).toBe(ErrorCode.CONCURRENT_TRANSACTIONS)
})
