// Drives one PartitionMirror: finds out where it stands, binds it to the fetcher of its source leader and the producer of its
// target leader, has its plans made durable, and reads the target again whenever there is doubt.
//
// Invariants:
// 1. Batches go to the producer that was bound when the position was read; a moved leader means doubt, and a new position.
// 2. A position is read only when nothing of ours is in flight, and is handed to the fetcher only afterwards.
// 3. Whatever happens here touches this partition alone.
import { Backoff } from '../client/backoff.ts'
import type { ClusterClient } from '../client/cluster-client.ts'
import { EARLIEST, LATEST, type OffsetLookup } from '../client/offset-lookup.ts'
import { TopicPartition } from '../client/topic-partition.ts'
import { OffsetMap } from '../offset-translation/offset-map.ts'
import { HeliostatError } from '../platform/errors.ts'
import { type Platform, sleep, type Timer } from '../platform/platform.ts'
import { ErrorCode, errorOf } from '../protocol/errors.ts'
import type { BatchQueue, Producer } from '../sink/producer.ts'
import type { Tail, TailReader } from '../sink/tail-reader.ts'
import type { Fetched, Fetcher, FetchFailure, FetchPosition } from '../source/fetcher.ts'
import type { GapLedger } from './gap-ledger.ts'
import type { Latency } from './latency.ts'
import { type BatchMemory, type OutgoingBatch, PartitionMirror } from './partition-mirror.ts'
import { chunkRecord, type PartitionProgress, type ProgressRecord, partitionRecord } from './progress-record.ts'
import type { SlotLog } from './slot-log.ts'
import type { Gap, PartitionState, PartitionStatus } from './status.ts'
import { corrupt, denied, foreign, missing, type StopReason } from './stop-reason.ts'
import type { SyncedTopic } from './topic-sync.ts'

/** Moments at which a test may kill the process; see the drills' step boundaries. */
export type Step =
  | 'claim-taken'
  | 'progress-read'
  | 'fetch-answered'
  | 'batches-accepted'
  | 'plan-sent'
  | 'plan-durable'
  | 'produce-sent'
  | 'produce-answered'
  | 'partition-recorded'
  | 'topics-created'
  | 'position-read'

export interface MirrorHooks {
  reached?(step: Step): void
}

/** What a partition needs of the flow that it belongs to. */
export interface PartitionHost {
  readonly platform: Platform
  readonly source: ClusterClient
  readonly target: ClusterClient
  readonly sourceOffsets: OffsetLookup
  readonly tails: TailReader
  readonly gapLedger: GapLedger
  readonly latency: Latency
  readonly hooks: MirrorHooks
  readonly memory: BatchMemory
  readonly startOf: (topic: string) => 'earliest' | 'latest' | { readonly timestamp: number }
  readonly onDataLoss: 'stop' | 'skip' | 'restart'
  readonly queueBytesMax: number
  readonly settleMs: number
  readonly lookAgainMs: number
  fetcher(nodeId: number): Fetcher
  producer(nodeId: number): Producer<OutgoingBatch>
  /** The target topic's max.message.bytes, read anew. */
  batchBytesMax(remoteTopic: string): Promise<number>
  countError(code: string): void
}

interface Loss {
  readonly from: number
  readonly to: number
  readonly reason: Gap['reason']
  /** Where the source can be read again. */
  readonly goOnAt: number
}

const BEAT_MS = 50
/** Of the attempts to find a position, this share begins with new metadata: a new topic's brokers are busy enough without. */
const REFRESH_EVERY = 4
const IDLE_LIMIT_MS = 60 * 60_000
const SEQUENCES = 2 ** 31
/** As long as Java clients believe in metadata. */
const NEARER_MS = 5 * 60_000

