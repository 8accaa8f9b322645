import { describe, expect, it } from 'vitest'
import { CoordinatorRuntime, type RecordCodec } from '../../../src/broker/coordinator/runtime.ts'
import {
  type Effects,
  NO_PRODUCER,
  Outcome,
  type RecordOrigin,
  type RequestId,
  type StateMachine,
} from '../../../src/broker/coordinator/state-machine.ts'
import { defaultLogConfig } from '../../../src/broker/log/log-config.ts'
import { PartitionLog } from '../../../src/broker/log/partition-log.ts'
import { Partition } from '../../../src/broker/partition.ts'
import { memoryDisk } from '../../../src/platform/memory-disk.ts'
import { nodeLog } from '../../../src/platform/node-log.ts'
import type { Disk } from '../../../src/platform/platform.ts'
import { ErrorCode } from '../../../src/protocol/errors.ts'
import { RecordBatch } from '../../../src/records/record-batch.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { loneHost } from '../replication/registration.ts'

interface Producer {
  readonly producerId: number
  readonly producerEpoch: number
}

type Command =
  | { add: number; andThen?: number; producer?: Producer }
  | { read: true }
  | { addLater: number }
  | { cancel: true }

const end = { coordinatorEpoch: 0, transactionVersion: 0 }

/** A sum, kept by its summands; those of a transaction count with its commit. */
class Sum implements StateMachine<Command, number, number> {
  isRead(command: Command): boolean {
    return 'read' in command
  }

  total = 0
  readonly #pending = new Map<number, number>()

  handle(id: RequestId, command: Command, _nowMs: number): Effects<Command, number, number> {
    const outcome = new Outcome<Command, number, number>()
    if ('add' in command) {
      outcome.record(command.add)
      outcome.producer = command.producer
      if (command.andThen !== undefined) outcome.follow({ add: command.andThen })
    }
    if ('addLater' in command) outcome.setTimer('later', command.addLater, { add: 100 })
    if ('cancel' in command) outcome.cancelTimer('later')
    outcome.reply(id, this.total + ('add' in command ? command.add : 0))
    return outcome
  }

  replay(record: number, { producerId }: RecordOrigin): void {
    if (producerId === NO_PRODUCER) this.total += record
    else this.#pending.set(producerId, (this.#pending.get(producerId) ?? 0) + record)
  }

  replayMarker(producerId: number, committed: boolean): void {
    if (committed) this.total += this.#pending.get(producerId) ?? 0
    this.#pending.delete(producerId)
  }

  loaded(): Effects<Command, number, number> {
    return new Outcome()
  }
}

const codec: RecordCodec<number> = {
  encode: (record) => ({ key: null, value: Buffer.from(String(record)) }),
  decode: ({ value }) => (value ? Number(value.toString()) : undefined),
}

const silent = nodeLog({ level: 'silent' })
const registration = {
  partitionId: 0,
  replicas: [1],
  addingReplicas: [],
  removingReplicas: [],
  isr: [1],
  leader: 1,
  leaderRecoveryState: 0,
  leaderEpoch: 0,
  partitionEpoch: 0,
}

function host(disk: Disk = memoryDisk(), clock = new FakeClock(), padding = 0) {
  const log = PartitionLog.open(disk, '/log', { clock, config: defaultLogConfig, log: silent })
  const topic = { name: 'sums', topicId: 'AAAAAAAAAAAAAAAAAAAAAQ' }
  const partition = new Partition(topic, registration, log, loneHost(clock))
  const committed: number[] = []
  const machines: Sum[] = []
  const runtime = new CoordinatorRuntime<Command, number, number>({
    partition,
    codec: { ...codec, encode: (record) => ({ key: null, value: Buffer.from(String(record).padEnd(padding)) }) },
    loadsInTurns: true,
    clock,
    log: silent,
    machine: () => {
      machines.push(new Sum())
      return machines.at(-1)!
    },
    onCommitted: (record) => committed.push(record),
  })
  return { runtime, partition, clock, committed, machines, log }
}

