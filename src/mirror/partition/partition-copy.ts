// The copy of one source partition: what is written of it in the progress topic, and the PartitionMirror that goes on with that.
//
// Invariants:
// 1. What is written is ahead of what is done: progress and map are durable before a mirror is made of them.
// 2. When it begins anew nothing of the old map outlives that, whatever of it is being written.
// 3. Progress and the chunks of the map that belong to it are written together, all or none.
import { EARLIEST } from '../../client/offset-lookup.ts'
import { TopicPartition } from '../../client/topic-partition.ts'
import { OffsetMap, type OffsetMapChanges } from '../../offset-translation/offset-map.ts'
import type { OffsetRange } from '../gap.ts'
import {
  type Joint,
  lastRecord,
  mapRecords,
  type PartitionProgress,
  type ProgressRecord,
  partitionRecord,
} from '../progress-record.ts'
import type { ProgressLog } from '../slot-log.ts'
import type { TakenOver } from '../take-over.ts'
import type { SyncedTopic } from '../topic-sync.ts'
import type { LastBatch } from './committed-tail.ts'
import type { PartitionHost } from './partition-host.ts'
import { PartitionMirror, type ProgressChanges } from './partition-mirror.ts'

type CopyHost = Pick<
  PartitionHost,
  'tails' | 'sourceOffsets' | 'memory' | 'queueBytesMax' | 'readsUncommitted' | 'hooks'
>

const NOTHING: OffsetMapChanges = { chunks: [], removed: [] }

export class PartitionCopy {
  readonly source: TopicPartition
  readonly remote: TopicPartition
  readonly #host: CopyHost
  readonly #slot: ProgressLog
  #synced: SyncedTopic
  #progress: PartitionProgress | undefined
  #mirror: PartitionMirror | undefined
  /** Chunks of the map that are being written with plans; undefined when none are. */
  #chunksUnderWay: readonly number[] | undefined
  #wholeUnder: number | undefined

  constructor(host: CopyHost, slot: ProgressLog, synced: SyncedTopic, partition: number) {
    this.source = TopicPartition.of(synced.topic, partition)
    this.remote = TopicPartition.of(synced.remoteTopic, partition)
    this.#host = host
    this.#slot = slot
    this.#synced = synced
  }

  /** Undefined until its position was looked for. */
  get mirror(): PartitionMirror | undefined {
    return this.#mirror
  }

  /** What the source was last seen to hold beyond what the target has. */
  get unmirrored(): OffsetRange | undefined {
    return this.#mirror && { from: this.#mirror.acknowledgedUpstream, to: this.#mirror.sourceEnd ?? 0 }
  }

  /** The mirror of what is written, from the durable map. */
  ensureMirror(): PartitionMirror {
    this.#mirror ??= this.#makeMirror()
    return this.#mirror
  }

  get map(): OffsetMap {
    return this.ensureMirror().map
  }