export class MirroredPartition implements BatchQueue<OutgoingBatch> {
  readonly source: TopicPartition
  readonly remote: TopicPartition
  readonly #host: PartitionHost
  readonly #slot: SlotLog
  readonly #backoff: Backoff
  readonly #stopping = new AbortController()
  readonly #gaps: Gap[] = []
  #synced: SyncedTopic
  #mirror: PartitionMirror | undefined
  /** Before there is a mirror, or when it could not be made. */
  #standing: { state: PartitionState; reason: StopReason | undefined; trouble: string | undefined }
  #progress: PartitionProgress | undefined
  #fetcher: Fetcher | undefined
  #producer: Producer<OutgoingBatch> | undefined
  /** A replica that stands nearer to us than the leader, and how long that word counts. */
  #nearer: { readonly nodeId: number; readonly until: number } | undefined
  #fetchedBytes = 0
  #leftOut = false
  #writingPlans = false
  #positioning = false
  /** Attempts in a row to find the position. */
  #attempts = 0
  #paused = false
  /** Start over from here, EARLIEST or an offset, when nothing is in flight any more. */
  #restartAt: number | undefined
  #doubtUntil: number
  #lastWriteAt: number
  #behindSince: number | undefined
  #lookAgain: Timer | undefined
  /** A record was too large for the target topic as we know it. */
  #limitMayHaveChanged = false

  constructor(
    host: PartitionHost,
    slot: SlotLog,
    synced: SyncedTopic,
    partition: number,
    options: { inDoubt: boolean },
  ) {
    this.source = TopicPartition.of(synced.topic, partition)
    this.remote = TopicPartition.of(synced.remoteTopic, partition)
    this.#host = host
    this.#slot = slot
    this.#synced = synced
    this.#standing = { state: 'starting', reason: undefined, trouble: undefined }
    this.#backoff = new Backoff(host.platform.random, { initialMs: 20, maxMs: 500 })
    const now = host.platform.clock.monotonic()
    this.#doubtUntil = options.inDoubt ? now + host.settleMs : now
    this.#lastWriteAt = now
  }

  // ---- life

  start(options: { paused: boolean }): void {
    this.#paused = options.paused
    void this.#position()
  }

  /** Takes nothing new; resolves by itself when what is queued has been acknowledged. */
  stopFetching(): void {
    this.#paused = true
    this.#unfetch()
  }

  get isDrained(): boolean {
    return !this.#mirror?.isFlowing || this.#mirror.inFlight + this.#mirror.queued === 0
  }

  /** Nothing is heard of it any more. */
  close(): void {
    this.#stopping.abort()
    this.#lookAgain?.cancel()
    this.#unfetch()
    this.#producer?.forget(this)
    this.#mirror?.pause()
  }

  pause(): void {
    this.#paused = true
    this.#unfetch()
    this.#mirror?.pause()
  }

