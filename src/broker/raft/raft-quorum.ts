import { HeliostatError } from '../../platform/errors.ts'
import type { Platform } from '../../platform/platform.ts'
import { ErrorCode } from '../../protocol/errors.ts'
import { type Api, type RequestInput, type Response, ZERO_UUID } from '../../protocol/schema.ts'
import type { RecordBatch } from '../../records/record-batch.ts'
import { CLUSTER_METADATA } from '../coordinator/controller/topic-name.ts'
import type { PartitionLog } from '../log/partition-log.ts'
import type { Appended, AppendOptions } from '../partition.ts'
import { QuorumStateFile } from './election-state.ts'
import { FetchWaits } from './fetch-waits.ts'
import type { ReplicaProgress } from './leader-state.ts'
import {
  type FetchRequest,
  NOBODY,
  type OffsetAndEpoch,
  type RaftRequest,
  type RaftResponse,
  type SentRequest,
} from './message.ts'
import { MetadataLog } from './metadata-log.ts'
import { NodeAddresses } from './node-addresses.ts'
import type { LedLog, Predecessor, Quorum, QuorumDescription, QuorumNetwork } from './quorum.ts'
import { Raft } from './raft.ts'
import { RaftChannel } from './raft-channel.ts'
import type { RaftEffect, RaftEvent } from './raft-event.ts'
import type { RaftTimeouts } from './raft-replica.ts'
import { RaftTimers } from './raft-timers.ts'
import { SnapshotDownload } from './snapshot-download.ts'
import type { SnapshotStore } from './snapshot-store.ts'
import { bootstrapVoter, type VoterNode, type VoterSet } from './voter-set.ts'

export interface QuorumTimeouts extends RaftTimeouts {
  /** `controller.quorum.request.timeout.ms`. */
  readonly requestMs: number
}

export interface RaftQuorumOptions {
  readonly platform: Platform
  readonly nodeId: number
  /** Of this node's data. */
  readonly directoryId: string
  readonly clusterId: string
  /** Who votes until the log says it; the same for all nodes of the cluster. */
  readonly bootstrap: readonly number[]
  /** Absent: there are no others, until `meet`. */
  readonly network?: QuorumNetwork | undefined
  readonly timeouts: QuorumTimeouts
  readonly log: PartitionLog
  readonly snapshots: SnapshotStore
}

/** A leader that leaves waits so long for the others to have heard of it. */
const FAREWELL_MS = 500

/**
 * Drives one replica of the metadata log: its timers, its connections to the voters, its files.
 *
 * 1. Effects are carried out in the order in which they were decided, one after the other, even when one of them makes another event.
 * 2. When the disk fails, or an invariant, this node has no part any more until it starts anew: it could break what it promised.
 */
export class RaftQuorum implements Quorum {
  readonly nodeId: number
  readonly log: PartitionLog
  readonly snapshots: SnapshotStore
  readonly #options: RaftQuorumOptions
  readonly #platform: Platform
  readonly #raft: Raft
  readonly #metadataLog: MetadataLog
  readonly #stateFile: QuorumStateFile
  #network: QuorumNetwork | undefined
  #votersTold = -1
  readonly #addresses: NodeAddresses
  readonly #channel: RaftChannel
  readonly #timers: RaftTimers
  readonly #effects: RaftEffect[] = []
  readonly #waits: FetchWaits
  readonly #leaderListeners = new Set<() => void>()
  readonly #committedListeners = new Set<() => void>()
  readonly #hostListeners = new Set<() => void>()
  readonly #farewells = new Set<Promise<void>>()
  #download: SnapshotDownload | undefined
  #led: LedLog | undefined
  /** The leader that was followed last, and when it answered last. */
  #lastHeard: { readonly nodeId: number; readonly atMs: number } | undefined
  #told = { leaderId: NOBODY, leaderEpoch: -1, isCaughtUp: false, led: undefined as LedLog | undefined }
  #isCarryingOut = false
  #isOver = false
  #failure: Error | undefined

