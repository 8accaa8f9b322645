import { expect, it } from 'vitest'
import { whenCommitted } from '../../src/broker/committed-writes.ts'
import type { PartitionRegistration } from '../../src/broker/coordinator/controller/metadata-record.ts'
import { Partition } from '../../src/broker/partition.ts'
import { Purgatory } from '../../src/broker/purgatory.ts'
import { ErrorCode } from '../../src/protocol/errors.ts'
import { testPlatform } from '../support/log-content.ts'
import { batchOf, openLog } from './log/log-fixture.ts'

it('is answered at once when the partition goes to other brokers before its followers have the write', async () => {
  const registration = { partitionId: 0, replicas: [1, 2], isr: [1, 2], leader: 1, leaderEpoch: 0, partitionEpoch: 0 }
  const host = {
    nodeId: 1,
    clock: testPlatform.clock,
    hosts: { mayBeInSync: () => true, hasRestartedSince: () => false, isAlive: () => true },
    lagTimeMaxMs: 30_000,
    propose: () => {},
  }
  const topic = { name: 't', topicId: 'id' }
  const partition = new Partition(topic, registration as unknown as PartitionRegistration, openLog(), host)
  partition.append([batchOf(['a'])], 'client')
  const { tenure } = partition
  const answer = whenCommitted(new Purgatory(testPlatform.clock), [{ partition, nextOffset: 1, tenure }], 60_000)
  partition.close()
  expect(await answer).toEqual([ErrorCode.NOT_LEADER_OR_FOLLOWER])
})
