// One source partition while it is mirrored here: what moves it from state to state. It has its position found, is bound to the fetcher
// of its source leader and the producer of its target leader, has its plans made durable, and doubts its position whenever there is
// reason to. What is decided on the way is decided by the neighbours in this folder, each a noun of its own.
//
// Invariants:
// 1. Batches go to the producer that was bound when the position was read; a moved leader means doubt, and a new position.
// 2. A position is read only when nothing of ours is in flight, and is handed to the fetcher only afterwards.
// 3. Whatever happens here touches this partition alone.
import { LATEST } from '../../client/offset-lookup.ts'
import type { TopicPartition } from '../../client/topic-partition.ts'
import type { OffsetMap } from '../../offset-translation/offset-map.ts'
import { HeliostatError } from '../../platform/errors.ts'
import type { Timer } from '../../platform/platform.ts'
import { ErrorCode, errorOf } from '../../protocol/errors.ts'
import type { BatchQueue } from '../../sink/producer.ts'
import type { Fetched, FetchFailure, FetchPosition } from '../../source/fetcher.ts'
import type { OwnedPartition } from '../plane.ts'
import type { ProgressRecord } from '../progress-record.ts'
import type { ProgressLog } from '../slot-log.ts'
import type { Moved, PartitionStatus } from '../status.ts'
import { corrupt, denied, isOfTheBatch, missing, type StopReason, unpositioned } from '../stop-reason.ts'
import type { SyncedTopic } from '../topic-sync.ts'
import type { TransactionMember } from '../transactional-slot.ts'
import { CommittedLog } from './committed-log.ts'
import { Doubt } from './doubt.ts'
import type { OutgoingBatch } from './outbox.ts'
import { PartitionCopy } from './partition-copy.ts'
import { PartitionFigures } from './partition-figures.ts'
import type { PartitionHost } from './partition-host.ts'
import { Patience } from './patience.ts'
import { Position } from './position.ts'
import { SourceHistory } from './source-history.ts'
import { SourceReading } from './source-reading.ts'
import { Standing } from './standing.ts'
import { TargetWriting } from './target-writing.ts'

export class MirroredPartition implements BatchQueue<OutgoingBatch>, OwnedPartition, TransactionMember {
  readonly source: TopicPartition
  readonly remote: TopicPartition
  readonly #host: PartitionHost
  readonly #slot: ProgressLog
  readonly #copy: PartitionCopy
  readonly #position: Position
  readonly #doubt: Doubt
  readonly #history: SourceHistory
  readonly #committedLog: CommittedLog
  readonly #reading: SourceReading
  readonly #writing: TargetWriting
  readonly #patience: Patience
  readonly #standing = new Standing()
  readonly #figures = new PartitionFigures()
  readonly #stopping = new AbortController()
  /** Made once, since it is handed over with every batch. */
  readonly #afterPlans = () => this.#afterwards()
  /** As well: there are thousands that are asked for again and again. */
  readonly #targetEndTold = (end: number | undefined) => this.#targetEndIs(end)
  #hasSourceEndGoneBack = false
  /** Where the target should end, while it is asked for that. */
  #expectedEnd: number | undefined
  #isPaused = false
  #isPositioning = false
  #lookAgain: Timer | undefined
  /** The source offset of which it was told that readers are held there. */
  #toldHeldAt: number | undefined