  constructor(options: RaftQuorumOptions) {
    const { platform, nodeId, directoryId, clusterId, bootstrap, network, timeouts, log, snapshots } = options
    this.#options = options
    this.#platform = platform
    this.#network = network
    this.nodeId = nodeId
    this.log = log
    this.snapshots = snapshots
    this.#waits = new FetchWaits(platform.clock)
    this.#timers = new RaftTimers(platform.clock, (timer) => void this.#happened({ type: 'timeout', timer }))
    this.#stateFile = new QuorumStateFile(platform.disk, log.directory)
    const metadataLog = new MetadataLog(log, snapshots, platform.clock, this.#bootstrapVoters())
    this.#metadataLog = metadataLog
    const isInLog = metadataLog.voters.latestOffset >= 0
    const electionState = this.#stateFile.read(isInLog ? undefined : bootstrap)
    // What a snapshot holds was committed; the checkpoint of the high watermark may be older.
    log.highWatermark = Math.max(log.highWatermark, snapshots.latestId?.offset ?? 0)
    this.#refuseStrange()
    const addresses = new NodeAddresses(
      () => this.#network,
      () => this.voters,
    )
    const security = () => this.#network?.security ?? {}
    this.#addresses = addresses
    this.#channel = new RaftChannel({ platform, nodeId, clusterId, addresses, security, timeouts })
    const position = this.voters.findIndex((voter) => voter.nodeId === nodeId)
    this.#raft = new Raft(
      {
        nodeId,
        directoryId,
        timeouts: { ...timeouts, firstElectionMs: Math.max(0, position) * timeouts.firstElectionMs },
        log: metadataLog,
        electionState,
        recordsVoters: network !== undefined,
        others: () => this.#network?.nodeIds() ?? [],
        localVoter: () => this.#localVoter,
      },
      log.highWatermark,
    )
  }

  /** Takes part from now on. A lone voter leads when this returns. */
  start(): void {
    this.#happened({ type: 'start' })
  }

  /** There are others from now on. */
  meet(network: QuorumNetwork): void {
    this.#network = network
    this.#metadataLog.voters.bootstrap(this.#bootstrapVoters())
    this.#happened({ type: 'record-voters' })
  }

  get voters(): VoterSet {
    return this.#metadataLog.voters.latest
  }

  votersBelow(offset: number): VoterSet | undefined {
    return this.#metadataLog.voters.below(offset)
  }

  /** Whether all know of the voters by a record. */
  get recordsVoters(): boolean {
    return this.#metadataLog.voters.latestOffset >= 0
  }

  get leaderId(): number {
    return this.#isOver ? NOBODY : this.#raft.leaderId
  }

  get leaderEpoch(): number {
    return this.#raft.epoch
  }

  get led(): LedLog | undefined {
    return this.#led
  }

