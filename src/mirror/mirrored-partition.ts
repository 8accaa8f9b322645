// Drives one PartitionMirror: finds out where it stands, binds it to the fetcher of its source leader and the producer of its
// target leader, has its plans made durable, and reads the target again whenever there is doubt.
//
// Invariants:
// 1. Batches go to the producer that was bound when the position was read; a moved leader means doubt, and a new position.
// 2. A position is read only when nothing of ours is in flight, and is handed to the fetcher only afterwards.
// 3. Whatever happens here touches this partition alone.
import { Backoff } from '../client/backoff.ts'
import type { ClusterClient } from '../client/cluster-client.ts'
import { readLog } from '../client/log-reader.ts'
import { EARLIEST, LATEST, type OffsetLookup } from '../client/offset-lookup.ts'
import { TopicPartition } from '../client/topic-partition.ts'
import { OffsetMap } from '../offset-translation/offset-map.ts'
import { RecentTimes } from '../offset-translation/recent-times.ts'
import { HeliostatError } from '../platform/errors.ts'
import { type Platform, sleep, type Timer } from '../platform/platform.ts'
import { ErrorCode, errorOf } from '../protocol/errors.ts'
import type { BatchQueue, Producer } from '../sink/producer.ts'
import { type BatchHeader, headerOf, type Tail, type TailReader } from '../sink/tail-reader.ts'
import { commonEnd, epochEnd } from '../source/divergence.ts'
import type { Fetched, Fetcher, FetchFailure, FetchPosition } from '../source/fetcher.ts'
import { type DataLossPolicy, type Gap, type GapReason, lossReason, type OffsetRange } from './gap.ts'
import type { GapLedger } from './gap-ledger.ts'
import type { Latency } from './latency.ts'
import { type BatchMemory, type OutgoingBatch, PartitionMirror, type ProducerIdentity } from './partition-mirror.ts'
import {
  chunkRecord,
  type Joint,
  type PartitionProgress,
  type ProgressRecord,
  partitionRecord,
} from './progress-record.ts'
import type { ProgressLog } from './slot-log.ts'
import type { PartitionState, PartitionStatus } from './status.ts'
import { corrupt, denied, foreign, missing, notTakenOver, type StopReason } from './stop-reason.ts'
import type { TakeOver } from './take-over.ts'
import { isInPlace, judgeTail, shorterThan, surveyTail, type TailSurvey } from './target-tail.ts'
import type { SyncedTopic } from './topic-sync.ts'
import type { TransactionMember } from './transactional-slot.ts'

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
  | 'commit-begun'
  | 'commit-sent'
  | 'committed'

export interface MirrorHooks {
  reached?(step: Step): void
}

/** What a partition needs of the flow that it belongs to. */
export interface PartitionHost {
  readonly platform: Platform
  readonly source: ClusterClient
  readonly target: ClusterClient
  readonly sourceOffsets: OffsetLookup
  readonly targetOffsets: OffsetLookup
  readonly tails: TailReader
  /** Absent: a copy that MirrorMaker made is none that can be gone on with. */
  readonly takeOver: TakeOver | undefined
  readonly gapLedger: GapLedger
  readonly latency: Latency
  readonly hooks: MirrorHooks
  readonly memory: BatchMemory
  readonly startOf: (topic: string) => 'earliest' | 'latest' | { readonly timestamp: number }
  readonly onDataLoss: DataLossPolicy
  readonly queueBytesMax: number
  readonly settleMs: number
  readonly lookAgainMs: number
  /** Where batches were appended in transactions, below what the partition had; kept over a slot that is opened anew. */
  readonly wentBackTo: Map<TopicPartition, number>
  fetcher(nodeId: number): Fetcher
  /** With a transactional id one that writes under it alone. */
  producer(nodeId: number, transactionalId?: string): Producer<OutgoingBatch>
  /** The target topic's max.message.bytes, read anew. */
  batchBytesMax(remoteTopic: string): Promise<number>
  /** Makes the target topic of this source topic anew, if it is not there. */
  syncTopic(topic: string): Promise<SyncedTopic>
  countError(code: string): void
}

interface Loss extends OffsetRange {
  readonly reason: GapReason
  readonly downstream?: OffsetRange
}

