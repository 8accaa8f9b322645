import { describe, expect, it } from 'vitest'
import { markerBatch } from '../../../src/broker/coordinator/transaction/marker.ts'
import { ErrorCode } from '../../../src/protocol/errors.ts'
import { buildBatch } from '../../../src/records/batch-builder.ts'
import { RecordBatch } from '../../../src/records/record-batch.ts'
import { ReplicaWorld } from './replica-world.ts'

const LATEST = -1
const EARLIEST = -2

describe('replicas of a partition', () => {
  it('hold the same bytes, and a write is answered when all in sync have it', async () => {
    const world = new ReplicaWorld({ topicConfig: { 'segment.bytes': '2000' } })
    const leader = world.node(1)
    for (let i = 0; i < 30; i++) {
      expect(await world.outcome(leader.produce([`a${i}`, `b${i}`.repeat(20)], i % 3 === 0 ? -1 : 1))).toBe('NONE')
    }
    expect(await world.outcome(leader.produce(['last']))).toBe('NONE')
    for (const id of [2, 3]) expect(world.node(id).partition.log.logEndOffset).toBe(61)
    await world.settle()
    for (const id of [2, 3]) {
      expect(world.node(id).bytes.equals(leader.bytes)).toBe(true)
      expect(world.node(id).partition.log.segments.length).toBeGreaterThan(1)
    }
  })

  it('know the producers of their leader: a retry that reaches the next leader is not appended twice', async () => {
    const world = new ReplicaWorld()
    const batch = { producerId: 5, producerEpoch: 0, baseSequence: 0 }
    await world.outcome(world.node(1).produce(['a', 'b'], -1, batch))
    world.node(1).kill()
    world.elect(2, [2, 3])
    await world.pass(100)
    expect(await world.outcome(world.node(2).produce(['a', 'b'], -1, batch))).toBe('NONE')
    expect(await world.outcome(world.node(2).produce(['d'], -1, { ...batch, baseSequence: 3 }))).toBe(
      'OUT_OF_ORDER_SEQUENCE_NUMBER',
    )
    expect(world.node(2).values).toEqual(['a', 'b'])
  })

  it('survive the death of all but one: what was acknowledged by all is there', async () => {
    const world = new ReplicaWorld()
    await world.outcome(world.node(1).produce(['a']))
    world.node(1).cutPower()
    world.elect(2, [2, 3])
    await world.pass(100)
    await world.outcome(world.node(2).produce(['b']))
    world.node(2).cutPower()
    world.elect(3, [3])
    await world.pass(100)
    expect(await world.outcome(world.node(3).produce(['c']))).toBe('NONE')
    expect(await world.node(3).read()).toEqual(['a', 'b', 'c'])
  })

  it('lose what only the leader had when it dies: acks=1 does not ask for more', async () => {
    const world = new ReplicaWorld()
    await world.outcome(world.node(1).produce(['kept']))
    world.cut(1, 2)
    world.cut(1, 3)
    expect(await world.outcome(world.node(1).produce(['lost'], 1))).toBe('NONE')
    // A write that wants all does not say yes.
    const write = world.node(1).produce(['lost too'], -1, { timeoutMs: 1_000 })
    expect(await world.outcome(write)).toBe('REQUEST_TIMED_OUT')
    world.node(1).kill()
    world.heal()
    world.elect(2, [2, 3])
    await world.pass(100)
    await world.outcome(world.node(2).produce(['next']))
    world.node(1).boot()
    await world.settle()
    for (const id of [1, 2, 3]) expect(world.node(id).values).toEqual(['kept', 'next'])
  })

  it('are refused to a broker that has not heard yet that another leads, and its writes are never acknowledged', async () => {
    const world = new ReplicaWorld()
    await world.outcome(world.node(1).produce(['a']))
    world.cut(1, 0)
    world.cut(1, 2)
    world.cut(1, 3)
    world.elect(2, [2, 3])
    await world.pass(100)
    expect(world.node(1).partition.isLeader).toBe(true)
    const stale = world.node(1).produce(['stale'])
    expect(await world.outcome(world.node(2).produce(['b']))).toBe('NONE')
    await world.pass(5_000)
    world.heal()
    expect(await world.outcome(stale)).toBe('NOT_LEADER_OR_FOLLOWER')
    await world.settle()
    expect(world.node(1).values).toEqual(['a', 'b'])
  })
})