  get predecessor(): Predecessor | undefined {
    if (!this.#lastHeard) return undefined
    const { nodeId, atMs } = this.#lastHeard
    return { nodeId, silentMs: this.#platform.clock.monotonic() - atMs }
  }

  get isCaughtUp(): boolean {
    return this.#led !== undefined || this.#raft.isCaughtUp
  }

  get failure(): Error | undefined {
    return this.#failure
  }

  onLeaderChange(listener: () => void): () => void {
    this.#leaderListeners.add(listener)
    return () => this.#leaderListeners.delete(listener)
  }

  onCommitted(listener: () => void): () => void {
    this.#committedListeners.add(listener)
    return () => this.#committedListeners.delete(listener)
  }

  describe(): QuorumDescription | undefined {
    const { leaderState, leaderId, epoch } = this.#raft
    if (!leaderState || this.#isOver) return undefined
    const { highWatermark } = leaderState
    const told = leaderState.describe(this.#platform.clock.now())
    // Where the log does not say who votes, directories do not matter.
    const directoryId = this.recordsVoters ? this.#options.directoryId : ZERO_UUID
    const named = (replicas: readonly ReplicaProgress[]) =>
      replicas.map((one) => (one.replicaId === leaderId ? { ...one, directoryId } : one))
    const replicas = { voters: named(told.voters), observers: named(told.observers) }
    return { leaderId, leaderEpoch: epoch, highWatermark, ...replicas }
  }

  async askLeader<A extends Api>(api: A, request: RequestInput<A>): Promise<Response<A>> {
    const { leaderId } = this
    if (leaderId === NOBODY) throw unreachable('no leader of the controllers is known')
    return this.#channel.askLeader(leaderId, api, request)
  }

  /** Whether this node leads and may append a record of voters: one at a time. */
  get mayChangeVoters(): boolean {
    return !this.#isOver && this.#raft.mayChangeVoters
  }

  /** Where `mayChangeVoters`. Resolves when it is committed; false: this node leads no more, and others say what became of it. */
  changeVoters(voters: VoterSet): Promise<boolean> {
    const { leaderEpoch } = this
    this.#platform.log.info('raft.voters', 'who votes for controllers changes', {
      voters: voters.map(({ nodeId }) => nodeId).join(','),
    })
    this.#happened({ type: 'change-voters', voters })
    const offset = this.#metadataLog.voters.latestOffset
    const isCommitted = () => this.log.highWatermark > offset && this.leaderEpoch === leaderEpoch
    const isLost = () => this.#isOver || this.leaderEpoch !== leaderEpoch || this.leaderId === NOBODY
    return new Promise((resolve) => {
      const look = () => {
        if (!isCommitted() && !isLost()) return
        for (const unhear of unhearing) unhear()
        resolve(isCommitted())
      }
      const unhearing = [this.onCommitted(look), this.onLeaderChange(look)]
      look()
    })
  }

  /** A voter's or a replica's request, by its own handler; a fetch only for what it says, not for records. */
  answer(request: RaftRequest): RaftResponse {
    if (this.#isOver) return { errorCode: ErrorCode.BROKER_NOT_AVAILABLE, leaderId: NOBODY, leaderEpoch: NOBODY }
    if (request.type === 'begin-quorum-epoch') this.#addresses.tell(request.leaderId, request.leaderEndpoint)
    const response = this.#happened({ type: 'request', request })
    if (!response) return { errorCode: ErrorCode.KAFKA_STORAGE_ERROR, leaderId: NOBODY, leaderEpoch: NOBODY }
    const { leaderId } = response
    return leaderId === NOBODY ? response : { ...response, leaderEndpoint: this.#addresses.of(leaderId)[0] }
  }

  /** Waits, as long as the replica says, for something that is news to it. */
  serveFetch(
    request: FetchRequest,
    limits: { maxWaitMs: number; maxBytes: number },
  ): RaftResponse | Promise<RaftResponse> {
    const attempt = (isLast: boolean) => {
      const response = this.#readFor(request, limits.maxBytes)
      return isLast || isNews(response, request) ? response : undefined
    }
    return attempt(limits.maxWaitMs <= 0) ?? this.#waits.until(limits.maxWaitMs, attempt)
  }

  /** Has no part any more, and tells nobody. */
  abandon(): void {
    this.#end()
  }

  async close(): Promise<void> {
    if (this.#isOver) return
    this.#happened({ type: 'resign' })
    if (this.#farewells.size > 0) await this.#within(FAREWELL_MS, Promise.all(this.#farewells))
    this.#end()
  }

  /** What came of it, for whoever asked. */
  #happened(event: RaftEvent): RaftResponse | undefined {
    if (this.#isOver) return undefined
    try {
      const effects = this.#raft.handle(event, this.#platform.clock.now())
      const reply = effects.find((effect) => effect.type === 'reply')
      this.#effects.push(...effects)
      this.#carryOut()
      return this.#isOver ? undefined : reply?.response
    } catch (error) {
      this.#fail(error as Error)
      return undefined
    }
  }

  /** Invariant 1. */
  #carryOut(): void {
    if (this.#isCarryingOut) return
    this.#isCarryingOut = true
    try {
      for (let effect = this.#effects.shift(); effect && !this.#isOver; effect = this.#effects.shift()) {
        this.#carryOutOne(effect)
      }
    } finally {
      this.#isCarryingOut = false
    }
    this.#tellLeader()
  }

  #carryOutOne(effect: RaftEffect): void {
    switch (effect.type) {
      case 'persist':
        this.#stateFile.write(effect.state)
        return
      case 'send':
        this.#send(effect.to, effect.request)
        return
      case 'set-timer':
        this.#timers.set(effect.timer, effect.ms + Math.floor(this.#platform.random.fraction() * effect.jitterMs))
        return
      case 'cancel-timer':
        this.#timers.cancel(effect.timer)
        return
      case 'high-watermark':
        this.#committed(effect.offset)
        return
      case 'leader':
        this.#waits.wake()
        return
      case 'fetch-snapshot':
        this.#fetchSnapshot(effect)
        return
      case 'reply':
        return
    }
  }

  #committed(offset: number): void {
    this.log.highWatermark = offset
    this.#tellVoters()
    for (const listener of [...this.#committedListeners, ...this.#hostListeners]) listener()
    this.#waits.wake()
  }

  #tellVoters(): void {
    const { latest, latestOffset } = this.#metadataLog.voters
    if (latestOffset <= this.#votersTold || latestOffset >= this.log.highWatermark) return
    this.#votersTold = latestOffset
    this.#network?.onVoters?.(latest, latestOffset)
  }

  /** Once per change, when all that belongs to it has been done. */
  #tellLeader(): void {
    const { leaderState, epoch } = this.#raft
    const isActive = leaderState !== undefined && leaderState.highWatermark >= 0 && !this.#isOver
    // The next time that this node leads it comes after somebody else.
    if (!isActive && this.#led) this.#lastHeard = undefined
    if (!isActive) this.#led = undefined
    else if (this.#led?.leaderEpoch !== epoch) this.#led = this.#lead(epoch)
    const { leaderId, leaderEpoch, isCaughtUp, led } = this
    const before = this.#told
    const isSame = leaderId === before.leaderId && leaderEpoch === before.leaderEpoch
    if (!this.#isOver && isSame && isCaughtUp === before.isCaughtUp && led === before.led) return
    this.#told = { leaderId, leaderEpoch, isCaughtUp, led }
    const fields = { leaderId, leaderEpoch, isActive }
    if (!isSame) this.#platform.log.info('raft.leader', 'who leads the controllers has changed', fields)
    for (const listener of [...this.#leaderListeners]) listener()
  }

  #lead(leaderEpoch: number): LedLog {
    const isLeading = () => this.#raft.leaderState !== undefined && this.#raft.epoch === leaderEpoch && !this.#isOver
    const led: LedLog = {
      topic: CLUSTER_METADATA,
      partitionId: 0,
      leaderEpoch,
      tenure: leaderEpoch,
      log: this.log,
      get isLeader() {
        return isLeading()
      },
      append: (batches, origin, options = {}) => this.#append(led, batches, origin, options),
      onHighWatermark: (listener) => {
        this.#hostListeners.add(listener)
        return () => this.#hostListeners.delete(listener)
      },
    }
    return led
  }

  #append(led: LedLog, batches: readonly RecordBatch[], origin: 'coordinator', options: AppendOptions): Appended {
    // The state of the quorum may be ahead of whoever is hosted here, who hears of it in a moment.
    if (!led.isLeader) {
      const errorMessage = `this node leads epoch ${led.leaderEpoch} of the metadata no more`
      return { errorCode: ErrorCode.NOT_LEADER_OR_FOLLOWER, errorMessage, recordErrors: [] }
    }
    const result = this.log.append(batches, { leaderEpoch: led.leaderEpoch, origin, claims: options.claims })
    if (!('baseOffset' in result)) {
      const { error: errorCode, message: errorMessage } = result
      if (this.log.failure) this.#fail(this.log.failure)
      return { errorCode, errorMessage, recordErrors: [] }
    }
    options.beforeVisible?.()
    this.#happened({ type: 'appended' })
    this.#waits.wake()
    const { baseOffset, lastOffset, logAppendTime: logAppendTimeMs, logStartOffset } = result
    return { errorCode: ErrorCode.NONE, baseOffset, nextOffset: lastOffset + 1, logAppendTimeMs, logStartOffset }
  }

  #readFor(request: FetchRequest, maxBytes: number): RaftResponse {
    const response = this.answer(request)
    const { fetched } = response
    if (!fetched || fetched.diverging || fetched.snapshotId) return response
    const read = this.log.read(request.fetchOffset, maxBytes, { isolation: 'log_end', minOneMessage: true })
    if (!('batches' in read)) return { ...response, errorCode: read.error, fetched: undefined }
    return { ...response, fetched: { ...fetched, records: Buffer.concat(read.batches) } }
  }

  #send(to: number, request: SentRequest): void {
    const answered = this.#channel.ask(to, request).then(
      (response) => {
        const { NONE } = ErrorCode
        this.#addresses.tell(response.leaderId, response.leaderEndpoint)
        if (request.type === 'fetch' && response.errorCode === NONE && to === this.leaderId) this.#heard(to)
        this.#happened({ type: 'response', from: to, request, response })
      },
      (error) => {
        this.#platform.log.debug('raft.undelivered', `${request.type} was not answered`, { to, error: String(error) })
        this.#happened({ type: 'undelivered', to, request })
      },
    )
    if (request.type !== 'end-quorum-epoch') return
    this.#farewells.add(answered)
    void answered.finally(() => this.#farewells.delete(answered))
  }

  #heard(nodeId: number): void {
    this.#lastHeard = { nodeId, atMs: this.#platform.clock.monotonic() }
  }

  #fetchSnapshot({ from, snapshotId }: Extract<RaftEffect, { type: 'fetch-snapshot' }>): void {
    const { clusterId } = this.#options
    const { epoch } = this.#raft
    const isWanted = () => !this.#isOver && this.#raft.epoch === epoch && this.#raft.state === 'follower'
    this.#download?.abandon()
    const download = new SnapshotDownload({
      peer: () => this.#channel.peer(from),
      clusterId,
      replicaId: this.nodeId,
      leaderEpoch: epoch,
      snapshotId,
      store: this.snapshots,
      onProgress: () => this.#happened({ type: 'snapshot-progress', leaderEpoch: epoch }),
    })
    this.#download = download
    download.run().then(
      () => {
        if (isWanted()) this.#startAt(snapshotId)
      },
      (error) => {
        this.#platform.log.warn('raft.snapshot-failed', 'a snapshot could not be fetched', {
          from,
          error: String(error),
        })
        const again = () => this.#happened({ type: 'snapshot-ended' })
        if (isWanted()) this.#platform.clock.setTimer(this.#options.timeouts.fetchMs / 2, again)
      },
    )
  }

  /** The snapshot takes the place of the log. */
  #startAt(snapshotId: OffsetAndEpoch): void {
    try {
      this.#metadataLog.startAt(snapshotId)
    } catch (error) {
      this.#fail(error as Error)
      return
    }
    this.#happened({ type: 'snapshot-ended' })
  }

  #bootstrapVoters(): VoterSet {
    const { nodeId, directoryId, bootstrap } = this.#options
    const network = this.#network
    return bootstrap.map((id) => {
      const known = network?.nodeOf(id) ?? network?.configuredNode?.(id) ?? bootstrapVoter(id)
      return id === nodeId ? { ...known, directoryId } : known
    })
  }

