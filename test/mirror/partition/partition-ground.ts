// One MirroredPartition without sockets: clusters, logs and a slot that do what the test says, under a clock that it moves.
import type { ClusterClient } from '../../../src/client/cluster-client.ts'
import { EARLIEST, type OffsetLookup } from '../../../src/client/offset-lookup.ts'
import { TopicPartition } from '../../../src/client/topic-partition.ts'
import type { Gap } from '../../../src/mirror/gap.ts'
import type { GapLedger } from '../../../src/mirror/gap-ledger.ts'
import { Latency } from '../../../src/mirror/latency.ts'
import { MirroredPartition } from '../../../src/mirror/partition/mirrored-partition.ts'
import type { OutgoingBatch } from '../../../src/mirror/partition/outbox.ts'
import type { PartitionHost } from '../../../src/mirror/partition/partition-host.ts'
import { type ProgressRecord, SlotState } from '../../../src/mirror/progress-record.ts'
import type { ProgressLog } from '../../../src/mirror/slot-log.ts'
import { HeliostatError } from '../../../src/platform/errors.ts'
import type { Logger } from '../../../src/platform/platform.ts'
import { buildBatch } from '../../../src/records/batch-builder.ts'
import { RecordBatch } from '../../../src/records/record-batch.ts'
import type { Producer } from '../../../src/sink/producer.ts'
import { type BatchHeader, headerOf, type Tail, type TailReader } from '../../../src/sink/tail-reader.ts'
import type { FetchTarget } from '../../../src/source/fetch-session.ts'
import type { Fetcher } from '../../../src/source/fetcher.ts'
import { FrameBudget } from '../../../src/source/frame-lease.ts'
import { FakeClock } from '../../support/fake-clock.ts'

const PRODUCER = { id: 77, epoch: 0 }
const SOURCE = TopicPartition.of('orders', 0)
const REMOTE = TopicPartition.of('east.orders', 0)

/** What is held is done when the test lets it go, in order. */
class Gate {
  #isShut = false
  readonly #waiting: (() => void)[] = []

  shut(): void {
    this.#isShut = true
  }

  /** For those who come; whoever waits goes on waiting. */
  open(): void {
    this.#isShut = false
  }

  letGo(): void {
    this.open()
    for (const pass of this.#waiting.splice(0)) pass()
  }

  async passed(): Promise<void> {
    if (this.#isShut) await new Promise<void>((resolve) => this.#waiting.push(resolve))
  }
}

interface FakeCluster {
  topicId: string
  start: number
  end: number
  refresh(): Promise<void>
}

/** Keeps in memory what would be in the progress topic. */
export class FakeSlot implements ProgressLog {
  readonly state = new SlotState()
  readonly producer = PRODUCER
  readonly records = new Map<string, Buffer | null>()
  readonly gate = new Gate()
  #last: Promise<void> = Promise.resolve()

  write(records: readonly ProgressRecord[]): Promise<void> {
    this.#last = this.#last.then(async () => {
      await this.gate.passed()
      for (const record of records) {
        this.records.set(record.key, record.value)
        this.state.wrote(record)
      }
    })
    return this.#last
  }

  writeThen(records: readonly ProgressRecord[], done: (error: HeliostatError | undefined) => void): void {
    this.write(records).then(() => done(undefined))
  }

  /** As its next owner reads it. */
  reopened(): FakeSlot {
    const slot = new FakeSlot()
    for (const [key, value] of this.records) {
      slot.records.set(key, value)
      slot.state.apply({ key, value })
    }
    return slot
  }

  async open() {
    return { wasClosed: true, isOccupied: false }
  }

  close(): void {}
}

export class PartitionGround {
  readonly clock = new FakeClock()
  readonly source: FakeCluster = { topicId: 'source-1', start: 0, end: 0, refresh: async () => {} }
  readonly target: FakeCluster = { topicId: 'target-1', start: 0, end: 0, refresh: async () => {} }
  /** What the target holds. */
  readonly log: RecordBatch[] = []
  /** The next question about the batch at this offset is not answered. */
  unanswered: number | undefined
  readonly ledger = new Gate()
  readonly gaps: Gap[] = []
  readonly errors: string[] = []
  readonly lines: string[] = []
  onDataLoss: PartitionHost['onDataLoss'] = 'skip'
  /** What the fetcher was asked for last; undefined when it is dropped. */
  wanted: FetchTarget | undefined
  readonly #budget = new FrameBudget(2 ** 40, 1, () => {})

  partition(slot = new FakeSlot(), { inDoubt = false } = {}): MirroredPartition {
    const synced = {
      topic: SOURCE.topic,
      sourceTopicId: this.source.topicId,
      partitions: 1,
      remoteTopic: REMOTE.topic,
      targetTopicId: this.target.topicId,
      batchBytesMax: 1_000_000,
      keepLogAppendTime: false,
      contentMayChange: false,
      fewerReplicas: undefined,
    }
    return new MirroredPartition(this.host, slot, synced, 0, { inDoubt })
  }