describe('truncation', () => {
  it('goes by epochs: a follower that restarts keeps what its old high watermark did not cover (KIP-101, first scenario)', async () => {
    const world = new ReplicaWorld({ brokers: [1, 2] })
    await world.outcome(world.node(1).produce(['m1']))
    await world.settle()
    await world.outcome(world.node(1).produce(['m2']))
    // The follower has m2, and does not know yet that it is committed.
    expect(world.node(2).partition.log).toMatchObject({ logEndOffset: 2, highWatermark: 1 })
    world.node(2).stop()
    world.node(2).boot()
    world.node(1).kill()
    world.elect(2, [2])
    await world.pass(100)
    expect(await world.node(2).read()).toEqual(['m1', 'm2'])
  })

  it('brings logs together that were written at the same offset (KIP-101, second scenario)', async () => {
    const world = new ReplicaWorld({ brokers: [1, 2] })
    await world.outcome(world.node(1).produce(['m1']))
    await world.settle()
    world.cut(1, 2)
    await world.outcome(world.node(1).produce(['m2'], 1))
    world.node(1).kill()
    world.heal()
    world.elect(2, [2])
    await world.pass(100)
    await world.outcome(world.node(2).produce(['m3']))
    world.node(1).boot()
    await world.settle()
    expect(world.node(1).values).toEqual(['m1', 'm3'])
    expect(world.node(1).bytes.equals(world.node(2).bytes)).toBe(true)
  })

  it('goes back over several epochs that only one of the two has seen (KIP-279)', async () => {
    const world = new ReplicaWorld({ brokers: [1, 2] })
    await world.outcome(world.node(1).produce(['a', 'b']))
    await world.settle()
    // Each leads alone for a while and writes what the other never sees; nobody was in sync then.
    const alone = async (id: number, values: readonly string[]) => {
      world.cut(1, 2)
      world.elect(id, [id])
      await world.pass(100)
      for (const value of values) await world.outcome(world.node(id).produce([value], 1))
    }
    await alone(1, ['c', 'd', 'e'])
    await alone(2, ['x'])
    await alone(1, ['f', 'g'])
    await alone(2, ['y', 'z'])
    expect(world.node(1).partition.log.epochs.entries.map(({ epoch }) => epoch)).toEqual([0, 1, 3])
    world.heal()
    await world.settle()
    expect(world.node(1).values).toEqual(['a', 'b', 'x', 'y', 'z'])
    expect(world.node(1).bytes.equals(world.node(2).bytes)).toBe(true)
    expect(world.node(1).partition.log.epochs.entries).toEqual(world.node(2).partition.log.epochs.entries)
  })

  it('happens although the new leader has written nothing yet', async () => {
    const world = new ReplicaWorld({ brokers: [1, 2] })
    await world.outcome(world.node(1).produce(['a']))
    await world.settle()
    world.cut(1, 2)
    await world.outcome(world.node(1).produce(['b', 'c'], 1))
    world.elect(2, [2])
    await world.pass(100)
    world.heal()
    await world.settle()
    expect(world.node(1).values).toEqual(['a'])
  })

  it('shows in an unclean election: records that were committed are gone, and readers beyond the end are told', async () => {
    const world = new ReplicaWorld({ brokers: [1, 2] })
    await world.outcome(world.node(1).produce(['a']))
    await world.settle()
    world.node(2).kill()
    world.elect(1, [1])
    await world.pass(100)
    await world.outcome(world.node(1).produce(['b', 'c']))
    expect(await world.node(1).read()).toEqual(['a', 'b', 'c'])
    world.node(1).kill()
    world.node(2).boot()
    world.elect(2, [2])
    await world.pass(100)
    expect(await world.node(2).read()).toEqual(['a'])
    const beyond = { fetchOffset: 3, currentLeaderEpoch: world.registration.leaderEpoch }
    expect((await world.node(2).fetch(beyond)).errorCode).toBe(ErrorCode.OFFSET_OUT_OF_RANGE)
    // Whoever knows the epoch of its last record learns where the two histories part.
    expect(await world.node(2).fetch({ ...beyond, lastFetchedEpoch: 1 })).toMatchObject({
      errorCode: ErrorCode.NONE,
      divergingEpoch: { epoch: 0, endOffset: 1 },
    })
    await world.outcome(world.node(2).produce(['x']))
    world.node(1).boot()
    await world.settle()
    expect(world.node(1).values).toEqual(['a', 'x'])
  })

  it('does not follow a corrupted answer: the batch is fetched again', async () => {
    const world = new ReplicaWorld({ brokers: [1, 2] })
    await world.outcome(world.node(1).produce(['a']))
    const { log } = world.node(1).partition
    const read = log.read.bind(log)
    let damaged = 0
    log.read = (offset, maxBytes, options) => {
      const result = read(offset, maxBytes, options)
      if ('batches' in result && result.batches.length > 0 && damaged < 3) {
        damaged++
        result.batches[0]![65]! ^= 1
      }
      return result
    }
    expect(await world.outcome(world.node(1).produce(['b']))).toBe('NONE')
    expect(damaged).toBe(3)
    expect(world.node(2).values).toEqual(['a', 'b'])
  })
})