  get #localVoter(): VoterNode | undefined {
    const { nodeId, directoryId } = this.#options
    const known = this.#network?.nodeOf(nodeId)
    return known && { ...known, directoryId }
  }

  /** Without those who decide, this node could wait for ever. */
  #refuseStrange(): void {
    const { nodeId, log } = this
    const { voters } = this.#metadataLog
    const { end } = this.#metadataLog
    const refused = (why: string) => {
      return new HeliostatError('HEL_DATA', `${log.directory} ${why}`, { where: { path: log.directory } })
    }
    if (voters.latestOffset < 0 && voters.latest.length > 1 && end.offset > 0 && end.epoch === 0) {
      throw refused('is of a cluster whose only voter was one broker; start it with that voter')
    }
    const others = voters.latest.map((voter) => voter.nodeId).filter((id) => id !== nodeId)
    if (this.#network || others.length === 0) return
    throw refused(`is of a quorum with the voters ${others.join(', ')}; the cluster must be started with them`)
  }

  #within(ms: number, promise: Promise<unknown>): Promise<void> {
    return new Promise((resolve) => {
      const timer = this.#platform.clock.setTimer(ms, resolve)
      void promise.finally(() => {
        timer.cancel()
        resolve()
      })
    })
  }

  /** Invariant 2. */
  #fail(error: Error): void {
    if (this.#isOver) return
    const detail = error.stack ?? error.message
    this.#platform.log.error('raft.failed', 'this node has no part in the quorum any more', { error: detail })
    this.#failure = error
    this.#end()
  }

  #end(): void {
    this.#isOver = true
    this.#effects.length = 0
    this.#timers.close()
    this.#download?.abandon()
    this.#channel.close()
    this.#waits.close()
    this.#tellLeader()
  }
}

function unreachable(message: string): HeliostatError {
  return new HeliostatError('HEL_UNREACHABLE', message, { retriable: true })
}

/** Whether a fetch need not wait: there is an error, or something that its replica does not know. */
function isNews({ fetched }: RaftResponse, request: FetchRequest): boolean {
  if (!fetched || fetched.diverging || fetched.snapshotId) return true
  return fetched.records.length > 0 || fetched.highWatermark > request.highWatermark
}
