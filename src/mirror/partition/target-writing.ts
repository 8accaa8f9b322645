// To whom a partition is written: the producer of its target leader, as it was when the position was read.
import type { TopicPartition } from '../../client/topic-partition.ts'
import type { BatchQueue, Producer } from '../../sink/producer.ts'
import type { OutgoingBatch } from './outbox.ts'
import type { PartitionHost } from './partition-host.ts'

/** After that the target may have forgotten our producer, and would take any sequence. */
const IDLE_LIMIT_MS = 60 * 60_000

export class TargetWriting {
  readonly #host: Pick<PartitionHost, 'platform' | 'target' | 'producer'>
  readonly #remote: TopicPartition
  readonly #queue: BatchQueue<OutgoingBatch>
  #producer: Producer<OutgoingBatch> | undefined
  #leaderEpoch = -1
  /** Monotonic. */
  #lastWriteAt: number

  constructor(
    host: Pick<PartitionHost, 'platform' | 'target' | 'producer'>,
    remote: TopicPartition,
    queue: BatchQueue<OutgoingBatch>,
  ) {
    this.#host = host
    this.#remote = remote
    this.#queue = queue
    this.#lastWriteAt = host.platform.clock.monotonic()
  }

  /**
   * To the leader of now; false when there is none. With a transactional id under that alone. `seenUnder`: the log was looked at under this
   * epoch, and a later leader is a new one.
   */
  bind(transactionalId: string | undefined, seenUnder: number | undefined): boolean {
    const leader = this.#leader
    if (!leader) return false
    this.#leaderEpoch = seenUnder ?? leader.leaderEpoch
    this.#producer?.forget(this.#queue)
    this.#producer = this.#host.producer(leader.nodeId, transactionalId)
    this.wroteNow()
    return true
  }

  ready(): void {
    this.#producer?.ready(this.#queue)
  }

  end(): void {
    this.#producer?.forget(this.#queue)
  }

  /** An election may have cost the target what it had acknowledged, and while nothing is written nobody would see it. */
  get hasNewLeader(): boolean {
    const leaderEpoch = this.#leader?.leaderEpoch
    return leaderEpoch !== undefined && leaderEpoch !== this.#leaderEpoch
  }

  goesTo(nodeId: number): boolean {
    return this.#producer?.nodeId === nodeId
  }

  wroteNow(): void {
    this.#lastWriteAt = this.#host.platform.clock.monotonic()
  }

  get isLongAgo(): boolean {
    return this.#host.platform.clock.monotonic() - this.#lastWriteAt > IDLE_LIMIT_MS
  }

  get #leader() {
    return this.#host.target.leaderOf(this.#remote.topic, this.#remote.partition)
  }
}