const BEAT_MS = 50
/** Of the attempts to find a position, this share begins with new metadata: a new topic's brokers are busy enough without. */
const REFRESH_EVERY = 4
const IDLE_LIMIT_MS = 60 * 60_000
/** As long as Java clients believe in metadata. */
const NEARER_MS = 5 * 60_000
/** A tail that is not ours is halved until this few offsets are left to be read. */
const SURVEY_RECORDS = 4_096
/** A target that seems to have lost what it had is looked at for this long before it is believed: metadata lag behind elections. */
const SURE_AFTER_MS = 1_000
/** Refusals that are about a batch: its partition stops, and the transaction goes on. */
const OF_THE_BATCH: ReadonlySet<number> = new Set([
  ErrorCode.MESSAGE_TOO_LARGE,
  ErrorCode.RECORD_LIST_TOO_LARGE,
  ErrorCode.INVALID_RECORD,
  ErrorCode.INVALID_TIMESTAMP,
  ErrorCode.UNSUPPORTED_COMPRESSION_TYPE,
  ErrorCode.CORRUPT_MESSAGE,
  ErrorCode.TOPIC_AUTHORIZATION_FAILED,
])
/** Entries of the ledger for one look; beyond it the writer is known well enough. */
const FOREIGN_RANGES_MAX = 100

export class MirroredPartition implements BatchQueue<OutgoingBatch>, TransactionMember {
  readonly source: TopicPartition
  readonly remote: TopicPartition
  readonly #host: PartitionHost
  readonly #slot: ProgressLog
  readonly #backoff: Backoff
  readonly #stopping = new AbortController()
  #synced: SyncedTopic
  #mirror: PartitionMirror | undefined
  /** Before there is a mirror, or when it could not be made. */
  #standing: { state: PartitionState; reason: StopReason | undefined; trouble: string | undefined }
  #progress: PartitionProgress | undefined
  #fetcher: Fetcher | undefined
  #producer: Producer<OutgoingBatch> | undefined
  /** A replica that stands nearer to us than the leader, and how long that word counts. */
  #nearer: { readonly nodeId: number; readonly until: number } | undefined
  /** When the fetcher was told that it is wanted; monotonic, as the next one. */
  #wantedAt = 0
  /** When it was last known where the source ends, other than by the fetcher. */
  #knownAt: number
  #fetchedBytes = 0
  readonly #recordAge = new RecentTimes()
  readonly #replicationLatency = new RecentTimes()
  #leftOut = false
  #writingPlans = false
  #positioning = false
  /** Attempts in a row to find the position. */
  #attempts = 0
  #paused = false
  /** The source parted from what was read of it: what to do when nothing is in flight any more. */
  #partedAt: number | undefined
  /** What the target seems to have lost, and since when. */
  #suspicion: { readonly what: string; readonly since: number } | undefined
  /** The leader epoch of the target partition that our batches go to. */
  #targetEpoch = -1
  #doubtUntil: number
  #lastWriteAt: number
  #behindSince: number | undefined
  #lookAgain: Timer | undefined
  /** What stands on the target cannot be gone on with: who deletes it wants it anew. */
  #isCopyRefused = false
  /** A record was too large for the target topic as we know it. */
  #limitMayHaveChanged = false