  get progress(): PartitionProgress {
    if (!this.#progress) throw new Error(`nothing is written of ${this.source} yet`)
    return this.#progress
  }

  /** Whether anything is written of it. */
  isBegun(): boolean {
    this.#progress ??= this.#slot.state.partition(this.source.topic, this.source.partition)
    return this.#progress !== undefined
  }

  /** The target topic as it was found the last time. */
  get synced(): SyncedTopic {
    return this.#synced
  }

  resynced(synced: SyncedTopic): void {
    this.#synced = synced
  }

  /** In transactions: which batch of it was committed last, where that is known. */
  get lastCommitted(): LastBatch | undefined {
    return this.#slot.state.last(this.source.topic, this.source.partition)
  }

  /** In transactions: the target's leader epoch under which all that was committed was last seen to stand, where that is known. */
  get wholeUnder(): number | undefined {
    return this.#wholeUnder ?? this.lastCommitted?.leaderEpoch
  }

  wasWhole(leaderEpoch: number | undefined): void {
    this.#wholeUnder = leaderEpoch
  }

  /** The producer ids under which it was ever written. */
  get writers(): ReadonlySet<number> {
    const { state, producer } = this.#slot
    return new Set([...state.writers, (state.producer ?? producer).id])
  }

  // ---- how it goes on

  /** It was never mirrored: that it begins here is written before anything is sent. */
  async begin(start: PartitionProgress['start']): Promise<void> {
    await this.#write(this.#begun(start))
  }

  /** Another mirror made it up to the target's `end`. */
  async takeOver({ map, upstream, epochs }: TakenOver, end: number): Promise<void> {
    const joint = { downstream: end, mapped: map.nextDownstream, upstream, lag: 0 }
    map.seal()
    await this.#write({ ...this.#begun({ upstream, downstream: end }), epochs, joint }, map.takeChanges())
    this.#mirror = this.#makeMirror(map)
  }

  #begun(start: PartitionProgress['start']): PartitionProgress {
    return {
      sourceTopicId: this.#synced.sourceTopicId,
      remoteTopic: this.remote.topic,
      targetTopicId: this.#synced.targetTopicId,
      start,
      epochs: [],
      ...(this.#slot.transaction && { isTransactional: true }),
    }
  }

  /** The old map cannot go on: the copy begins anew with this source offset, or EARLIEST, behind all that the target holds. */
  async startOver(progress: PartitionProgress, start: number, sameLogLag = progress.joint?.lag ?? 0): Promise<void> {
    const { topic, partition } = this.source
    const { end } = await this.#host.tails.tail(this.remote)
    const upstream = start === EARLIEST ? await this.#host.sourceOffsets.find(this.source, EARLIEST) : start
    const written = this.#slot.state.chunkIndexes(topic, partition)
    const removed = [...new Set([...written, ...(this.#chunksUnderWay ?? [])])]
    const isSameLog = progress.targetTopicId === this.progress.targetTopicId
    const lag = isSameLog ? sameLogLag : 0
    const begun = {
      ...progress,
      start: { upstream, downstream: end },
      epochs: [],
      resumeAt: undefined,
      joint: lag === 0 ? undefined : { downstream: end, mapped: end, upstream, lag },
    }
    await this.#write(begun, { chunks: [], removed })
    this.#mirror = this.#makeMirror()
  }

  /** It goes on at the target's end with another source offset than the map says; the map keeps what still holds. */
  async join(
    progress: PartitionProgress,
    {
      end,
      mapped,
      upstream,
      lag = progress.joint?.lag ?? 0,
    }: Omit<Joint, 'downstream' | 'lag'> & { end: number; lag?: number },
  ): Promise<void> {
    const { map } = this
    map.resume(end, mapped)
    const joint = { downstream: end, mapped, upstream, lag }
    await this.#writeWith(map, { ...progress, joint, resumeAt: undefined })
    this.#mirror = this.#makeMirror(map)
  }

  /** Source records below this offset are given up. */
  giveUpBelow(upstream: number): Promise<void> {
    return this.#write({ ...this.progress, resumeAt: upstream })
  }

  /** The map, which ends where the target ends, is written down as such; from here on it says all that there is. */
  async becomeTransactional(): Promise<void> {
    const { map } = this
    map.seal()
    await this.#writeWith(map, { ...this.progress, isTransactional: true })
    this.#mirror = this.#makeMirror(map)
  }

  // ---- what is written

  async #writeWith(map: OffsetMap, progress: PartitionProgress): Promise<void> {
    const changes = map.takeChanges()
    try {
      await this.#write(progress, changes)
    } catch (error) {
      map.restoreChanges(changes)
      throw error
    }
  }

  async #write(progress: PartitionProgress, changes = NOTHING): Promise<void> {
    const { topic, partition } = this.source
    await this.#slot.write([partitionRecord(topic, partition, progress), ...mapRecords(topic, partition, changes)])
    this.#progress = progress
    this.#host.hooks.reached?.('partition-recorded')
  }

  /** What the mirror plans, if it plans anything; `done` when it is durable. */
  writePlans(done: () => void): void {
    const mirror = this.#mirror
    if (!mirror?.hasPlans || this.#chunksUnderWay) return
    const taken = mirror.takePlans()
    this.#chunksUnderWay = taken.changes.chunks.map(({ index }) => index)
    this.#slot.writeThen(this.#recordsOf(taken), (error) => {
      this.#chunksUnderWay = undefined
      if (error) mirror.plansFailed(taken)
      else mirror.plansDurable(taken.plan)
      this.#host.hooks.reached?.('plan-durable')
      if (!error) done()
    })
    this.#host.hooks.reached?.('plan-sent')
  }

  /** In a transaction: what is written with the batches that were acknowledged. */
  takeCommit(): ProgressRecord[] {
    return this.#mirror ? this.#recordsOf(this.#mirror.takeCommit()) : []
  }

  #recordsOf({ changes, epochs, last }: ProgressChanges): ProgressRecord[] {
    const { topic, partition } = this.source
    const records = mapRecords(topic, partition, changes)
    if (epochs) {
      this.#progress = { ...this.progress, epochs }
      records.push(partitionRecord(topic, partition, this.#progress))
    }
    if (last) records.push(lastRecord(topic, partition, { ...last, leaderEpoch: this.wholeUnder }))
    return records
  }

  /** With the durable map, unless there is one; counts on from the mirror before. */
  #makeMirror(map?: OffsetMap): PartitionMirror {
    const { topic, partition } = this.source
    const { start, joint, epochs, isTransactional } = this.progress
    const chunks = map ? [] : this.#slot.state.takeChunks(topic, partition)
    return new PartitionMirror({
      source: this.source,
      remote: this.remote,
      map: map ?? (chunks.length > 0 ? OffsetMap.load(chunks) : new OffsetMap({ start })),
      producer: this.#slot.producer,
      lag: joint?.lag,
      isTransactional: isTransactional === true,
      batchBytesMax: this.#synced.batchBytesMax,
      keepLogAppendTime: this.#synced.keepLogAppendTime,
      contentMayChange: this.#synced.contentMayChange,
      queueBytesMax: this.#host.queueBytesMax,
      readsUncommitted: this.#host.readsUncommitted,
      memory: this.#host.memory,
      epochs,
      counters: this.#mirror?.counters,
      sourceEnd: map && this.#mirror?.sourceEnd,
      nextSequence: this.#mirror?.nextSequence,
    })
  }
}