  constructor(
    host: PartitionHost,
    slot: ProgressLog,
    synced: SyncedTopic,
    partition: number,
    options: { inDoubt: boolean },
  ) {
    const { platform, settleMs } = host
    this.#host = host
    this.#slot = slot
    this.#copy = new PartitionCopy(host, slot, synced, partition)
    this.source = this.#copy.source
    this.remote = this.#copy.remote
    this.#doubt = new Doubt(platform.clock, settleMs, { isOpen: options.inDoubt })
    this.#history = new SourceHistory(host, this.#copy)
    this.#committedLog = new CommittedLog(host, this.#copy)
    this.#position = new Position(host, slot, {
      copy: this.#copy,
      doubt: this.#doubt,
      standing: this.#standing,
      history: this.#history,
      committedLog: this.#committedLog,
    })
    this.#reading = new SourceReading(host, this.source)
    this.#writing = new TargetWriting(host, this.remote, this)
    this.#patience = new Patience(platform)
  }

  // ---- life

  start(options: { paused: boolean }): void {
    this.#isPaused = options.paused
    void this.#findPosition()
  }

  /** Takes nothing new; resolves by itself when what is queued has been acknowledged. */
  stopFetching(): void {
    this.#isPaused = true
    this.#reading.end()
  }

  /** Nothing is left to be sent or to be answered, also of what was sent before it was paused or doubted. */
  get isDrained(): boolean {
    const { mirror } = this.#copy
    return !mirror || mirror.inFlight + mirror.queued === 0
  }

  /** Whether a request of unknown fate may still arrive at the target. Those of transactions are fenced by the next owner. */
  get mayArriveLate(): boolean {
    return this.#slot.transaction === undefined && this.#doubt.isOpen
  }

  /** Nothing is heard of it any more. */
  close(): void {
    this.#stopping.abort()
    this.#lookAgain?.cancel()
    this.#reading.end()
    this.#writing.end()
    this.#slot.transaction?.forget(this)
    this.#copy.mirror?.pause()
  }

  /** The slot has another owner: nothing more is sent. */
  slotLost(): void {
    this.close()
  }

  pause(): void {
    this.#isPaused = true
    this.#reading.end()
    this.#copy.mirror?.pause()
  }

  unpause(): void {
    if (!this.#isPaused) return
    this.#isPaused = false
    this.#recover('goes on after a pause')
  }

  /** The flow has new metadata of both clusters. */
  refreshed(synced: SyncedTopic | undefined): void {
    const { mirror } = this.#copy
    const { source, target, platform } = this.#host
    const { topic } = this.source
    if (synced) this.#copy.resynced(synced)
    this.#tellHeld()
    const found = source.topics().get(topic)
    if (!found) this.#reading.noteKnown(platform.clock.monotonic()) // where there is no topic there is nothing to lose
    if (found && mirror?.stopReason?.code === 'topic-missing') this.#recover('its source topic is there again')
    if (!mirror?.isFlowing) return
    if (!found) return void this.#stop(missing(topic, this.#copy.unmirrored))
    if (this.#history.isRecreated) return void this.#recover('looks at a source topic that was recreated')
    const remote = target.topics().get(this.remote.topic)
    if (!remote || remote.topicId !== this.#copy.progress.targetTopicId)
      return void this.#recover(`looks at a target topic that ${remote ? 'was recreated' : 'is not to be seen'}`)
    if (this.#writing.hasNewLeader) return void this.#recover('its target partition has a new leader')
    if (this.#reading.hasMoved) this.#fetch()
  }

  // ---- position

  /** Doubts the position: it is found anew when nothing is in flight any more. */
  #recover(trouble: string): void {
    if (this.#stopping.signal.aborted) return
    const { mirror } = this.#copy
    const { transaction } = this.#slot
    if (mirror?.hasUncommitted && transaction) {
      transaction.fail(new HeliostatError('HEL_TRANSACTION', `${this.remote}: ${trouble}`))
      return
    }
    mirror?.recover(trouble)
    this.#standing.recovers(trouble)
    this.#reading.end()
    if (mirror) this.#afterwards()
    else void this.#findPosition()
  }

  /** Again and again until it is found; then lets the partition flow. */
  async #findPosition(): Promise<void> {
    if (this.#isPositioning) return
    this.#isPositioning = true
    const { signal } = this.#stopping
    while (!signal.aborted && !this.#isPaused) {
      try {
        const stop = await this.#position.find(signal)
        if (signal.aborted || this.#isPaused) break
        if (stop) this.#stop(stop)
        else this.#flow()
        this.#isPositioning = false
        this.#patience.succeeded()
        return this.#afterwards()
      } catch (error) {
        if (!(await this.#waitAfter(error as Error))) break
      }
    }
    this.#isPositioning = false
    if (this.#isPaused) this.#copy.mirror?.pause()
  }

  /** False when it is of no use to try again. */
  async #waitAfter(error: Error): Promise<boolean> {
    const { signal } = this.#stopping
    if (signal.aborted) return false
    const known = error instanceof HeliostatError ? error : undefined
    this.#host.countError(known?.code ?? 'HEL_UNEXPECTED')
    this.#standing.recovers(error.message)
    if (!known?.retriable) {
      this.#stop(unpositioned(error))
      return false
    }
    await this.#patience.pause(signal)
    if (this.#patience.failed()) await this.#refreshBoth()
    return true
  }

  #findPositionSoon(): void {
    this.#isPositioning = true
    // The leader may have moved, so both are worth a look; and a target that keeps refusing is not asked in a tight loop.
    this.#patience
      .pause(this.#stopping.signal)
      .then(() => this.#refreshBoth())
      .then(() => {
        this.#isPositioning = false
        if (this.#copy.mirror?.isReadyToResume) void this.#findPosition()
      })
  }

  #refreshBoth(): Promise<unknown> {
    return Promise.allSettled([this.#host.source.refresh(), this.#host.target.refresh()])
  }

  #flow(): void {
    const { transaction } = this.#slot
    const seenUnder = transaction && this.#copy.wholeUnder
    if (this.#writing.bind(transaction?.transactionalId, seenUnder)) this.#fetch()
    else this.#recover('its target partition has no leader')
  }

  /** Whatever was just told to the mirror: does what follows from its state. */
  #afterwards(): void {
    const { mirror } = this.#copy
    if (!mirror || this.#stopping.signal.aborted) return
    if (mirror.isFlowing) {
      if (this.#isPositioning) return // its position is not all known, and it may still be replaced
      this.#copy.writePlans(this.#afterPlans)
      if (mirror.hasReady) {
        if (this.#slot.transaction) this.#slot.transaction.enlist(this)
        else this.#writing.ready()
      }
      if (this.#reading.isLeftOut && mirror.hasRoom) this.#fetch()
      return
    }
    if (this.#reading.isUnderWay) this.#reading.end()
    if (mirror.stopReason && !this.#standing.isStopped) this.#reportStop(mirror.stopReason)
    if (mirror.isReadyToResume && !this.#isPositioning) this.#findPositionSoon()
  }

  #stop(reason: StopReason): void {
    this.#copy.mirror?.stop(reason)
    this.#reading.end()
    this.#reportStop(reason)
  }

  #reportStop({ code, message, mayPass }: StopReason): void {
    const { topic, partition } = this.source
    this.#standing.stops(message)
    this.#host.countError(`HEL_STOPPED_${code}`)
    this.#host.platform.log.error('mirror.partition-stopped', message, { topic, partition, code })
    if (!mayPass) return
    if (code === 'record-too-large') this.#position.doubtLimit()
    this.#lookAgainAfter(this.#host.lookAgainMs, () => {
      this.#patience.reset()
      if (this.#copy.mirror) this.#recover(message)
      else void this.#findPosition()
    })
  }

  #lookAgainAfter(ms: number, look: () => void): void {
    if (this.#stopping.signal.aborted) return
    this.#lookAgain?.cancel()
    this.#lookAgain = this.#host.platform.clock.setTimer(ms, look)
  }

  // ---- from the source

  #fetch(): void {
    const { mirror } = this.#copy
    if (!mirror?.hasRoom || this.#isPaused) return
    if (!this.#reading.begin(mirror, this.#copy.progress.sourceTopicId)) this.#fetchLater()
  }

  #fetchLater(): void {
    this.#reading.end()
    this.#lookAgainAfter(this.#patience.nextMs(), () => {
      this.#host.source.refresh().then(
        () => this.#fetch(),
        (error: HeliostatError) => {
          this.#host.countError(error.code)
          this.#fetchLater()
        },
      )
    })
  }

  /** The leader says that this replica stands nearer to us. */
  preferred(nodeId: number): void {
    this.#reading.preferred(nodeId)
    if (this.#copy.mirror?.isFlowing && !this.#isPositioning) this.#fetch()
  }

  sourceUnreachable(nodeId: number): void {
    if (!this.#reading.leaveNearer(nodeId)) return
    if (this.#copy.mirror?.isFlowing && !this.#isPositioning) this.#fetch()
  }

  fetched(fetched: Fetched): FetchPosition | undefined {
    const { mirror } = this.#copy
    const { hooks, platform } = this.#host
    const { batches } = fetched
    hooks.reached?.('fetch-answered')
    if (!mirror?.isFlowing) return undefined
    this.#reading.noteKnown()
    if (!this.#doubt.isOpen) mirror.doubtPassed()
    const isIdle = mirror.inFlight + mirror.queued === 0
    if (!this.#slot.transaction && batches.length > 0 && isIdle && this.#writing.isLongAgo) {
      this.#recover('reads the target again after an idle time')
      return undefined
    }
    this.#figures.fetched(batches, platform.clock.now())
    const wantsMore = mirror.accept(fetched)
    if (batches.length > 0) hooks.reached?.('batches-accepted')
    this.#figures.noteLag(mirror, platform.clock.now())
    this.#reading.brought({ isEnough: !wantsMore })
    this.#afterwards()
    return wantsMore ? { fetchOffset: mirror.nextUpstream, lastFetchedEpoch: mirror.leaderEpoch } : undefined
  }

  fetchFailed({ errorCode, divergesAt, corrupt: damage }: FetchFailure): void {
    this.#reading.dropped()
    const { mirror } = this.#copy
    if (!mirror?.isFlowing) return
    // A follower may be behind; what is true of the log its leader says.
    if (this.#reading.leaveNearer()) return void this.#fetchLater()
    if (damage !== undefined) return void this.#stop(corrupt(mirror.nextUpstream, damage))
    if (divergesAt !== undefined || errorCode === ErrorCode.OFFSET_OUT_OF_RANGE) return void this.#lookInto(divergesAt)
    if (errorCode === ErrorCode.TOPIC_AUTHORIZATION_FAILED)
      return void this.#stop(denied(`read ${this.source.topic} on the source`))
    this.#host.countError(`HEL_FETCH_${errorOf(errorCode).name}`)
    this.#fetchLater()
  }

  /** The source cannot answer where we are. */
  async #lookInto(divergesAt: number | undefined): Promise<void> {
    try {
      const found = await this.#history.lookInto(this.#copy.ensureMirror(), divergesAt)
      if (found.do === 'recover') this.#recover(found.trouble)
      else if (found.do === 'stop') this.#stop(found.reason)
      else if (found.do === 'fetch-later') this.#fetchLater()
    } catch (error) {
      this.#host.countError((error as HeliostatError).code)
      this.#fetchLater()
    }
  }

  /**
   * While nothing is fetched nobody tells where the source ends, and what piles up there would not be seen. A source that
   * cannot be asked keeps its last known end, and the clock of what is missing runs on.
   */
  lookAtSourceEnd(): void {
    const { clock } = this.#host.platform
    const { mirror } = this.#copy
    const isUntold = () => this.#copy.mirror === mirror && mirror?.state !== 'running' && !this.#history.isRecreated
    if (!mirror || !isUntold()) return
    const askedAt = clock.monotonic()
    this.#host.sourceOffsets.tell(this.source, LATEST, (end) => {
      if (end === undefined || !isUntold()) return
      // A topic may have been made anew since the metadata came, and its end is not the old one's: seen again after the next, it is.
      const isBack = end < (mirror.sourceEnd ?? 0)
      const isNews = isBack && !this.#hasSourceEndGoneBack
      this.#hasSourceEndGoneBack = isNews
      if (isNews) return
      mirror.noteSourceEnd(end)
      this.#reading.noteKnown(askedAt)
      this.#figures.noteLag(mirror, clock.now())
    })
  }

  // ---- to the target

  get hasReady(): boolean {
    const { transaction } = this.#slot
    return (this.#copy.mirror?.hasReady ?? false) && (transaction === undefined || transaction.admits(this))
  }

  take(): OutgoingBatch | undefined {
    this.#writing.wroteNow()
    return this.hasReady ? this.#copy.mirror?.take() : undefined
  }

  acknowledged(batch: OutgoingBatch, baseOffset: number): void {
    const mirror = this.#copy.mirror!
    const { transaction } = this.#slot
    mirror.acknowledged(batch, baseOffset)
    const wentBack = transaction && this.#committedLog.appendedAt(baseOffset)
    if (wentBack) transaction.fail(wentBack)
    this.#patience.reset()
    const now = this.#host.platform.clock.now()
    const latencyMs = now - batch.maxTimestamp
    this.#host.latency.observe(latencyMs)
    this.#figures.acknowledged(latencyMs, now)
    this.#figures.noteLag(mirror, now)
    this.#afterwards()
    transaction?.landed()
  }

  refused(batch: OutgoingBatch, errorCode: number, message: string | null): void {
    const mirror = this.#copy.mirror!
    const { transaction } = this.#slot
    const { name, message: meaning } = errorOf(errorCode)
    const why = `${name} (${message ?? meaning})`
    this.#host.countError(`HEL_PRODUCE_${name}`)
    if (transaction && mirror.isFlowing && !isOfTheBatch(errorCode)) {
      const { topic, partition } = this.remote
      const where = { topic, partition, errorCode }
      transaction.fail(new HeliostatError('HEL_TRANSACTION', `${this.remote}: ${why}`, { where }))
    }
    mirror.refused(batch, errorCode, `the target answered ${why}`)
    this.#afterwards()
    transaction?.landed()
  }

  lost(batch: OutgoingBatch, error: HeliostatError): void {
    this.#doubt.reopen()
    this.#slot.transaction?.fail(error)
    this.#copy.mirror!.lost(batch, error.message)
    this.#afterwards()
  }

  /** The broker that our batches go to cannot be reached: perhaps it leads no more. */
  targetUnreachable(nodeId: number, error: HeliostatError): void {
    const { mirror } = this.#copy
    if (this.#writing.goesTo(nodeId) && mirror?.isFlowing && mirror.queued > 0) this.#recover(error.message)
  }

  /** While nothing is written nobody tells that the target lost what it had, or that somebody else writes there. */
  lookAtTargetEnd(): void {
    if (this.#expectedEnd !== undefined) return // it is asked for
    this.#expectedEnd = this.#restsAt
    if (this.#expectedEnd !== undefined) this.#host.targetOffsets.tell(this.remote, LATEST, this.#targetEndTold)
  }

  /** Where the target should end while nothing is written; undefined while something is. */
  get #restsAt(): number | undefined {
    const { mirror } = this.#copy
    if (mirror?.state !== 'running' || mirror.inFlight + mirror.queued > 0) return undefined
    return this.#slot.transaction ? mirror.map.nextDownstream : mirror.nextDownstream
  }

  #targetEndIs(end: number | undefined): void {
    const expected = this.#expectedEnd!
    this.#expectedEnd = undefined
    if (end === undefined || this.#restsAt !== expected) return
    const isOdd = this.#slot.transaction ? end < expected : end !== expected
    if (isOdd) this.#recover(`the target ends at ${end}, expected was ${expected}`)
  }

  // ---- in transactions

  get inFlight(): number {
    return this.#copy.mirror?.inFlight ?? 0
  }

  admitted(): void {
    if (this.hasReady) this.#writing.ready()
  }

  takeProgress(): ProgressRecord[] {
    return this.#copy.takeCommit()
  }

  committed(): void {
    this.#copy.mirror?.committed()
    this.#afterwards()
  }

  // ---- what it tells

  /** Once translation answers: the position is known, and what the map says stands on the target. */
  get map(): OffsetMap | undefined {
    const { mirror } = this.#copy
    return mirror?.state === 'starting' ? undefined : mirror?.map
  }

  async prune(upstreamLogStart: number, downstreamLogStart: number): Promise<number> {
    return this.map?.prune(upstreamLogStart, downstreamLogStart) ?? 0
  }

  get moved(): Moved | undefined {
    return this.#copy.mirror?.counters
  }

  /** Nothing is wrong here, and nothing comes: who does not look at the source would not know why. */
  get #whyHeld(): string | undefined {
    const heldMs = this.#figures.heldMs(this.#host.platform.clock.now())
    const { mirror } = this.#copy
    if (!mirror?.isFlowing || heldMs <= this.#host.lookAgainMs) return undefined
    return `A transaction has been open at the source since offset ${mirror.sourceEnd}, for ${Math.round(heldMs / 1_000)} s: what stands from there on waits for its end, ${mirror.heldBack} offsets so far. kafka-transactions find-hanging tells whose it is.`
  }

  #tellHeld(): void {
    const why = this.#whyHeld
    const at = why === undefined ? undefined : this.#copy.mirror?.sourceEnd
    if (why !== undefined && at !== this.#toldHeldAt) {
      const { topic, partition } = this.source
      this.#host.platform.log.warn('mirror.partition-held', why, { topic, partition })
    }
    this.#toldHeldAt = at
  }

  status(nowMs: number): PartitionStatus {
    const { mirror } = this.#copy
    const { state, reason = this.#whyHeld } = this.#standing.beside(mirror, { isPaused: this.#isPaused })
    return {
      partition: this.source.partition,
      ...{ state, reason },
      ...this.#figures.of(mirror, nowMs, this.#reading.unheardMs),
      gaps: this.#host.gapLedger.of(this.source),
    }
  }
}