describe('the in-sync replicas', () => {
  it('lose a follower that lags, and take it back when it has caught up', async () => {
    const world = new ReplicaWorld({ config: { 'replica.lag.time.max.ms': 10_000 } })
    await world.outcome(world.node(1).produce(['a']))
    world.node(3).kill()
    const write = world.node(1).produce(['b'])
    await world.pass(8_000)
    expect(world.registration.isr).toEqual([1, 2, 3])
    expect(await world.node(1).read()).toEqual(['a'])
    expect(await world.outcome(write)).toBe('NONE')
    expect(world.registration.isr).toEqual([1, 2])
    expect(await world.node(1).read()).toEqual(['a', 'b'])
    world.node(3).boot()
    await world.settle()
    await world.pass(1_000)
    expect(world.registration.isr).toEqual([1, 2, 3])
    expect(world.node(1).partition.readableFrom(2)).toHaveLength(2)
  })

  it('are too few for a write that wants more of them, before and after it is appended', async () => {
    const world = new ReplicaWorld({
      brokers: [1, 2],
      config: { 'replica.lag.time.max.ms': 10_000 },
      topicConfig: { 'min.insync.replicas': '2' },
    })
    await world.outcome(world.node(1).produce(['a']))
    world.node(2).kill()
    const write = world.node(1).produce(['b'], -1, { timeoutMs: 60_000 })
    await world.pass(20_000)
    expect(world.registration.isr).toEqual([1])
    expect(await world.outcome(world.node(1).produce(['c']))).toBe('NOT_ENOUGH_REPLICAS')
    expect(await world.outcome(world.node(1).produce(['d'], 1))).toBe('NONE')
    // What is there is not shown to anybody while too few have it.
    expect(await world.node(1).read()).toEqual(['a'])
    world.node(2).boot()
    expect(await world.outcome(write)).toBe('NONE')
    await world.settle()
    expect(await world.node(1).read()).toEqual(['a', 'b', 'd'])
  })

  it('stay as they are while the controller cannot be reached, and nothing is committed meanwhile', async () => {
    const world = new ReplicaWorld({ brokers: [1, 2], config: { 'replica.lag.time.max.ms': 10_000 } })
    await world.outcome(world.node(1).produce(['a']))
    await world.settle()
    world.cut(1, 0)
    world.cut(1, 2)
    await world.outcome(world.node(1).produce(['b'], 1))
    await world.pass(40_000)
    expect(world.registration.isr).toEqual([1, 2])
    expect(await world.node(1).read()).toEqual(['a'])
    world.heal()
    await world.settle()
    expect(await world.node(1).read()).toEqual(['a', 'b'])
  })
})