  unpause(): void {
    if (!this.#paused) return
    this.#paused = false
    this.#recover('goes on after a pause')
  }

  /** The flow has new metadata of both clusters. */
  refreshed(synced: SyncedTopic | undefined): void {
    const mirror = this.#mirror
    if (synced) this.#synced = synced
    const { topic, partition } = this.source
    const found = this.#host.source.topics().get(topic)
    if (found && mirror?.stopReason?.code === 'topic-missing') this.#recover('its source topic is there again')
    if (!mirror?.isFlowing) return
    if (!found) {
      this.#stop(missing(topic))
      return
    }
    if (found.topicId !== this.#progress!.sourceTopicId)
      return void this.#recover('looks at a source topic that was recreated')
    const leader = this.#host.source.leaderOf(topic, partition)
    if (leader && this.#fetcher && this.#readsFrom(leader) !== this.#fetcher.nodeId) this.#fetch()
  }

  // ---- position

  #recover(trouble: string): void {
    if (this.#stopping.signal.aborted) return
    this.#mirror?.recover(trouble)
    this.#standing = { state: 'recovering', reason: undefined, trouble }
    this.#unfetch()
    if (this.#mirror) this.#afterwards()
    else void this.#position()
  }

  /** Finds out where the partition stands, again and again until it does; then lets it flow. */
  async #position(): Promise<void> {
    if (this.#positioning) return
    this.#positioning = true
    const { signal } = this.#stopping
    while (!signal.aborted && !this.#paused) {
      try {
        const stop = await this.#tryToPosition()
        if (signal.aborted || this.#paused) break
        if (stop) this.#stop(stop)
        else this.#bind()
        this.#positioning = false
        this.#attempts = 0
        return this.#afterwards()
      } catch (error) {
        if (!(await this.#waitAfter(error as Error))) break
      }
    }
    this.#positioning = false
    if (this.#paused) this.#mirror?.pause()
  }

  async #waitAfter(error: Error): Promise<boolean> {
    const { signal } = this.#stopping
    if (signal.aborted) return false
    const known = error instanceof HeliostatError ? error : undefined
    this.#host.countError(known?.code ?? 'HEL_UNEXPECTED')
    this.#standing = { state: 'recovering', reason: undefined, trouble: error.message }
    if (!known?.retriable) {
      const isDenied = known?.where?.['errorCode'] === ErrorCode.TOPIC_AUTHORIZATION_FAILED
      const code = isDenied ? 'not-authorized' : 'broken-invariant'
      this.#stop({ code, message: error.message, mayPass: known !== undefined })
      return false
    }
    await this.#pause()
    if (this.#attempts++ % REFRESH_EVERY === 0)
      await Promise.allSettled([this.#host.source.refresh(), this.#host.target.refresh()])
    return true
  }

  /** To the next common beat, so that a thousand partitions that wait for the same thing ask for it in one request. */
  #pause(): Promise<void> {
    const { clock } = this.#host.platform
    const now = clock.monotonic()
    const until = Math.ceil((now + this.#backoff.next()) / BEAT_MS) * BEAT_MS
    return sleep(clock, until - now, this.#stopping.signal)
  }

  async #tryToPosition(): Promise<StopReason | undefined> {
    const { platform, hooks } = this.#host
    if (this.#mirror?.mustSettle) {
      await sleep(platform.clock, Math.max(0, this.#doubtUntil - platform.clock.monotonic()), this.#stopping.signal)
    }
    this.#progress ??= this.#slot.state.partition(this.source.topic, this.source.partition)
    if (!this.#progress) {
      const stop = await this.#begin()
      if (stop) return stop
    }
    const progress = this.#progress!
    if (!this.#host.source.topics().has(this.source.topic)) return missing(this.source.topic)
    if (this.#synced.targetTopicId !== progress.targetTopicId) return recreatedTarget(this.remote.topic)
    this.#mirror ??= this.#makeMirror(progress)
    const tail = await this.#host.tails.tail(this.remote)
    const stop = this.#judgeTail(tail, progress) ?? (await this.#settleClaims(tail.end))
    if (stop) return stop
    if (this.#limitMayHaveChanged) {
      this.#mirror.limitBatchBytes(await this.#host.batchBytesMax(this.remote.topic))
      this.#limitMayHaveChanged = false
    }
    const inDoubt = platform.clock.monotonic() < this.#doubtUntil
    try {
      this.#mirror.resume(tail.end, { inDoubt, upstream: progress.resumeAt })
    } catch (error) {
      return {
        code: 'target-went-back',
        message: `The target topic lacks records that it had: ${(error as Error).message}.`,
        mayPass: false,
      }
    }
    hooks.reached?.('position-read')
    return this.#startOverIfMust(tail.end)
  }

  /** The source topic is another one than before, or its history parted from ours: the old map ends here. */
  async #startOverIfMust(targetEnd: number): Promise<StopReason | undefined> {
    const progress = this.#progress!
    const found = this.#host.source.topics().get(this.source.topic)?.topicId ?? progress.sourceTopicId
    if (found !== progress.sourceTopicId) {
      // What the old topic held beyond our position nobody can tell any more.
      const at = this.#mirror!.nextUpstream
      const gap = await this.#write({ from: at, to: at, reason: 'recreated', goOnAt: 0 })
      if (gap.action === 'stop') return lossReason(gap)
      this.#restartAt = EARLIEST
    }
    if (this.#restartAt === undefined) return undefined
    const upstream = this.#restartAt >= 0 ? this.#restartAt : await this.#host.sourceOffsets.find(this.source, EARLIEST)
    await this.#startOver({ ...progress, sourceTopicId: found }, { upstream, downstream: targetEnd })
    return this.#tryToPosition()
  }

  /** A partition that was never mirrored: decides where, and has that written before anything is sent. */
  async #begin(): Promise<StopReason | undefined> {
    const { tails, sourceOffsets } = this.#host
    const start = this.#host.startOf(this.source.topic)
    const [tail, upstream] = await Promise.all([
      tails.tail(this.remote),
      start === 'earliest' || start === 'latest'
        ? sourceOffsets.find(this.source, start === 'earliest' ? EARLIEST : LATEST)
        : this.#offsetAt(start.timestamp),
    ])
    if (tail.end > 0 && tail.batch !== undefined)
      return foreign(
        `${this.remote} holds records up to offset ${tail.end}, and there is no progress that says how they came there`,
      )
    await this.#record({
      sourceTopicId: this.#synced.sourceTopicId,
      remoteTopic: this.remote.topic,
      targetTopicId: this.#synced.targetTopicId,
      start: { upstream, downstream: tail.end },
      epochs: [],
    })
    // Whoever sends for a partition has its record in the slot first, and there was none: nothing of others is under way.
    this.#doubtUntil = this.#host.platform.clock.monotonic()
    return undefined
  }

  async #offsetAt(timestamp: number): Promise<number> {
    const offset = await this.#host.sourceOffsets.find(this.source, timestamp)
    return offset >= 0 ? offset : this.#host.sourceOffsets.find(this.source, LATEST)
  }

  async #record(progress: PartitionProgress, others: readonly ProgressRecord[] = []): Promise<void> {
    await this.#slot.write([partitionRecord(this.source.topic, this.source.partition, progress), ...others])
    this.#progress = progress
    this.#host.hooks.reached?.('partition-recorded')
  }

  #makeMirror(progress: PartitionProgress): PartitionMirror {
    const { topic, partition } = this.source
    const chunks = this.#slot.state.takeChunks(topic, partition)
    return new PartitionMirror({
      source: this.source,
      remote: this.remote,
      map: chunks.length > 0 ? OffsetMap.load(chunks) : new OffsetMap({ start: progress.start }),
      producer: this.#slot.producer,
      batchBytesMax: this.#synced.batchBytesMax,
      keepLogAppendTime: this.#synced.keepLogAppendTime,
      contentMayChange: this.#synced.contentMayChange,
      queueBytesMax: this.#host.queueBytesMax,
      memory: this.#host.memory,
      epochs: progress.epochs,
    })
  }

  /** Whether what ends the target's log was written by us, where it should be. */
  #judgeTail({ end, batch }: Tail, { start }: PartitionProgress): StopReason | undefined {
    if (end < start.downstream) return wentBack(this.remote, end, start.downstream)
    if (end < this.#mirror!.map.nextDownstream) return wentBack(this.remote, end, this.#mirror!.map.nextDownstream)
    if (end === start.downstream || !batch) return undefined
    const { id, epoch } = this.#slot.producer
    const sequenceFits = (batch.baseSequence + batch.lastOffsetDelta + 1) % SEQUENCES === end % SEQUENCES
    if (batch.producerId === id && batch.producerEpoch === epoch && sequenceFits) return undefined
    return foreign(
      `the last batch, at offset ${batch.baseOffset}, was written by producer ${batch.producerId}, ours is ${id}`,
    )
  }

  /** Two plans for one place: the batch that stands there says which came true. */
  async #settleClaims(end: number): Promise<StopReason | undefined> {
    const { map } = this.#mirror!
    for (let at = map.contested(end); at !== undefined; at = map.contested(end)) {
      const batch = await this.#host.tails.batchAt(this.remote, at)
      if (!batch || !map.settle(at, batch.baseOffset, batch.crc))
        return {
          code: 'ambiguous-position',
          message: `What stands at offset ${at} of ${this.remote} is none of the batches that were planned for it.`,
          mayPass: false,
        }
    }
    return undefined
  }

  #bind(): void {
    const { target, producer } = this.#host
    const leader = target.leaderOf(this.remote.topic, this.remote.partition)
    if (!leader) {
      this.#recover('its target partition has no leader')
      return
    }
    this.#producer?.forget(this)
    this.#producer = producer(leader.nodeId)
    this.#lastWriteAt = this.#host.platform.clock.monotonic()
    this.#fetch()
  }

  // ---- from the source

  #fetch(): void {
    const mirror = this.#mirror
    if (!mirror?.hasRoom || this.#paused) return
    const { topic, partition } = this.source
    const leader = this.#host.source.leaderOf(topic, partition)
    if (!leader) {
      this.#fetchLater()
      return
    }
    const fetcher = this.#host.fetcher(this.#readsFrom(leader))
    if (fetcher !== this.#fetcher) this.#unfetch()
    this.#fetcher = fetcher
    this.#leftOut = false
    fetcher.want({
      topicPartition: this.source,
      topicId: this.#progress!.sourceTopicId,
      fetchOffset: mirror.nextUpstream,
      currentLeaderEpoch: leader.leaderEpoch,
      lastFetchedEpoch: mirror.leaderEpoch,
    })
  }

  #readsFrom(leader: { readonly nodeId: number }): number {
    const { source, platform } = this.#host
    if (this.#nearer && (this.#nearer.until <= platform.clock.monotonic() || !source.nodes().has(this.#nearer.nodeId)))
      this.#nearer = undefined
    return this.#nearer?.nodeId ?? leader.nodeId
  }

  /** The leader says that this replica stands nearer to us (KIP-392). */
  preferred(nodeId: number): void {
    this.#fetcher = undefined
    this.#nearer = { nodeId, until: this.#host.platform.clock.monotonic() + NEARER_MS }
    if (this.#mirror?.isFlowing) this.#fetch()
  }

  sourceUnreachable(nodeId: number): void {
    if (this.#nearer?.nodeId !== nodeId) return
    this.#nearer = undefined
    if (this.#mirror?.isFlowing) this.#fetch()
  }

  #unfetch(): void {
    this.#fetcher?.drop(this.source)
    this.#fetcher = undefined
    this.#leftOut = false
  }

  #fetchLater(): void {
    this.#unfetch()
    this.#lookAgain?.cancel()
    this.#lookAgain = this.#host.platform.clock.setTimer(this.#backoff.next(), () => {
      this.#host.source.refresh().then(
        () => this.#fetch(),
        (error: HeliostatError) => {
          this.#host.countError(error.code)
          this.#fetchLater()
        },
      )
    })
  }

  fetched(fetched: Fetched): FetchPosition | undefined {
    const mirror = this.#mirror
    const { clock } = this.#host.platform
    this.#host.hooks.reached?.('fetch-answered')
    if (!mirror?.isFlowing) return undefined
    const now = clock.monotonic()
    if (now >= this.#doubtUntil) mirror.doubtPassed()
    if (
      fetched.batches.length > 0 &&
      mirror.inFlight + mirror.queued === 0 &&
      now - this.#lastWriteAt > IDLE_LIMIT_MS
    ) {
      // The target may have forgotten our producer since, and would take any sequence.
      this.#recover('reads the target again after an idle time')
      return undefined
    }
    for (const batch of fetched.batches) this.#fetchedBytes += batch.sizeInBytes
    const wantsMore = mirror.accept(fetched)
    if (fetched.batches.length > 0) this.#host.hooks.reached?.('batches-accepted')
    this.#noteLag(clock.now())
    this.#leftOut = !wantsMore
    this.#afterwards()
    return wantsMore ? { fetchOffset: mirror.nextUpstream, lastFetchedEpoch: mirror.leaderEpoch } : undefined
  }

  fetchFailed(failure: FetchFailure): void {
    this.#fetcher = undefined
    const mirror = this.#mirror
    if (!mirror?.isFlowing) return
    if (this.#nearer) {
      // A follower may be behind; what is true of the log its leader says.
      this.#nearer = undefined
      return void this.#fetchLater()
    }
    const { errorCode, divergesAt } = failure
    if (failure.corrupt !== undefined) {
      this.#stop(corrupt(mirror.nextUpstream, failure.corrupt))
      return
    }
    if (divergesAt !== undefined) return void this.#lookInto(divergesAt)
    if (errorCode === ErrorCode.OFFSET_OUT_OF_RANGE) return void this.#lookInto(undefined)
    if (errorCode === ErrorCode.TOPIC_AUTHORIZATION_FAILED)
      return void this.#stop(denied(`read ${this.source.topic} on the source`))
    this.#host.countError(`HEL_FETCH_${errorOf(errorCode).name}`)
    this.#fetchLater()
  }

  // ---- data loss

  /** The source cannot answer where we are: finds out what is gone. */
  async #lookInto(divergesAt: number | undefined): Promise<void> {
    const mirror = this.#mirror!
    try {
      const [first, end] = await Promise.all([
        this.#host.sourceOffsets.find(this.source, EARLIEST),
        this.#host.sourceOffsets.find(this.source, LATEST),
      ])
      if (!mirror.isFlowing) return
      const at = mirror.nextUpstream
      if (divergesAt !== undefined && divergesAt < at)
        return await this.#lose({ from: divergesAt, to: at, reason: 'truncation', goOnAt: divergesAt })
      if (end < at) return await this.#lose({ from: end, to: at, reason: 'truncation', goOnAt: end })
      if (first <= at) return this.#fetchLater() // it was out of range for a moment only
      // What was gone before we mirrored anything is no loss of ours.
      if (mirror.map.size === 0) return await this.#goOnAt(first)
      await this.#lose({ from: at, to: first, reason: 'retention', goOnAt: first })
    } catch (error) {
      this.#host.countError((error as HeliostatError).code)
      this.#fetchLater()
    }
  }

  async #lose(loss: Loss): Promise<void> {
    const gap = await this.#write(loss)
    if (gap.action === 'stop') return this.#stop(lossReason(gap))
    if (loss.reason === 'retention') return this.#goOnAt(loss.goOnAt)
    this.#restartAt = gap.action === 'skip' ? loss.goOnAt : EARLIEST
    this.#recover('starts over, since the source lost records')
  }

  /** The source's offsets begin a new count: the old map cannot go on, since it only grows upwards. */
  async #startOver(progress: PartitionProgress, start: PartitionProgress['start']): Promise<void> {
    const { topic, partition } = this.source
    const old = this.#slot.state.chunkIndexes(topic, partition)
    await this.#record(
      { ...progress, start, epochs: [], resumeAt: undefined },
      old.map((index) => chunkRecord(topic, partition, index, null)),
    )
    this.#restartAt = undefined
    this.#mirror = undefined
  }

  async #goOnAt(upstream: number): Promise<void> {
    await this.#record({ ...this.#progress!, resumeAt: upstream })
    this.#recover(`goes on at source offset ${upstream}`)
  }

  async #write(loss: Loss): Promise<Gap> {
    const { platform, gapLedger, onDataLoss } = this.#host
    const gap: Gap = {
      topic: this.source.topic,
      partition: this.source.partition,
      from: loss.from,
      to: loss.to,
      reason: loss.reason,
      seenAt: platform.clock.now(),
      action: onDataLoss,
    }
    await gapLedger.write(gap)
    if (!this.#gaps.some(({ from, reason }) => from === gap.from && reason === gap.reason)) this.#gaps.push(gap)
    platform.log.error('mirror.gap', lossReason(gap).message, { ...gap })
    return gap
  }

  // ---- to the target

  get hasReady(): boolean {
    return this.#mirror?.hasReady ?? false
  }

  take(): OutgoingBatch | undefined {
    this.#lastWriteAt = this.#host.platform.clock.monotonic()
    return this.#mirror?.take()
  }

  acknowledged(batch: OutgoingBatch, baseOffset: number): void {
    const { clock } = this.#host.platform
    this.#mirror!.acknowledged(batch, baseOffset)
    this.#backoff.reset()
    const now = clock.now()
    this.#host.latency.observe(now - batch.maxTimestamp)
    this.#noteLag(now)
    this.#afterwards()
  }

  refused(batch: OutgoingBatch, errorCode: number, message: string | null): void {
    const { name, message: meaning } = errorOf(errorCode)
    this.#host.countError(`HEL_PRODUCE_${name}`)
    this.#mirror!.refused(batch, errorCode, `the target answered ${name} (${message ?? meaning})`)
    if (this.#mirror!.state === 'stopped') this.#reportStop()
    this.#afterwards()
  }

  lost(batch: OutgoingBatch, error: HeliostatError): void {
    const { clock } = this.#host.platform
    this.#doubtUntil = clock.monotonic() + this.#host.settleMs
    this.#mirror!.lost(batch, error.message)
    this.#afterwards()
  }

  /** The broker that our batches go to cannot be reached: perhaps it leads no more. */
  targetUnreachable(nodeId: number, error: HeliostatError): void {
    if (this.#producer?.nodeId === nodeId && this.#mirror?.isFlowing && this.#mirror.queued > 0)
      this.#recover(error.message)
  }

  /** The slot has another owner: nothing more is sent. */
  slotLost(): void {
    this.close()
  }

  #writePlans(): void {
    const mirror = this.#mirror!
    const { topic, partition } = this.source
    const taken = mirror.takePlans()
    const records: ProgressRecord[] = []
    for (const { index, bytes } of taken.changes.chunks) records.push(chunkRecord(topic, partition, index, bytes))
    for (const index of taken.changes.removed) records.push(chunkRecord(topic, partition, index, null))
    if (taken.epochs) {
      this.#progress = { ...this.#progress!, epochs: taken.epochs }
      records.push(partitionRecord(topic, partition, this.#progress))
    }
    this.#writingPlans = true
    this.#slot.writeThen(records, (error) => {
      this.#writingPlans = false
      if (error) mirror.plansFailed(taken)
      else mirror.plansDurable(taken.plan)
      this.#host.hooks.reached?.('plan-durable')
      if (!error) this.#afterwards()
    })
    this.#host.hooks.reached?.('plan-sent')
  }

  /** Whatever was just told to the mirror: does what follows from its state. */
  #afterwards(): void {
    const mirror = this.#mirror
    if (!mirror || this.#stopping.signal.aborted) return
    if (mirror.isFlowing) {
      if (mirror.hasPlans && !this.#writingPlans) this.#writePlans()
      if (mirror.hasReady) this.#producer?.ready(this)
      if (this.#leftOut && mirror.hasRoom) this.#fetch()
      return
    }
    if (this.#fetcher) this.#unfetch()
    if (mirror.state === 'stopped' && this.#standing.state !== 'stopped') this.#reportStop()
    if (mirror.isReadyToResume && !this.#positioning) this.#positionSoon()
  }

  #positionSoon(): void {
    this.#positioning = true
    // The leader may have moved, so both are worth a look; and a target that keeps refusing is not asked in a tight loop.
    this.#pause()
      .then(() => Promise.allSettled([this.#host.target.refresh(), this.#host.source.refresh()]))
      .then(() => {
        this.#positioning = false
        if (this.#mirror?.isReadyToResume) void this.#position()
      })
  }

  #stop(reason: StopReason): void {
    this.#mirror?.stop(reason)
    this.#standing = { state: 'stopped', reason, trouble: undefined }
    this.#unfetch()
    this.#reportStop()
  }

  #reportStop(): void {
    const reason = this.#mirror?.stopReason ?? this.#standing.reason
    if (!reason) return
    this.#standing = { state: 'stopped', reason, trouble: undefined }
    this.#host.countError(`HEL_STOPPED_${reason.code}`)
    this.#host.platform.log.error('mirror.partition-stopped', reason.message, {
      topic: this.source.topic,
      partition: this.source.partition,
      code: reason.code,
    })
    if (!reason.mayPass) return
    this.#limitMayHaveChanged ||= reason.code === 'record-too-large'
    this.#lookAgain?.cancel()
    this.#lookAgain = this.#host.platform.clock.setTimer(this.#host.lookAgainMs, () => {
      this.#backoff.reset()
      if (this.#mirror) this.#recover(reason.message)
      else void this.#position()
    })
  }

  // ---- what it tells

  get offsetMap(): OffsetMap | undefined {
    return this.#mirror?.map
  }

  /** Whether translation answers: the position is known, and what the map says stands on the target. */
  get isTranslatable(): boolean {
    return this.#mirror !== undefined && this.#mirror.state !== 'starting'
  }

  /**
   * While nothing is fetched nobody tells where the source ends, and what piles up there would not be seen. A source that
   * cannot be asked keeps its last known end, and the clock of what is missing runs on.
   */
  async lookAtSourceEnd(): Promise<void> {
    const mirror = this.#mirror
    if (!mirror || mirror.state === 'running') return
    const end = await this.#host.sourceOffsets.find(this.source, LATEST).catch(() => undefined)
    if (end === undefined || this.#mirror?.state === 'running') return
    mirror.noteSourceEnd(end)
    this.#noteLag(this.#host.platform.clock.now())
  }

  #noteLag(nowMs: number): void {
    const mirror = this.#mirror!
    const isBehind = mirror.sourceEnd !== undefined && mirror.acknowledgedUpstream < mirror.sourceEnd
    this.#behindSince = isBehind ? (this.#behindSince ?? nowMs) : undefined
  }

  status(nowMs: number): PartitionStatus {
    const mirror = this.#mirror
    const isStanding =
      !mirror || mirror.state === 'starting' || (mirror.state !== 'stopped' && this.#standing.state === 'stopped')
    const sourceEnd = mirror?.sourceEnd
    const upstream = mirror?.acknowledgedUpstream
    const lagRecords = sourceEnd === undefined || upstream === undefined ? 0 : Math.max(0, sourceEnd - upstream)
    return {
      partition: this.source.partition,
      state: this.#paused ? 'paused' : isStanding ? this.#standing.state : mirror.state,
      reason: isStanding ? (this.#standing.reason?.message ?? this.#standing.trouble) : mirror.reason,
      upstream,
      downstream: mirror?.map.nextDownstream,
      sourceEnd,
      lagRecords,
      rpoMs: lagRecords === 0 ? 0 : this.#age(nowMs),
      records: mirror?.counters.records ?? 0,
      bytes: mirror?.counters.bytes ?? 0,
      fetchedBytes: this.#fetchedBytes,
      rewritten: { ...mirror?.counters.rewritten },
      runs: mirror?.map.size ?? 0,
      gaps: [...this.#gaps],
    }
  }

  /** Age of the oldest record that is not acknowledged: by its timestamp when it is here, else since we fell behind. */
  #age(nowMs: number): number {
    const timestamp = this.#mirror?.oldestUnacknowledged?.maxTimestamp
    const since = timestamp !== undefined && timestamp > 0 ? timestamp : (this.#behindSince ?? nowMs)
    return Math.max(0, nowMs - since)
  }
}

function recreatedTarget(topic: string): StopReason {
  return {
    code: 'target-recreated',
    message: `${topic} was recreated on the target since it was mirrored. Delete the flow's progress for it, or restore the topic.`,
    mayPass: false,
  }
}

function wentBack(remote: TopicPartition, end: number, expected: number): StopReason {
  return {
    code: 'target-went-back',
    message: `${remote} ends at ${end} on the target, and had acknowledged everything below ${expected}.`,
    mayPass: false,
  }
}

function lossReason(gap: Gap): StopReason {
  const range =
    gap.from === gap.to ? `from source offset ${gap.from} on` : `source offsets ${gap.from} to ${gap.to - 1}`
  const why =
    gap.reason === 'retention'
      ? 'the source deleted them before they were mirrored'
      : gap.reason === 'truncation'
        ? 'the source lost them after they were mirrored'
        : 'the source topic was deleted and created again'
  return {
    code: 'data-loss',
    message: `Records are missing, ${range}: ${why}. onDataLoss is "${gap.action}".`,
    mayPass: false,
  }
}