  constructor(
    host: PartitionHost,
    slot: ProgressLog,
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
    this.#knownAt = now
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
    this.#slot.transaction?.forget(this)
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
    if (!found) this.#knownAt = this.#host.platform.clock.monotonic() // where there is no topic there is nothing to lose
    if (found && mirror?.stopReason?.code === 'topic-missing') this.#recover('its source topic is there again')
    if (!mirror?.isFlowing) return
    if (!found) {
      this.#stop(missing(topic))
      return
    }
    if (found.topicId !== this.#progress!.sourceTopicId)
      return void this.#recover('looks at a source topic that was recreated')
    const remote = this.#host.target.topics().get(this.remote.topic)
    if (!remote || remote.topicId !== this.#progress!.targetTopicId)
      return void this.#recover(`looks at a target topic that ${remote ? 'was recreated' : 'is not to be seen'}`)
    const targetEpoch = this.#host.target.leaderOf(this.remote.topic, partition)?.leaderEpoch
    // An election may have cost the target what it had acknowledged, and while nothing is written nobody would see it.
    if (targetEpoch !== undefined && targetEpoch !== this.#targetEpoch)
      return void this.#recover('its target partition has a new leader')
    const leader = this.#host.source.leaderOf(topic, partition)
    if (leader && this.#fetcher && this.#readsFrom(leader) !== this.#fetcher.nodeId) this.#fetch()
  }

  // ---- position

  #recover(trouble: string): void {
    if (this.#stopping.signal.aborted) return
    if (this.#mirror?.hasUncommitted && this.#slot.transaction) {
      this.#slot.transaction.fail(new HeliostatError('HEL_TRANSACTION', `${this.remote}: ${trouble}`))
      return
    }
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
    if (!this.#host.source.topics().has(this.source.topic)) return missing(this.source.topic)
    const gone = await this.#findTargetTopic()
    if (gone) return gone
    this.#mirror ??= this.#makeMirror()
    const mirror = this.#mirror
    if (this.#slot.transaction && !this.#progress!.isTransactional) await this.#awaitLateRequests()
    const tail = await this.#host.tails.tail(this.remote)
    const isCommitted = this.#progress!.isTransactional === true
    const stop = isCommitted
      ? await this.#mendCommitted(tail.end)
      : ((await this.#mendTail(tail)) ?? (await this.#settleClaims(tail.end)))
    if (stop === 'mended') return this.#tryToPosition()
    if (stop) return stop
    if (this.#limitMayHaveChanged) {
      mirror.limitBatchBytes(await this.#host.batchBytesMax(this.remote.topic))
      this.#limitMayHaveChanged = false
    }
    const inDoubt = platform.clock.monotonic() < this.#doubtUntil
    const { joint, resumeAt } = this.#progress!
    const isAtJoint =
      joint !== undefined &&
      (isCommitted ? mirror.map.plannedDownstream <= joint.mapped : tail.end === joint.downstream)
    const upstream = isAtJoint ? Math.max(joint.upstream, resumeAt ?? 0) : resumeAt
    const end = isCommitted && isAtJoint ? joint.downstream : tail.end
    mirror.resume(end, { inDoubt, upstream, mapped: isAtJoint ? joint.mapped : undefined })
    if (this.#slot.transaction && !isCommitted) return this.#becomeTransactional()
    hooks.reached?.('position-read')
    const lost = await this.#followSource()
    return lost === 'followed' ? this.#tryToPosition() : lost
  }

  /** A partition that was never mirrored: decides where, and has that written before anything is sent. */
  async #begin(): Promise<StopReason | undefined> {
    const { tails, sourceOffsets, target } = this.#host
    if (this.#isCopyRefused && !target.topics().has(this.remote.topic))
      this.#synced = await this.#host.syncTopic(this.source.topic)
    const start = this.#host.startOf(this.source.topic)
    const [tail, upstream] = await Promise.all([
      tails.tail(this.remote),
      start === 'earliest' || start === 'latest'
        ? sourceOffsets.find(this.source, start === 'earliest' ? EARLIEST : LATEST)
        : this.#offsetAt(start.timestamp),
    ])
    if (this.#host.takeOver && tail.end > 0) return this.#takeOver(this.#host.takeOver, tail.end)
    // Others may write beside transactions.
    if (!this.#slot.transaction && tail.end > 0 && tail.batch !== undefined)
      return foreign(
        `${this.remote} holds records up to offset ${tail.end}, and there is no progress that says how they came there`,
      )
    await this.#recordFirst({ upstream, downstream: tail.end })
    return undefined
  }

  /** Goes on with a copy that MirrorMaker made. Where it ends in its source is written down before anything is sent. */
  async #takeOver(takeOver: TakeOver, end: number): Promise<StopReason | undefined> {
    const { topic, partition } = this.source
    this.#standing = { state: 'starting', reason: undefined, trouble: 'its copy by MirrorMaker is compared with it' }
    const found = await takeOver.compare({ source: this.source, remote: this.remote, end })
    this.#isCopyRefused = typeof found === 'string'
    if (typeof found === 'string') return notTakenOver(this.remote.topic, found)
    const { map, upstream, epochs } = found
    const joint = { downstream: end, mapped: map.nextDownstream, upstream, lag: 0 }
    map.seal()
    const chunks = map.takeChanges().chunks.map(({ index, bytes }) => chunkRecord(topic, partition, index, bytes))
    await this.#recordFirst({ upstream, downstream: end }, { epochs, joint }, chunks)
    this.#mirror = this.#makeMirror(map)
    const message = `the copy that MirrorMaker made is gone on with at source offset ${upstream}`
    this.#host.platform.log.info('mirror.taken-over', message, { topic, partition, upstream, downstream: end })
    return undefined
  }

  async #recordFirst(
    start: PartitionProgress['start'],
    known: Pick<PartitionProgress, 'epochs' | 'joint'> = { epochs: [] },
    chunks: readonly ProgressRecord[] = [],
  ): Promise<void> {
    const progress = {
      sourceTopicId: this.#synced.sourceTopicId,
      remoteTopic: this.remote.topic,
      targetTopicId: this.#synced.targetTopicId,
      start,
      ...known,
      ...(this.#slot.transaction && { isTransactional: true }),
    }
    await this.#record(progress, chunks)
    // Whoever sends for a partition has its record in the slot first, and there was none: nothing of others is under way.
    this.#doubtUntil = this.#host.platform.clock.monotonic()
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

  /** With the durable map, unless there is one; counts on from the mirror before. */
  #makeMirror(map?: OffsetMap): PartitionMirror {
    const { topic, partition } = this.source
    const { start, joint, epochs, isTransactional } = this.#progress!
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
      memory: this.#host.memory,
      epochs,
      counters: this.#mirror?.counters,
      sourceEnd: map && this.#mirror?.sourceEnd,
    })
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
    this.#targetEpoch = leader.leaderEpoch
    this.#producer?.forget(this)
    this.#producer = producer(leader.nodeId, this.#slot.transaction?.transactionalId)
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
    this.#knownAt = this.#heardAt
    this.#wantedAt = this.#host.platform.clock.monotonic()
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
    this.#letGo()
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
    this.#letGo()
  }

  /** The fetcher has dropped it. */
  #letGo(): void {
    this.#knownAt = this.#heardAt
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
    this.#knownAt = this.#heardAt
    if (now >= this.#doubtUntil) mirror.doubtPassed()
    if (
      !this.#slot.transaction &&
      fetched.batches.length > 0 &&
      mirror.inFlight + mirror.queued === 0 &&
      now - this.#lastWriteAt > IDLE_LIMIT_MS
    ) {
      // The target may have forgotten our producer since, and would take any sequence.
      this.#recover('reads the target again after an idle time')
      return undefined
    }
    const wallClock = clock.now()
    for (const batch of fetched.batches) {
      this.#fetchedBytes += batch.sizeInBytes
      if (!batch.isControl) this.#recordAge.observe(wallClock - batch.maxTimestamp, wallClock)
    }
    const wantsMore = mirror.accept(fetched)
    if (fetched.batches.length > 0) this.#host.hooks.reached?.('batches-accepted')
    this.#noteLag(clock.now())
    this.#leftOut = !wantsMore
    this.#afterwards()
    return wantsMore ? { fetchOffset: mirror.nextUpstream, lastFetchedEpoch: mirror.leaderEpoch } : undefined
  }

  fetchFailed(failure: FetchFailure): void {
    this.#letGo()
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
    if (divergesAt !== undefined || errorCode === ErrorCode.OFFSET_OUT_OF_RANGE) return void this.#lookInto(divergesAt)
    if (errorCode === ErrorCode.TOPIC_AUTHORIZATION_FAILED)
      return void this.#stop(denied(`read ${this.source.topic} on the source`))
    this.#host.countError(`HEL_FETCH_${errorOf(errorCode).name}`)
    this.#fetchLater()
  }

  // ---- the source lost records

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
      const common = await this.#commonEnd(mirror, Math.min(divergesAt ?? end, end))
      if (!mirror.isFlowing || mirror.nextUpstream !== at) return
      if (common < at) {
        this.#partedAt = common
        return this.#recover(`the source's history parts from what was read at offset ${common}`)
      }
      if (first <= at) return this.#fetchLater() // it was out of range for a moment only
      const gap = await this.#write({ from: at, to: first, reason: 'retention' })
      if (gap.action === 'stop') return this.#stop(lossReason(gap))
      await this.#goOnAt(first)
    } catch (error) {
      this.#host.countError((error as HeliostatError).code)
      this.#fetchLater()
    }
  }

  /** Up to where the source still holds what was read; `end` is what it said of its own accord. */
  async #commonEnd({ epochs, nextUpstream }: PartitionMirror, end: number): Promise<number> {
    const ask = (leaderEpoch: number) => epochEnd(this.#host.source, this.source, leaderEpoch)
    try {
      return Math.min(end, await commonEnd(epochs, nextUpstream, ask))
    } catch (error) {
      if ((error as HeliostatError).retriable) throw error
      return Math.min(end, nextUpstream) // brokers before 2.1, or no right to ask
    }
  }

  /** The source topic is another one than before, or its history parted from ours: goes on where the flow's policy says. */
  async #followSource(): Promise<StopReason | 'followed' | undefined> {
    const progress = this.#progress!
    const { map, sourceEnd, nextUpstream: at } = this.#mirror!
    const found = this.#host.source.topics().get(this.source.topic)?.topicId ?? progress.sourceTopicId
    const partedAt = this.#partedAt
    if (found !== progress.sourceTopicId) {
      // What the old topic held beyond its end as it was seen last nobody can tell any more.
      const isUntouched = map.size === 0 && sourceEnd === at
      const gap = isUntouched
        ? undefined
        : await this.#write({ from: at, to: Math.max(at, sourceEnd ?? at), reason: 'recreated' })
      if (gap?.action === 'stop') return lossReason(gap)
      await this.#startOver({ ...progress, sourceTopicId: found }, EARLIEST)
    } else if (partedAt !== undefined && partedAt < at) {
      const gap = await this.#write({ from: partedAt, to: at, reason: 'truncation' })
      if (gap.action === 'stop') return lossReason(gap)
      const mapped = map.translate(partedAt)
      if (gap.action === 'restart' || mapped === undefined) {
        await this.#startOver(progress, gap.action === 'restart' ? EARLIEST : partedAt)
      } else {
        const epochs = this.#mirror!.epochs.filter(({ upstream }) => upstream < partedAt)
        await this.#join({ ...progress, epochs }, { end: map.nextDownstream, mapped, upstream: partedAt })
      }
    } else {
      this.#partedAt = undefined
      return undefined
    }
    this.#partedAt = undefined
    return 'followed'
  }

  /** The old map cannot go on: the copy begins anew, behind all that the target holds. */
  async #startOver(progress: PartitionProgress, start: number, sameLogLag = progress.joint?.lag ?? 0): Promise<void> {
    const { topic, partition } = this.source
    const { end } = await this.#host.tails.tail(this.remote)
    const upstream = start === EARLIEST ? await this.#host.sourceOffsets.find(this.source, EARLIEST) : start
    const old = this.#slot.state.chunkIndexes(topic, partition)
    const isSameLog = progress.targetTopicId === this.#progress!.targetTopicId
    const lag = isSameLog ? sameLogLag : 0
    await this.#record(
      {
        ...progress,
        start: { upstream, downstream: end },
        epochs: [],
        resumeAt: undefined,
        joint: lag === 0 ? undefined : { downstream: end, mapped: end, upstream, lag },
      },
      old.map((index) => chunkRecord(topic, partition, index, null)),
    )
    this.#mirror = this.#makeMirror()
  }

  /** The copy goes on at the target's end with another source offset than the map says; the map keeps what still holds. */
  async #join(
    progress: PartitionProgress,
    {
      end,
      mapped,
      upstream,
      lag = progress.joint?.lag ?? 0,
    }: Omit<Joint, 'downstream' | 'lag'> & { end: number; lag?: number },
  ): Promise<void> {
    const { topic, partition } = this.source
    const { map } = this.#mirror!
    map.resume(end, mapped)
    const changes = map.takeChanges()
    try {
      await this.#record({ ...progress, joint: { downstream: end, mapped, upstream, lag }, resumeAt: undefined }, [
        ...changes.chunks.map(({ index, bytes }) => chunkRecord(topic, partition, index, bytes)),
        ...changes.removed.map((index) => chunkRecord(topic, partition, index, null)),
      ])
    } catch (error) {
      map.restoreChanges(changes)
      throw error
    }
    this.#mirror = this.#makeMirror(map)
  }

  async #goOnAt(upstream: number): Promise<void> {
    await this.#record({ ...this.#progress!, resumeAt: upstream })
    this.#recover(`goes on at source offset ${upstream}`)
  }