describe('requests to replicas', () => {
  it('are refused where the broker follows, with who leads and where', async () => {
    const world = new ReplicaWorld()
    await world.outcome(world.node(1).produce(['a']))
    expect(await world.node(2).produce(['b'])).toBe('NOT_LEADER_OR_FOLLOWER')
    expect(await world.node(2).offset(LATEST)).toBe('NOT_LEADER_OR_FOLLOWER')
    expect(await world.node(2).deleteBefore(1)).toBe('NOT_LEADER_OR_FOLLOWER')
    expect(await world.node(2).endOfEpoch(0)).toBe('NOT_LEADER_OR_FOLLOWER')
    expect(await world.node(2).leaderTold()).toEqual({
      currentLeader: { leaderId: 1, leaderEpoch: 0 },
      nodeEndpoints: [{ nodeId: 1, host: 'broker-1', port: 9092, rack: null }],
    })
    expect(await world.node(2).fetch({}, { replicaState: { replicaId: 3, replicaEpoch: 3 } })).toMatchObject({
      errorCode: ErrorCode.NOT_LEADER_OR_FOLLOWER,
      currentLeader: { leaderId: 1, leaderEpoch: 0 },
      nodeEndpoints: [{ nodeId: 1, host: 'broker-1', port: 9092 }],
    })
    const stranger = { replicaState: { replicaId: 9, replicaEpoch: 9 } }
    const known = { currentLeaderEpoch: 0 }
    expect((await world.node(1).fetch(known, stranger)).errorCode).toBe(ErrorCode.UNKNOWN_LEADER_EPOCH)
    const restarted = { replicaState: { replicaId: 2, replicaEpoch: 1 } }
    expect((await world.node(1).fetch(known, restarted)).errorCode).toBe(ErrorCode.NOT_LEADER_OR_FOLLOWER)
  })

  it('are fenced by the epoch of the leader that the client knows', async () => {
    const world = new ReplicaWorld()
    world.elect(1)
    await world.pass(100)
    expect((await world.node(1).fetch({ currentLeaderEpoch: 0 })).errorCode).toBe(ErrorCode.FENCED_LEADER_EPOCH)
    expect((await world.node(1).fetch({ currentLeaderEpoch: 2 })).errorCode).toBe(ErrorCode.UNKNOWN_LEADER_EPOCH)
    expect((await world.node(1).fetch({ currentLeaderEpoch: 1 })).errorCode).toBe(ErrorCode.NONE)
  })

  it('are told no end by a new leader that does not know yet how much is committed', async () => {
    const world = new ReplicaWorld({ brokers: [1, 2] })
    await world.outcome(world.node(1).produce(['a']))
    await world.settle()
    await world.outcome(world.node(1).produce(['b']))
    expect(world.node(2).partition.log.highWatermark).toBe(1)
    world.node(1).kill()
    world.elect(2, [1, 2])
    await world.pass(100)
    expect(await world.node(2).offset(LATEST)).toBe('OFFSET_NOT_AVAILABLE')
    expect(await world.node(2).offset(EARLIEST)).toBe(0)
    expect(await world.node(2).offset(LATEST, 1)).toBe(2)
    world.node(1).boot()
    await world.settle()
    expect(await world.node(2).offset(LATEST)).toBe(2)
  })

  it('read from a follower what is committed, and are sent to the one in their rack', async () => {
    const world = new ReplicaWorld({
      racks: { 1: 'a', 2: 'b', 3: 'c' },
      config: { 'replica.selector.class': 'org.apache.kafka.common.replica.RackAwareReplicaSelector' },
    })
    await world.outcome(world.node(1).produce(['a']))
    await world.settle()
    expect(await world.node(1).fetch({}, { rackId: 'b' })).toMatchObject({ preferredReadReplica: 2, records: [] })
    for (const rackId of ['a', '', 'elsewhere']) {
      expect((await world.node(1).fetch({}, { rackId })).preferredReadReplica).toBe(-1)
    }
    expect(await world.node(2).read()).toEqual(['a'])
    world.cut(2, 1)
    world.cut(3, 1)
    await world.outcome(world.node(1).produce(['b'], 1))
    expect(await world.node(2).read()).toEqual(['a'])
    // Not to one that lacks what the consumer wants.
    expect((await world.node(1).fetch({ fetchOffset: 2 }, { rackId: 'b' })).preferredReadReplica).toBe(-1)
  })

  it('are told by a follower what was aborted, and where what is still open begins', async () => {
    const world = new ReplicaWorld({ brokers: [1, 2] })
    const { partition } = world.node(1)
    const append = (value: string, producerId: number) => {
      const producer = { producerId, producerEpoch: 0, baseSequence: 0, transactional: true }
      partition.append([new RecordBatch(buildBatch([{ timestamp: 1, key: null, value }], producer))], 'client')
    }
    append('aborted', 5)
    append('open', 6)
    const marker = { producerId: 5, producerEpoch: 0, committed: false, coordinatorEpoch: 0, transactionVersion: 0 }
    partition.append([markerBatch(marker, 1)], 'coordinator')
    await world.pass(1_000)
    expect(await world.node(2).fetch({}, { isolationLevel: 1 })).toMatchObject({
      highWatermark: 3,
      lastStableOffset: 1,
      abortedTransactions: [{ producerId: 5, firstOffset: 0 }],
    })
    world.node(1).kill()
    world.elect(2, [2])
    await world.pass(100)
    // The next leader ends what the last one had open.
    world.node(2).partition.append([markerBatch({ ...marker, producerId: 6, committed: true }, 1)], 'coordinator')
    expect((await world.node(2).fetch({}, { isolationLevel: 1 })).lastStableOffset).toBe(4)
  })

  it('wait on a follower for its high watermark, and end when the leader changes', async () => {
    const world = new ReplicaWorld({ brokers: [1, 2] })
    await world.outcome(world.node(1).produce(['a']))
    await world.settle()
    const waiting = world.node(2).fetch({ fetchOffset: 1 }, { maxWaitMs: 30_000 })
    await world.outcome(world.node(1).produce(['b']))
    expect((await world.outcome(waiting)).highWatermark).toBe(2)
    const began = world.simulation.now
    const fenced = world.node(1).fetch({ fetchOffset: 2, currentLeaderEpoch: 0 }, { maxWaitMs: 30_000 })
    await world.pass(10)
    world.elect(2)
    expect((await world.outcome(fenced)).errorCode).toBe(ErrorCode.FENCED_LEADER_EPOCH)
    expect(world.simulation.now - began).toBeLessThan(1_000)
  })
})

