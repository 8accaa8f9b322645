import { expect, test } from 'vitest'
import { HeliostatError } from '../../../src/platform/errors.ts'
import { ErrorCode } from '../../../src/protocol/errors.ts'
import { buildBatch } from '../../../src/records/batch-builder.ts'
import { FakeSlot, PartitionGround } from './partition-ground.ts'

const failure = (errorCode: number) => ({ errorCode, divergesAt: undefined, corrupt: undefined })

async function started(ground: PartitionGround, slot = new FakeSlot()) {
  const partition = ground.partition(slot)
  partition.start({ paused: false })
  await ground.clock.advance(0)
  return partition
}

test('a partition that is closed while its source is looked for does not look again for ever', async () => {
  const ground = new PartitionGround()
  const partition = await started(ground)
  const asked = Promise.withResolvers<void>()
  ground.source.refresh = () => asked.promise
  partition.fetchFailed(failure(ErrorCode.NOT_LEADER_OR_FOLLOWER))
  await ground.clock.advance(1_000)
  partition.close()
  asked.reject(new HeliostatError('HEL_CLOSED', 'the client is closed'))
  await ground.clock.advance(0)
  expect(ground.clock.timers).toBe(0)
})

test('what stops a partition is told once, however many batches are refused for it', async () => {
  const ground = new PartitionGround()
  const partition = await started(ground)
  partition.fetched(ground.fetched(0, 3))
  await ground.clock.advance(0)
  const batches = ground.sent(partition)
  expect(batches).toHaveLength(3)
  for (const batch of batches) partition.refused(batch, ErrorCode.INVALID_RECORD, null)
  expect(ground.errors.filter((code) => code === 'HEL_STOPPED_record-refused')).toHaveLength(1)
  expect(partition.status(0).state).toBe('stopped')
})

test('a gap that is being written when its source is made anew is not skipped in the new one', async () => {
  const ground = new PartitionGround()
  const partition = await started(ground)
  ground.source.start = 50
  ground.source.end = 100
  ground.ledger.shut()
  partition.fetchFailed(failure(ErrorCode.OFFSET_OUT_OF_RANGE))
  await ground.clock.advance(0)
  ground.ledger.open()
  Object.assign(ground.source, { topicId: 'source-2', start: 0, end: 10 })
  partition.refreshed(undefined)
  await ground.clock.advance(1_000)
  expect(ground.wanted).toMatchObject({ topicId: 'source-2', fetchOffset: 0 })
  ground.ledger.letGo()
  await ground.clock.advance(1_000)
  expect(ground.wanted).toMatchObject({ topicId: 'source-2', fetchOffset: 0 })
})

test('plans that are being written when the copy begins anew do not outlive it', async () => {
  const ground = new PartitionGround()
  Object.assign(ground.source, { start: 1000, end: 1000 })
  const slot = new FakeSlot()
  const partition = await started(ground, slot)
  expect(ground.wanted?.fetchOffset).toBe(1000)
  slot.gate.shut()
  partition.fetched(ground.fetched(1000, 1))
  Object.assign(ground.source, { topicId: 'source-2', start: 0, end: 10 })
  partition.refreshed(undefined)
  await ground.clock.advance(1_000)
  slot.gate.letGo()
  await ground.clock.advance(1_000)
  expect(ground.wanted).toMatchObject({ topicId: 'source-2', fetchOffset: 0 })
  partition.close()
  await started(ground, slot.reopened())
  expect(ground.wanted).toMatchObject({ topicId: 'source-2', fetchOffset: 0 })
})

test('what others wrote between our batches moves the map once, also when the target cannot be read for a while', async () => {
  const ground = new PartitionGround()
  const slot = new FakeSlot()
  const first = await started(ground, slot)
  first.fetched(ground.fetched(0, 4))
  await ground.clock.advance(0)
  ground.acknowledge(first, ground.sent(first))
  // Two lives plan another batch each for offset 4. Somebody else writes there before the second one's arrives.
  first.fetched(ground.fetched(10, 1))
  await ground.clock.advance(0)
  first.close()
  const again = slot.reopened()
  const second = await started(ground, again)
  second.fetched(ground.fetched(20, 2))
  await ground.clock.advance(0)
  const [planned] = ground.sent(second)
  second.close()
  ground.append(buildBatch([{ timestamp: 1, key: null, value: 'of others' }]))
  ground.append(planned!.bytes)
  const third = ground.partition(again.reopened())
  ground.unanswered = 5
  third.start({ paused: false })
  await ground.clock.advance(5_000)
  expect(ground.unanswered).toBeUndefined()
  expect(ground.gaps).toMatchObject([{ reason: 'foreign-write', downstream: { from: 4, to: 5 } }])
  expect(third.status(0).reason).toBeUndefined()
  expect(third.status(0)).toMatchObject({ upstream: 21, downstream: 6 })
  expect(ground.wanted?.fetchOffset).toBe(21)
})

test('an end of the source that goes back while nothing is fetched is believed when the next look finds it, too', async () => {
  const ground = new PartitionGround()
  const partition = await started(ground)
  partition.pause()
  const looked = () => {
    partition.lookAtSourceEnd()
    return partition.status(0).sourceEnd
  }
  ground.source.end = 5
  expect(looked()).toBe(5)
  ground.source.end = 3
  expect([looked(), looked()]).toEqual([5, 3])
  ground.source.end = 4
  expect(looked()).toBe(4)
})

test('a target that ends elsewhere while nothing is written is seen by the next look', async () => {
  const ground = new PartitionGround()
  const partition = await started(ground)
  partition.fetched(ground.fetched(0, 0))
  await ground.clock.advance(0)
  partition.lookAtTargetEnd()
  const rests = partition.status(0).state
  ground.target.end += 1
  partition.lookAtTargetEnd()
  expect([rests, partition.status(0).state]).toEqual(['running', 'recovering'])
})