  /** So many batches of one record each, from the source offset on. */
  fetched(from: number, count: number) {
    const batches = Array.from({ length: count }, (_, at) => {
      const records = [{ timestamp: this.clock.now(), key: `${from + at}`, value: Buffer.alloc(20_000) }]
      return new RecordBatch(buildBatch(records, { baseOffset: from + at, partitionLeaderEpoch: 0 }))
    })
    this.source.end = Math.max(this.source.end, from + count)
    const { end, start } = this.source
    const lease = this.#budget.lease(1)
    return {
      batches,
      abortedTransactions: null,
      highWatermark: end,
      lastStableOffset: end,
      logStartOffset: start,
      lease,
    }
  }

  /** All that is ready leaves. */
  sent(partition: MirroredPartition): OutgoingBatch[] {
    const batches: OutgoingBatch[] = []
    for (let batch = partition.take(); batch; batch = partition.take()) batches.push(batch)
    return batches
  }

  acknowledge(partition: MirroredPartition, batches: readonly OutgoingBatch[]): void {
    for (const batch of batches) {
      partition.acknowledged(batch, this.target.end)
      this.append(batch.bytes)
    }
  }

  /** At the end of the target's log, by whomever. */
  append(bytes: Buffer): void {
    const copy = Buffer.from(bytes)
    copy.writeBigInt64BE(BigInt(this.target.end))
    const batch = new RecordBatch(copy)
    this.log.push(batch)
    this.target.end = batch.nextOffset
  }

  async #batchAt(offset: number): Promise<BatchHeader | undefined> {
    if (this.unanswered === offset) {
      this.unanswered = undefined
      throw new HeliostatError('HEL_TAIL_UNREADABLE', 'not now', { retriable: true })
    }
    const found = this.log.find(({ lastOffset }) => lastOffset >= offset)
    return found && headerOf(found)
  }

  async #tail(): Promise<Tail> {
    const last = this.log.at(-1)
    return { end: this.target.end, batch: last && headerOf(last) }
  }

  get host(): PartitionHost {
    const { clock } = this
    const ground = this
    const line = (_: string, message: string) => this.lines.push(message)
    const log = { debug: line, info: line, warn: line, error: line, child: () => log } as unknown as Logger
    const fetcher = {
      nodeId: 1,
      heard: { sentAt: 0, at: 0 },
      want: (target: FetchTarget) => (this.wanted = target),
      drop: () => (this.wanted = undefined),
    }
    return {
      platform: { clock, log, random: { fraction: () => 0.5 } } as unknown as PartitionHost['platform'],
      source: clusterOf(this.source, SOURCE.topic),
      target: clusterOf(this.target, REMOTE.topic, this.log),
      sourceOffsets: offsetsOf(this.source),
      targetOffsets: offsetsOf(this.target),
      tails: {
        tail: () => this.#tail(),
        batchAt: (_: TopicPartition, offset: number) => this.#batchAt(offset),
      } as unknown as TailReader,
      takeOver: undefined,
      gapLedger: {
        of: () => this.gaps,
        write: async (gap: Gap) => {
          await this.ledger.passed()
          this.gaps.push(gap)
          return gap
        },
      } as unknown as GapLedger,
      latency: new Latency(),
      hooks: {},
      memory: { take: (bytes) => Buffer.alloc(bytes), lease: (batch) => this.#budget.lease(batch.length) },
      startOf: () => 'earliest',
      get onDataLoss() {
        return ground.onDataLoss
      },
      queueBytesMax: 4_000_000,
      readsUncommitted: false,
      settleMs: 10_000,
      lookAgainMs: 30_000,
      wentBackTo: new Map(),
      fetcher: () => fetcher as unknown as Fetcher,
      producer: () => ({ nodeId: 1, ready: () => {}, forget: () => {} }) as unknown as Producer<OutgoingBatch>,
      batchBytesMax: async () => 1_000_000,
      syncTopic: () => Promise.reject(new Error('no topic is made here')),
      countError: (code) => this.errors.push(code),
    }
  }
}

function clusterOf(cluster: FakeCluster, topic: string, log: readonly RecordBatch[] = []): ClusterClient {
  const answer = () => ({ errorCode: 0, records: log.map(({ bytes }) => bytes), abortedTransactions: null })
  return {
    node: async () => ({ send: async () => ({ errorCode: 0, responses: [{ partitions: [answer()] }] }) }),
    topics: () => new Map([[topic, { name: topic, topicId: cluster.topicId }]]),
    nodes: () => new Map([[1, {}]]),
    leaderOf: () => ({ nodeId: 1, leaderEpoch: 0 }),
    refresh: () => cluster.refresh(),
  } as unknown as ClusterClient
}

function offsetsOf(cluster: FakeCluster): OffsetLookup {
  const at = (timestamp: number) => (timestamp === EARLIEST ? cluster.start : cluster.end)
  const find = async (_: TopicPartition, timestamp: number) => at(timestamp)
  const tell = (_: TopicPartition, timestamp: number, told: (offset: number) => void) => told(at(timestamp))
  const range = async () => ({ from: cluster.start, to: cluster.end })
  return { find, tell, range } as unknown as OffsetLookup
}