describe('the start of the log', () => {
  it('moves on all replicas before a deletion of records is answered', async () => {
    const world = new ReplicaWorld()
    for (const value of ['a', 'b', 'c']) await world.outcome(world.node(1).produce([value]))
    await world.settle()
    expect(await world.outcome(world.node(1).deleteBefore(2))).toBe(2)
    for (const id of [1, 2, 3]) expect(world.node(id).partition.log.logStartOffset).toBe(2)
    world.cut(1, 3)
    expect(await world.outcome(world.node(1).deleteBefore(3, 1_000))).toBe('REQUEST_TIMED_OUT')
    expect(world.node(2).partition.log.logStartOffset).toBe(3)
  })

  it('is where a follower begins anew that was away while its records went', async () => {
    const world = new ReplicaWorld({ brokers: [1, 2], topicConfig: { 'segment.bytes': '200' } })
    await world.outcome(world.node(1).produce(['a']))
    world.node(2).kill()
    world.elect(1, [1])
    await world.pass(100)
    for (let i = 0; i < 10; i++) await world.outcome(world.node(1).produce([`b${i}`]))
    const deleted = world.node(1).deleteBefore(8, 1_000)
    await world.outcome(deleted)
    world.node(1).partition.log.enforceRetention(1_700_000_000_000)
    world.node(2).boot()
    await world.settle()
    expect(world.node(2).partition.log.logStartOffset).toBe(8)
    expect(await world.node(2).read()).toEqual(await world.node(1).read())
    await world.pass(1_000)
    expect(world.registration.isr).toEqual([1, 2])
  })
})