describe('CoordinatorRuntime', () => {
  it('appends, replays and answers', async () => {
    const { runtime, committed, partition } = host()
    expect(await runtime.submit({ add: 3 })).toBe(3)
    expect(await runtime.submit({ add: 4 })).toBe(7)
    expect(await runtime.submit({ read: true })).toBe(7)
    expect(committed).toEqual([3, 4])
    expect(partition.log.logEndOffset).toBe(2)
  })

  it('finds its state again in the log', async () => {
    const disk = memoryDisk()
    const first = host(disk)
    for (let i = 1; i <= 100; i++) await first.runtime.submit({ add: i })
    first.runtime.close()
    first.log.close()
    const second = host(disk)
    expect(await second.runtime.submit({ read: true })).toBe(5050)
    expect(second.committed).toHaveLength(100)
  })

  it('reads a long log in turns, and decides nothing meanwhile', async () => {
    const disk = memoryDisk()
    const first = host(disk, new FakeClock(), 200_000)
    for (let i = 1; i <= 20; i++) await first.runtime.submit({ add: i })
    first.runtime.close()
    first.log.close()
    const { runtime, clock, committed } = host(disk)
    expect(committed.length).toBeLessThan(10)
    await expect(runtime.submit({ read: true })).rejects.toMatchObject({
      errorCode: ErrorCode.COORDINATOR_LOAD_IN_PROGRESS,
    })
    const marker = { producerId: 5, producerEpoch: 0, committed: true, ...end }
    expect(runtime.appendMarker(marker)).toBe(ErrorCode.COORDINATOR_LOAD_IN_PROGRESS)
    await clock.advance(0)
    expect(await runtime.submit({ read: true })).toBe(210)
    expect(committed).toHaveLength(20)
  })

  it('decides nothing while too few replicas are in sync, answers what only asks, and lets its timers wait', async () => {
    const { runtime, partition, clock, machines } = host()
    await runtime.submit({ add: 1 })
    await runtime.submit({ addLater: 500 })
    let appendError: number = ErrorCode.NOT_ENOUGH_REPLICAS
    Object.defineProperty(partition, 'appendError', { get: () => appendError })
    await expect(runtime.submit({ add: 2 })).rejects.toMatchObject({ errorCode: ErrorCode.COORDINATOR_NOT_AVAILABLE })
    await clock.advance(3_000)
    expect(await runtime.submit({ read: true })).toBe(1)
    appendError = ErrorCode.NONE
    await clock.advance(1_000)
    expect(await runtime.submit({ add: 2 })).toBe(103)
    expect(machines).toHaveLength(1)
  })

  it('stops reading when it is closed', async () => {
    const disk = memoryDisk()
    const first = host(disk, new FakeClock(), 200_000)
    for (let i = 1; i <= 20; i++) await first.runtime.submit({ add: i })
    first.runtime.close()
    first.log.close()
    const { runtime, clock, committed } = host(disk)
    const before = committed.length
    runtime.close()
    await clock.advance(0)
    expect(committed).toHaveLength(before)
    await expect(runtime.submit({ read: true })).rejects.toMatchObject({ errorCode: ErrorCode.NOT_COORDINATOR })
  })

  it('holds every answer, also to what only reads, until the high watermark passes what it tells of', async () => {
    const { runtime, partition, committed } = host()
    // As with replicas that lag: what is appended is not committed yet.
    Object.defineProperty(partition.log, 'highWatermark', { get: () => watermark, set: () => {} })
    let watermark = 0
    const answers: number[] = []
    const told = [runtime.submit({ add: 1 }), runtime.submit({ read: true }), runtime.submit({ add: 2 })].map((reply) =>
      reply.then((value) => answers.push(value)),
    )
    await Promise.resolve()
    expect([answers, committed]).toEqual([[], []])
    watermark = 1
    const third = runtime.submit({ read: true })
    await Promise.all(told.slice(0, 2))
    expect([answers, committed]).toEqual([[1, 1], [1]])
    watermark = 2
    const fourth = runtime.submit({ read: true })
    expect(await Promise.all([third, fourth])).toEqual([3, 3])
    expect(committed).toEqual([1, 2])
  })

  it('handles what follows when its records are in, and before what was asked meanwhile', async () => {
    const { runtime, log } = host()
    const first = runtime.submit({ add: 3, andThen: 4 })
    const meanwhile = runtime.submit({ read: true })
    expect(await Promise.all([first, meanwhile])).toEqual([3, 7])
    expect(log.logEndOffset).toBe(2)
  })

  it('fires, replaces and cancels timers', async () => {
    const { runtime, clock } = host()
    await runtime.submit({ addLater: 10 })
    await clock.advance(9)
    await runtime.submit({ addLater: 10 })
    await clock.advance(9)
    expect(await runtime.submit({ read: true })).toBe(0)
    await clock.advance(1)
    expect(await runtime.submit({ read: true })).toBe(100)
    await runtime.submit({ addLater: 10 })
    await runtime.submit({ cancel: true })
    await clock.advance(20)
    expect(await runtime.submit({ read: true })).toBe(100)
    expect(clock.timers).toBe(0)
  })

  it('drops the machine when an append fails, tells those who wait, and builds it anew from the log', async () => {
    const { runtime, partition, machines } = host()
    await runtime.submit({ add: 5 })
    const append = partition.append.bind(partition)
    partition.append = () => ({ errorCode: 56, errorMessage: 'the disk is full', recordErrors: [] })
    await expect(runtime.submit({ add: 7 })).rejects.toMatchObject({ errorCode: 15 })
    partition.append = append
    expect(machines).toHaveLength(2)
    expect(await runtime.submit({ add: 1 })).toBe(6)
  })

  it('appends what belongs to a transaction as part of it, and hears of its end, live and at load', async () => {
    const disk = memoryDisk()
    const first = host(disk)
    const producer = { producerId: 7, producerEpoch: 2 }
    expect(await first.runtime.submit({ add: 3, producer })).toBe(3)
    const read = first.partition.log.read(0, 1000, { isolation: 'log_end', minOneMessage: true })
    if (!('batches' in read)) throw new Error(read.message)
    expect(new RecordBatch(read.batches[0]!)).toMatchObject({ isTransactional: true, ...producer, baseSequence: 0 })
    expect(await first.runtime.submit({ read: true })).toBe(0)
    expect(first.runtime.appendMarker({ ...end, ...producer, committed: true })).toBe(0)
    expect(await first.runtime.submit({ read: true })).toBe(3)
    await first.runtime.submit({ add: 4, producer })
    expect(first.runtime.appendMarker({ ...end, ...producer, committed: false })).toBe(0)
    await first.runtime.submit({ add: 5, producer })
    first.runtime.close()
    first.log.close()
    const second = host(disk)
    expect(await second.runtime.submit({ read: true })).toBe(3)
    expect(second.runtime.appendMarker({ ...end, ...producer, committed: true })).toBe(0)
    expect(await second.runtime.submit({ read: true })).toBe(8)
  })

  it('refuses a producer whose epoch is old, and nobody besides', async () => {
    const { runtime, machines } = host()
    await runtime.submit({ add: 3, producer: { producerId: 7, producerEpoch: 2 } })
    const late = runtime.submit({ add: 4, producer: { producerId: 7, producerEpoch: 1 } })
    await expect(late).rejects.toMatchObject({ errorCode: ErrorCode.INVALID_PRODUCER_EPOCH })
    expect(await runtime.submit({ add: 5 })).toBe(5)
    expect(machines).toHaveLength(1)
  })

  it('answers nobody after its close, and its timers are gone', async () => {
    const { runtime, clock } = host()
    await runtime.submit({ addLater: 10 })
    runtime.close()
    await expect(runtime.submit({ read: true })).rejects.toMatchObject({ errorCode: 16 })
    expect(clock.timers).toBe(0)
  })
})