  #write(loss: Loss): Promise<Gap> {
    const { platform, gapLedger, onDataLoss } = this.#host
    const { topic, partition } = this.source
    return gapLedger.write({ topic, partition, ...loss, seenAt: platform.clock.now(), action: onDataLoss })
  }

  // ---- the target lost records, or has others

  /** The target topic may be gone, or another one than the copy was written to. */
  async #findTargetTopic(): Promise<StopReason | undefined> {
    const { target, onDataLoss } = this.#host
    const progress = this.#progress!
    const { topic } = this.remote
    if (!target.topics().has(topic)) {
      if (!(await this.#isGone(topic)))
        throw new HeliostatError('HEL_NO_TOPIC', `${topic} cannot be seen on the target at the moment`, {
          retriable: true,
        })
      this.#suspect(`${topic} is not there`)
      if (onDataLoss === 'stop') return lossReason(await this.#writeTargetDeleted())
      this.#synced = await this.#host.syncTopic(this.source.topic)
    }
    const targetTopicId = target.topics().get(topic)?.topicId ?? this.#synced.targetTopicId
    if (targetTopicId === progress.targetTopicId) return undefined
    const gap = await this.#writeTargetDeleted()
    if (gap.action === 'stop') return lossReason(gap)
    await this.#startOver({ ...progress, targetTopicId }, gap.action === 'restart' ? EARLIEST : gap.to)
    return undefined
  }

  /** Asked for by its name: in a list of all topics those are missing, too, that we may not describe. */
  async #isGone(topic: string): Promise<boolean> {
    const { topics } = await this.#host.target.metadata([topic])
    return topics[0]?.errorCode === ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
  }

  #writeTargetDeleted(): Promise<Gap> {
    this.#mirror ??= this.#makeMirror()
    const { start } = this.#progress!
    const { map } = this.#mirror
    const downstream = { from: start.downstream, to: map.nextDownstream }
    return this.#write({ from: map.lowestUpstream, to: map.nextUpstream, reason: 'target-deleted', downstream })
  }

  /** Whether what ends the target's log was written by us, where it should be; if not, what follows from that. */
  async #mendTail(tail: Tail): Promise<StopReason | 'mended' | undefined> {
    const progress = this.#progress!
    const { start, joint } = progress
    const { map } = this.#mirror!
    const producer = this.#sequencer
    const acknowledged = map.nextDownstream
    const verdict = judgeTail(tail, { producer, start: start.downstream, joint, acknowledged })
    if (verdict === 'ours') {
      this.#suspicion = undefined
      return undefined
    }
    if (verdict !== 'foreign') this.#suspect(`${this.remote} ends at ${tail.end}, not at ${verdict.wentBackFrom}`)
    const survey = await this.#survey(tail)
    if (!survey) return foreign(`what stands at its end, below ${tail.end}, contradicts itself`)
    const at = map.nextUpstream
    const gaps: Gap[] = []
    const kept = survey.plannedEnd
    const isLost = kept < acknowledged
    const lostFrom = map.reverse(kept)
    if (isLost) {
      const downstream = { from: kept, to: acknowledged }
      gaps.push(
        await this.#write({ from: lostFrom ?? map.lowestUpstream, to: at, reason: 'target-truncated', downstream }),
      )
    }
    for (const downstream of survey.foreign.slice(0, FOREIGN_RANGES_MAX))
      gaps.push(await this.#write({ from: at, to: at, reason: 'foreign-write', downstream }))
    const stopped = gaps.find(({ action }) => action === 'stop')
    if (stopped) return lossReason(stopped)
    const isSkipped = isLost && gaps[0]!.action === 'skip'
    if (isLost && lostFrom === undefined) {
      await this.#startOver(progress, isSkipped ? at : map.lowestUpstream, survey.lag)
      return 'mended'
    }
    map.retreat(kept)
    map.displace(survey.displaced, kept)
    // What was planned for places that others came to hold is settled where it stands now.
    const contested = await this.#settleClaims(survey.mappedEnd)
    if (contested) return contested
    map.resume(tail.end, survey.mappedEnd)
    const upstream = isSkipped ? at : map.nextUpstream
    await this.#join(progress, { end: tail.end, mapped: survey.mappedEnd, upstream, lag: survey.lag })
    return 'mended'
  }

  // ---- in transactions

  /** It was mirrored without transactions so far: nothing of that may arrive after the first one. */
  async #awaitLateRequests(): Promise<void> {
    const { clock } = this.#host.platform
    await sleep(clock, Math.max(0, this.#doubtUntil - clock.monotonic()), this.#stopping.signal)
  }

  /** The map, which ends where the target ends, is written down as such; from here on it says all that there is. */
  async #becomeTransactional(): Promise<StopReason | undefined> {
    const { map } = this.#mirror!
    const { topic, partition } = this.source
    map.seal()
    const { chunks, removed } = map.takeChanges()
    await this.#record({ ...this.#progress!, isTransactional: true }, [
      ...chunks.map(({ index, bytes }) => chunkRecord(topic, partition, index, bytes)),
      ...removed.map((index) => chunkRecord(topic, partition, index, null)),
    ])
    this.#mirror = this.#makeMirror(map)
    return this.#tryToPosition()
  }

  /** Others may write beside transactions; what was committed can only be lost. */
  async #mendCommitted(targetEnd: number): Promise<StopReason | 'mended' | undefined> {
    const { map } = this.#mirror!
    const { wentBackTo } = this.#host
    const to = map.nextDownstream
    const seenEnd = Math.min(targetEnd, wentBackTo.get(this.remote) ?? targetEnd)
    const end = seenEnd < to ? seenEnd : await this.#endOfRecords(seenEnd)
    if (end >= to) {
      this.#suspicion = undefined
      return undefined
    }
    if (!wentBackTo.has(this.remote)) this.#suspect(`${this.remote} ends at ${end}, not at ${to}`)
    const from = map.reverse(end) ?? map.lowestUpstream
    const upstream = map.nextUpstream
    const gap = await this.#write({ from, to: upstream, reason: 'target-truncated', downstream: { from: end, to } })
    if (gap.action === 'stop') return lossReason(gap)
    await this.#startOver(this.#progress!, gap.action === 'skip' ? upstream : from)
    wentBackTo.delete(this.remote)
    return 'mended'
  }

  /** A marker where a record was committed is younger than the record: the log went back, and has grown since by what was aborted. */
  async #endOfRecords(end: number): Promise<number> {
    const { map } = this.#mirror!
    for (let ours = end; ; ) {
      const last = map.lastRecordBelow(Math.min(ours, map.nextDownstream))
      const batch = last === undefined ? undefined : await this.#host.tails.batchAt(this.remote, last)
      if (!batch?.isControl || batch.baseOffset > last!) return ours
      ours = batch.baseOffset
    }
  }

  get inFlight(): number {
    return this.#mirror?.inFlight ?? 0
  }

  admitted(): void {
    if (this.hasReady) this.#producer?.ready(this)
  }

  takeProgress(): ProgressRecord[] {
    const mirror = this.#mirror
    if (!mirror) return []
    const { topic, partition } = this.source
    const { changes, epochs } = mirror.takeCommit()
    const records = changes.chunks.map(({ index, bytes }) => chunkRecord(topic, partition, index, bytes))
    for (const index of changes.removed) records.push(chunkRecord(topic, partition, index, null))
    if (epochs) {
      this.#progress = { ...this.#progress!, epochs }
      records.push(partitionRecord(topic, partition, this.#progress))
    }
    return records
  }

  committed(): void {
    this.#mirror?.committed()
    this.#afterwards()
  }

  // ---- what it seems

  /** Returns when the same was seen for long enough; else it is looked at again. */
  #suspect(what: string): void {
    const now = this.#host.platform.clock.monotonic()
    if (this.#suspicion?.what !== what) this.#suspicion = { what, since: now }
    if (now - this.#suspicion.since < SURE_AFTER_MS)
      throw new HeliostatError('HEL_TARGET_CHANGED', `On the target ${what}`, { retriable: true })
  }

  /** Under whom this partition is, or was, written without transactions. */
  get #sequencer(): ProducerIdentity {
    return this.#slot.state.producer ?? this.#slot.producer
  }

  /** Reads who wrote what since the last place that is known to be ours. */
  async #survey({ end, batch: last }: Tail): Promise<TailSurvey | undefined> {
    const { target, tails } = this.#host
    const { start, joint } = this.#progress!
    const producer = this.#sequencer
    const lag = joint?.lag ?? 0
    const floor = Math.max(start.downstream, joint?.downstream ?? 0)
    if (end <= floor) return shorterThan(end, joint?.mapped ?? end, last, producer, lag)
    let from = Math.max(floor, await this.#host.targetOffsets.find(this.remote, EARLIEST))
    const acknowledged = this.#mirror!.map.nextDownstream
    if (acknowledged > from && acknowledged <= end) {
      const batch = await tails.batchAt(this.remote, acknowledged - 1)
      if (batch && isInPlace(batch, producer, lag)) from = acknowledged
    }
    for (let to = end; to - from > SURVEY_RECORDS; ) {
      const batch = await tails.batchAt(this.remote, Math.floor((from + to) / 2))
      if (!batch || isInPlace(batch, producer, lag)) from = batch ? batch.lastOffset + 1 : Math.ceil((from + to) / 2)
      else to = Math.max(from, batch.baseOffset)
    }
    const batches: BatchHeader[] = []
    for await (const batch of readLog(target, this.remote, { from, to: end })) batches.push(headerOf(batch))
    return surveyTail(batches, { from, end, producer, lag })
  }

  // ---- to the target

  get hasReady(): boolean {
    const { transaction } = this.#slot
    return (this.#mirror?.hasReady ?? false) && (transaction === undefined || transaction.admits(this))
  }

  take(): OutgoingBatch | undefined {
    this.#lastWriteAt = this.#host.platform.clock.monotonic()
    return this.hasReady ? this.#mirror?.take() : undefined
  }

  acknowledged(batch: OutgoingBatch, baseOffset: number): void {
    const { clock } = this.#host.platform
    this.#mirror!.acknowledged(batch, baseOffset)
    if (this.#slot.transaction && baseOffset < this.#mirror!.map.nextDownstream) this.#noteGoneBack(baseOffset)
    this.#backoff.reset()
    const now = clock.now()
    this.#host.latency.observe(now - batch.maxTimestamp)
    this.#replicationLatency.observe(now - batch.maxTimestamp, now)
    this.#noteLag(now)
    this.#afterwards()
    this.#slot.transaction?.landed()
  }

  /** The target has lost what was committed. What is appended there now, and aborted, would hide it from who looks at its end alone. */
  #noteGoneBack(end: number): void {
    const { wentBackTo } = this.#host
    wentBackTo.set(this.remote, Math.min(end, wentBackTo.get(this.remote) ?? end))
    const what = `${this.remote} appends at ${end}, and had ${this.#mirror!.map.nextDownstream}`
    this.#slot.transaction!.fail(new HeliostatError('HEL_TARGET_CHANGED', what, { retriable: true }))
  }

  refused(batch: OutgoingBatch, errorCode: number, message: string | null): void {
    const { name, message: meaning } = errorOf(errorCode)
    this.#host.countError(`HEL_PRODUCE_${name}`)
    const { transaction } = this.#slot
    if (transaction && this.#mirror!.isFlowing && !OF_THE_BATCH.has(errorCode))
      transaction.fail(
        new HeliostatError('HEL_TRANSACTION', `${this.remote}: ${name} (${message ?? meaning})`, {
          where: { topic: this.remote.topic, partition: this.remote.partition, errorCode },
        }),
      )
    this.#mirror!.refused(batch, errorCode, `the target answered ${name} (${message ?? meaning})`)
    if (this.#mirror!.state === 'stopped') this.#reportStop()
    this.#afterwards()
    transaction?.landed()
  }

  lost(batch: OutgoingBatch, error: HeliostatError): void {
    const { clock } = this.#host.platform
    this.#doubtUntil = clock.monotonic() + this.#host.settleMs
    this.#slot.transaction?.fail(error)
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
      if (mirror.hasReady) {
        if (this.#slot.transaction) this.#slot.transaction.enlist(this)
        else this.#producer?.ready(this)
      }
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
    if (!mirror || mirror.state === 'running' || this.#isRecreated) return
    const askedAt = this.#host.platform.clock.monotonic()
    const end = await this.#host.sourceOffsets.find(this.source, LATEST).catch(() => undefined)
    if (end === undefined || this.#mirror !== mirror || this.#mirror.state === 'running' || this.#isRecreated) return
    mirror.noteSourceEnd(end)
    this.#knownAt = askedAt
    this.#noteLag(this.#host.platform.clock.now())
  }

  /** While nothing is written nobody tells that the target lost what it had, or that somebody else writes there. */
  async lookAtTargetEnd(): Promise<void> {
    const mirror = this.#mirror
    const isAtRest = () =>
      this.#mirror === mirror && mirror?.state === 'running' && mirror.inFlight + mirror.queued === 0
    if (!mirror || !isAtRest()) return
    const isTransactional = this.#slot.transaction !== undefined
    const where = () => (isTransactional ? mirror.map.nextDownstream : mirror.nextDownstream)
    const expected = where()
    const end = await this.#host.targetOffsets.find(this.remote, LATEST).catch(() => expected)
    const isOdd = isTransactional ? end < expected : end !== expected
    if (isOdd && isAtRest() && where() === expected)
      this.#recover(`the target ends at ${end}, expected was ${expected}`)
  }

  /** What the source tells is about another topic than the one that was mirrored. */
  get #isRecreated(): boolean {
    const found = this.#host.source.topics().get(this.source.topic)
    return found !== undefined && found.topicId !== this.#progress?.sourceTopicId
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
      rpoMs: Math.max(lagRecords === 0 ? 0 : this.#age(nowMs), this.#unheardMs),
      records: mirror?.counters.records ?? 0,
      bytes: mirror?.counters.bytes ?? 0,
      fetchedBytes: this.#fetchedBytes,
      recordAge: this.#recordAge.seen(nowMs),
      replicationLatency: this.#replicationLatency.seen(nowMs),
      rewritten: { ...mirror?.counters.rewritten },
      runs: mirror?.map.size ?? 0,
      gaps: this.#host.gapLedger.of(this.source),
    }
  }

  /** When it was last known where the source ends: a broker that answers and says nothing of a partition has no news of it. */
  get #heardAt(): number {
    const heard = this.#leftOut ? undefined : this.#fetcher?.heard
    return heard && heard.sentAt >= this.#wantedAt ? Math.max(this.#knownAt, heard.at) : this.#knownAt
  }

  /** What came to the source since nobody here can know. */
  get #unheardMs(): number {
    return this.#host.platform.clock.monotonic() - this.#heardAt
  }

  /** Age of the oldest record that is not acknowledged: by its timestamp when it is here, else since we fell behind. */
  #age(nowMs: number): number {
    const timestamp = this.#mirror?.oldestUnacknowledged?.maxTimestamp
    const since = timestamp !== undefined && timestamp > 0 ? timestamp : (this.#behindSince ?? nowMs)
    return Math.max(0, nowMs - since)
  }
}
