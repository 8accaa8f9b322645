// Brings the positions of the source's groups over: translated exactly, told to the world as MirrorMaker's checkpoints, and
// written to the same group on the target as long as nobody uses it there. `sync` is a pass over all groups; `syncNews` one over those
// of which commits were heard since, or that were ahead of the mirror. The facts are gathered here and judged in
// `group-sync-rules.ts`. Instances that share a flow each see to the partitions they mirror.
import type { ClusterClient } from '../client/cluster-client.ts'
import { EARLIEST, LATEST, OffsetLookup } from '../client/offset-lookup.ts'
import { TopicPartition } from '../client/topic-partition.ts'
import type { Platform } from '../platform/platform.ts'
import { ErrorCode, errorOf } from '../protocol/errors.ts'
import { type Checkpoint, encodeCheckpoint } from './checkpoint.ts'
import type { GroupCommit } from './group-commit.ts'
import {
  commitPositions,
  fetchPositions,
  type GroupListing,
  type GroupPosition,
  type ListedGroup,
  listAllGroups,
} from './group-offsets.ts'
import {
  decideCommit,
  isNewsWorthy,
  type LogRange,
  type TargetGroup,
  translatePosition,
  untouchable,
} from './group-sync-rules.ts'
import type { InternalTopic } from './internal-topic.ts'
import type { OffsetMap } from './offset-map.ts'
import { RecentTimes, type TimesSeen } from './recent-times.ts'

type Mirrored = (topic: string, partition: number) => MirroredPartition | undefined

interface MirroredPartition {
  readonly map: OffsetMap
  /** The topic's name on the target. */
  readonly remoteTopic: string
}

export interface CheckpointerOptions {
  readonly source: ClusterClient
  readonly target: ClusterClient
  readonly matches: (group: string) => boolean
  /** Undefined for what this instance does not mirror; positions there are left alone. */
  readonly mirrored: Mirrored
  /** Absent: no checkpoints are written. */
  readonly checkpoints: Pick<InternalTopic, 'write'> | undefined
  readonly commitOffsets: boolean
}

export interface GroupStatus {
  readonly group: string
  /** `translated`: known, but not written to the group, which is in use on the target or not to be written. */
  readonly state: 'synced' | 'translated' | 'blocked'
  readonly partitions: readonly GroupPartitionStatus[]
  /** Of the last minute, how long it took to write its checkpoints. Milliseconds. */
  readonly checkpointTimes: TimesSeen | undefined
}

interface GroupPartitionStatus {
  /** Its name on the source. */
  readonly topic: string
  readonly partition: number
  readonly remoteTopic: string
  /** What the group committed at the source. */
  readonly committed: number
  readonly translated: number | undefined
  /** What the group on the target has; undefined: nothing yet, or not known. */
  readonly onTarget: number | undefined
  /** Records that the group has read at the source and would read again on the target; undefined when it has no place there. */
  readonly reread: number | undefined
  /** When the group on the target was last known to be at this place or beyond, wall clock. */
  readonly writtenAt: number | undefined
  readonly ageSeconds: number | undefined
  readonly blocked: string | undefined
}

/** One group's position in one partition, from pass to pass. */
interface Tracked {
  readonly source: GroupPosition
  readonly remoteTopic: string
  translated: number | undefined
  /** The group is further than the mirror: its place on the target moves on with what arrives. */
  readonly isAhead: boolean
  checkpoint: Checkpoint | undefined
  onTarget: number | undefined
  writtenAt: number | undefined
  blocked: string | undefined
}

interface TrackedGroup {
  readonly group: string
  readonly positions: Map<string, Tracked>
  /** Why it is not written on the target as a whole. */
  untouchable: string | undefined
  /** How long it took to write its checkpoints. */
  readonly checkpointTimes: RecentTimes
}

/** What was heard of a group since its last pass. */
interface News {
  readonly commits: Map<string, GroupCommit>
  /** Its coordinator is to be asked for everything. */
  isIncomplete: boolean
}

const COMMITS_AT_ONCE = 16
/** Share groups keep no offsets of this kind. */
const WITHOUT_OFFSETS = new Set(['share'])

/**
 * 1. A group on the target is written only when it was seen without members, and its coordinator has the last word.
 * 2. No offset on the target is lowered, and none is written past the end of its log.
 * 3. Passes follow one another; what is heard while one runs is for the next.
 */
export class Checkpointer {
  readonly #platform: Platform
  readonly #options: CheckpointerOptions
  readonly #lookup: OffsetLookup
  readonly #ranges = new Map<TopicPartition, Promise<LogRange | undefined>>()
  readonly #complaints = new Map<string, string>()
  #groups = new Map<string, TrackedGroup>()
  #owesCheckpoints = false
  #checkpointsWritten = 0
  #news = new Map<string, News>()
  #turn: Promise<unknown> = Promise.resolve()

  constructor(platform: Platform, options: CheckpointerOptions) {
    this.#platform = platform
    this.#options = options
    this.#lookup = new OffsetLookup(platform, options.target)
  }

  /** A pass over all groups; resolves to a few words on what was done. What fails for one group is noted there and tried again. */
  sync(signal?: AbortSignal): Promise<string> {
    return this.#inTurn(async () => {
      // What was heard before is in the answers; what is heard from now on may not be.
      const groups = await this.#takingNews(() => this.#askForAll())
      return `${this.#groups.size} groups, ${await this.#carryOver(groups, signal)}`
    })
  }

  /** Of commits heard where the source writes them; they are carried over by the next `syncNews`. */
  heard(commits: readonly GroupCommit[]): void {
    for (const commit of commits) {
      const { group, topic, partition } = commit
      if (this.#options.matches(group)) this.#newsOf(group).commits.set(keyOf(topic, partition), commit)
    }
  }

  /** Something was committed that could not be heard. */
  changed(groups: readonly string[]): void {
    for (const group of groups) if (this.#options.matches(group)) this.#newsOf(group).isIncomplete = true
  }

  get hasNews(): boolean {
    return this.#news.size > 0
  }

  /** Whether a group waits for the mirror. */
  get hasAhead(): boolean {
    return this.#aheadGroups().next().done === false
  }

  /** A pass over the groups that were heard of, and with `ahead` over those that are further than the mirror. */
  syncNews({ ahead }: { ahead: boolean }, signal?: AbortSignal): Promise<string> {
    return this.#inTurn(async () => {
      const groups = await this.#takingNews(async (news) => {
        return this.#follow(new Set([...news.keys(), ...(ahead ? this.#aheadGroups() : [])]), news)
      })
      return `${groups.length} groups, ${await this.#carryOver(groups, signal)}`
    })
  }

  /** Writes the checkpoints that passes could not write; resolves to a few words. */
  emitCheckpoints(signal?: AbortSignal): Promise<string> {
    return this.#inTurn(async () => {
      if (this.#owesCheckpoints) await this.#emitCheckpoints([...this.#groups.values()], signal)
      this.#owesCheckpoints = false
      return `${this.#checkpointsWritten} checkpoints since the start, none due`
    })
  }

  groups(): readonly GroupStatus[] {
    const now = this.#platform.clock.now()
    return [...this.#groups.values()].map((group) => statusOf(group, now))
  }

  /** What was heard so far is dealt with by this; should it fail, its groups are asked for the next time. */
  async #takingNews(dealWith: (news: ReadonlyMap<string, News>) => Promise<TrackedGroup[]>): Promise<TrackedGroup[]> {
    const news = this.#news
    this.#news = new Map()
    try {
      return await dealWith(news)
    } catch (error) {
      for (const group of news.keys()) this.#newsOf(group).isIncomplete = true
      throw error
    }
  }

  #inTurn(pass: () => Promise<string>): Promise<string> {
    const turn = this.#turn.then(pass)
    this.#turn = turn.catch(() => undefined)
    return turn
  }

  #newsOf(group: string): News {
    let news = this.#news.get(group)
    if (!news) {
      news = { commits: new Map(), isIncomplete: false }
      this.#news.set(group, news)
    }
    return news
  }

  *#aheadGroups(): Generator<string> {
    for (const { group, positions } of this.#groups.values())
      for (const { isAhead } of positions.values())
        if (isAhead) {
          yield group
          break
        }
  }

  async #askForAll(): Promise<TrackedGroup[]> {
    const { source, matches } = this.#options
    const listing = await listAllGroups(source)
    const wanted = [...listing.groups.values()].filter(
      ({ group, type }) => matches(group) && !WITHOUT_OFFSETS.has(type),
    )
    const { positions, failures } = await fetchPositions(source, wanted)
    const groups = new Map<string, TrackedGroup>()
    const mirrored = this.#mirroredOnce()
    for (const [group, ofGroup] of positions) {
      const tracked = this.#translateGroup(group, ofGroup, mirrored)
      if (tracked.positions.size > 0) groups.set(group, tracked)
    }
    // Whoever could not be asked about keeps what was known; its age tells.
    for (const [name, known] of this.#groups)
      if (failures.has(name) || (listing.failures.length > 0 && !listing.groups.has(name))) groups.set(name, known)
    this.#groups = groups
    this.#complain('source', listing)
    return [...groups.values()]
  }

  /** Brings these groups up to what was heard of them; those of which too little was heard are asked for. */
  async #follow(names: ReadonlySet<string>, news: ReadonlyMap<string, News>): Promise<TrackedGroup[]> {
    const incomplete = [...news].flatMap(([group, { isIncomplete }]) => (isIncomplete ? [group] : []))
    const asked = incomplete.length > 0 ? await this.#ask(incomplete) : new Map<string, GroupPosition[]>()
    const mirrored = this.#mirroredOnce()
    const groups: TrackedGroup[] = []
    for (const group of names) {
      const positions = new Map(
        asked.get(group)?.map((position) => [keyOf(position.topic, position.partition), position]) ??
          [...(this.#groups.get(group)?.positions ?? [])].map(([key, { source }]) => [key, source]),
      )
      for (const [key, { topic, partition, position }] of news.get(group)?.commits ?? [])
        if (position) positions.set(key, { topic, partition, ...position })
        else positions.delete(key)
      const tracked = this.#translateGroup(group, [...positions.values()], mirrored)
      if (tracked.positions.size > 0) this.#groups.set(group, tracked)
      else this.#groups.delete(group)
      if (tracked.positions.size > 0) groups.push(tracked)
    }
    return groups
  }

  async #ask(groups: readonly string[]): Promise<Map<string, GroupPosition[]>> {
    const { source } = this.#options
    const listing = await listAllGroups(source)
    const { positions, failures } = await fetchPositions(
      source,
      groups.flatMap((group) => listing.groups.get(group) ?? []),
    )
    for (const group of failures.keys()) this.#newsOf(group).isIncomplete = true
    return positions
  }

  /** Resolves to a few words on what was done. */
  async #carryOver(groups: readonly TrackedGroup[], signal: AbortSignal | undefined): Promise<string> {
    signal?.throwIfAborted()
    // A checkpoints topic in trouble must not keep the groups from being written: what it did not take is for `emitCheckpoints`.
    const [emitted, committed] = await Promise.allSettled([
      this.#emitCheckpoints(groups, signal),
      this.#commitAll(groups, signal),
    ])
    if (emitted.status === 'rejected') this.#owesCheckpoints = true
    if (committed.status === 'rejected') throw committed.reason
    const checkpoints = emitted.status === 'rejected' ? 'checkpoints not written' : `${emitted.value} checkpoints`
    return `${checkpoints}, ${committed.value} offsets written`
  }

  /** Asks once a pass for a partition, however many groups read it. */
  #mirroredOnce(): Mirrored {
    const known = new Map<TopicPartition, MirroredPartition | undefined>()
    return (topic, partition) => {
      const topicPartition = TopicPartition.of(topic, partition)
      if (!known.has(topicPartition)) known.set(topicPartition, this.#options.mirrored(topic, partition))
      return known.get(topicPartition)
    }
  }

  #translateGroup(group: string, positions: readonly GroupPosition[], mirroredHere: Mirrored): TrackedGroup {
    const before = this.#groups.get(group)
    const tracked: TrackedGroup = {
      group,
      positions: new Map(),
      untouchable: before?.untouchable,
      checkpointTimes: before?.checkpointTimes ?? new RecentTimes(),
    }
    for (const position of positions) {
      const mirrored = mirroredHere(position.topic, position.partition)
      if (mirrored === undefined) continue
      const key = keyOf(position.topic, position.partition)
      const last = before?.positions.get(key)
      const translation = translatePosition(mirrored.map, position.offset)
      tracked.positions.set(key, {
        source: position,
        remoteTopic: mirrored.remoteTopic,
        translated: translation?.downstream,
        isAhead: translation?.exact === false,
        checkpoint: last?.checkpoint,
        onTarget: last?.onTarget,
        writtenAt: last?.writtenAt,
        blocked:
          translation === undefined
            ? `offset ${position.offset} is older than what is mirrored, which begins at ${mirrored.map.lowestUpstream}`
            : undefined,
      })
    }
    return tracked
  }

  async #emitCheckpoints(groups: readonly TrackedGroup[], signal: AbortSignal | undefined): Promise<number> {
    const topic = this.#options.checkpoints
    if (topic === undefined) return 0
    const due: { tracked: Tracked; checkpoint: Checkpoint }[] = []
    const written = new Set<RecentTimes>()
    for (const { group, positions, checkpointTimes } of groups)
      for (const tracked of positions.values()) {
        const checkpoint = checkpointOf(group, tracked)
        if (checkpoint !== undefined && isNewsWorthy(tracked.checkpoint, checkpoint)) {
          due.push({ tracked, checkpoint })
          written.add(checkpointTimes)
        }
      }
    const { clock } = this.#platform
    const beganAt = clock.monotonic()
    await topic.write(
      due.map(({ checkpoint }) => encodeCheckpoint(checkpoint)),
      signal,
    )
    for (const { tracked, checkpoint } of due) tracked.checkpoint = checkpoint
    for (const times of written) times.observe(clock.monotonic() - beganAt, clock.now())
    this.#checkpointsWritten += due.length
    return due.length
  }

  async #commitAll(groups: readonly TrackedGroup[], signal: AbortSignal | undefined): Promise<number> {
    if (!this.#options.commitOffsets || groups.length === 0) return 0
    const listing = await listAllGroups(this.#options.target)
    this.#complain('target', listing)
    const open: TrackedGroup[] = []
    for (const tracked of groups) {
      tracked.untouchable = untouchable(targetGroup(listing, tracked.group))
      if (tracked.untouchable === undefined) open.push(tracked)
    }
    const present = open.flatMap(({ group }) => listing.groups.get(group) ?? [])
    const target = await fetchPositions(this.#options.target, present)
    let committed = 0
    this.#ranges.clear()
    await atOnce(COMMITS_AT_ONCE, open, async (tracked) => {
      signal?.throwIfAborted()
      const failure = target.failures.get(tracked.group)
      const there = target.positions.get(tracked.group) ?? []
      if (failure === undefined) {
        const count = await this.#commitGroup(tracked, there, listing.groups.get(tracked.group))
        committed += count
      } else blockAll(tracked.positions.values(), `its offsets on the target cannot be read: ${failure}`)
    })
    return committed
  }

  async #commitGroup(
    trackedGroup: TrackedGroup,
    there: readonly GroupPosition[],
    listed: ListedGroup | undefined,
  ): Promise<number> {
    const { group, positions } = trackedGroup
    const committed = new Map(there.map(({ topic, partition, offset }) => [keyOf(topic, partition), offset]))
    const due: { tracked: Tracked; position: GroupPosition }[] = []
    const judged: Promise<void>[] = []
    for (const tracked of positions.values()) {
      const at = committed.get(keyOf(tracked.remoteTopic, tracked.source.partition))
      tracked.onTarget = at
      if (!this.#isMoved(tracked, at)) continue
      const judge = async () => {
        const position = await this.#judge(tracked, at)
        if (position !== undefined) due.push({ tracked, position })
      }
      judged.push(judge())
    }
    await Promise.all(judged)
    if (due.length === 0) return 0
    try {
      const { target } = this.#options
      const connection = await (listed
        ? target.node(listed.coordinatorId, 'control')
        : target.coordinator('group', group))
      const codes = await commitPositions(
        connection,
        group,
        due.map(({ position }) => position),
      )
      for (const [index, { tracked, position }] of due.entries())
        this.#note(trackedGroup, tracked, position.offset, codes[index]!)
      if (codes.includes(ErrorCode.NOT_COORDINATOR)) target.forgetCoordinator('group', group)
      return codes.filter((code) => code === ErrorCode.NONE).length
    } catch (error) {
      blockAll(
        due.map(({ tracked }) => tracked),
        `the coordinator on the target: ${messageOf(error)}`,
      )
      return 0
    }
  }

  /** Most positions have not moved since the last pass, and are settled here: only the others cost a look at the log. */
  #isMoved(tracked: Tracked, there: number | undefined): boolean {
    if (tracked.translated === undefined) return false
    if (decideCommit(tracked.translated, there, undefined).do !== 'nothing') return true
    tracked.writtenAt = this.#platform.clock.now()
    return false
  }

  /** The position to commit; undefined when it is blocked, and says why. */
  async #judge(tracked: Tracked, there: number | undefined): Promise<GroupPosition | undefined> {
    const { source, remoteTopic, translated } = tracked
    const decision = decideCommit(translated!, there, await this.#rangeOf(tracked))
    if (decision.do === 'commit') {
      const { partition, metadata } = source
      // Of the target's present leader: its log has the place, whoever led when the record came.
      const leaderEpoch = this.#options.target.leaderOf(remoteTopic, partition)?.leaderEpoch
      return { topic: remoteTopic, partition, offset: decision.offset, metadata, leaderEpoch }
    }
    if (decision.do === 'blocked') tracked.blocked = decision.reason
    return undefined
  }

  /** Asked once a pass for a partition, however many groups read it. */
  #rangeOf({ remoteTopic, source }: Tracked): Promise<LogRange | undefined> {
    const topicPartition = TopicPartition.of(remoteTopic, source.partition)
    const asked = this.#ranges.get(topicPartition) ?? this.#askRange(topicPartition)
    this.#ranges.set(topicPartition, asked)
    return asked
  }

  async #askRange(topicPartition: TopicPartition): Promise<LogRange | undefined> {
    const { target } = this.#options
    if (target.leaderOf(topicPartition.topic, topicPartition.partition) === undefined) await target.refresh()
    const found = await Promise.allSettled([
      this.#lookup.find(topicPartition, EARLIEST),
      this.#lookup.find(topicPartition, LATEST),
    ])
    const [start, end] = found
    if (start.status === 'rejected' || end.status === 'rejected') {
      // Most likely the leader moved: the next pass finds it.
      await target.refresh()
      return undefined
    }
    return { logStartOffset: start.value, endOffset: end.value }
  }

  #note(group: TrackedGroup, tracked: Tracked, offset: number, errorCode: number): void {
    if (errorCode === ErrorCode.NONE) {
      tracked.writtenAt = this.#platform.clock.now()
      tracked.onTarget = offset
    } else if (errorCode === ErrorCode.UNKNOWN_MEMBER_ID) group.untouchable = 'the group became active on the target'
    else tracked.blocked = `the target refuses the offset: ${errorOf(errorCode).name} (${errorOf(errorCode).message})`
  }

  /** Said once, not at every pass, until it changes. */
  #complain(cluster: string, { failures }: GroupListing): void {
    const message =
      failures.length === 0 ? '' : `not every broker of the ${cluster} lists its groups: ${failures.join('; ')}`
    if (message === (this.#complaints.get(cluster) ?? '')) return
    this.#complaints.set(cluster, message)
    if (message === '') this.#platform.log.info('groups.complete', `every broker of the ${cluster} lists its groups`)
    else this.#platform.log.warn('groups.incomplete', message, { cluster })
  }
}

function statusOf({ group, positions, untouchable: inUse, checkpointTimes }: TrackedGroup, now: number): GroupStatus {
  const partitions = [...positions.values()].map(
    ({ source: { topic, partition, offset }, remoteTopic, translated, onTarget, writtenAt, blocked }) => ({
      topic,
      partition,
      remoteTopic,
      committed: offset,
      translated,
      onTarget,
      reread: onTarget === undefined || translated === undefined ? undefined : Math.max(0, translated - onTarget),
      writtenAt,
      ageSeconds: writtenAt === undefined ? undefined : Math.max(0, now - writtenAt) / 1_000,
      blocked: blocked ?? inUse,
    }),
  )
  const blocked = [...positions.values()].some((tracked) => tracked.blocked !== undefined)
  const unwritten = inUse !== undefined || partitions.some(({ writtenAt }) => writtenAt === undefined)
  return {
    group,
    state: blocked ? 'blocked' : unwritten ? 'translated' : 'synced',
    partitions,
    checkpointTimes: checkpointTimes.seen(now),
  }
}

function keyOf(topic: string, partition: number): string {
  return `${topic}-${partition}`
}

function checkpointOf(group: string, { source, remoteTopic, translated }: Tracked): Checkpoint | undefined {
  if (translated === undefined) return undefined
  return {
    group,
    topic: remoteTopic,
    partition: source.partition,
    upstreamOffset: source.offset,
    downstreamOffset: translated,
    metadata: source.metadata ?? '',
  }
}

function targetGroup(listing: GroupListing, group: string): TargetGroup {
  const listed = listing.groups.get(group)
  if (listed !== undefined) return { known: true, state: listed.state }
  return listing.failures.length === 0 ? { known: true, state: undefined } : { known: false }
}

function blockAll(positions: Iterable<Tracked>, reason: string): void {
  for (const tracked of positions) tracked.blocked ??= reason
}

/** Runs `work` on every item, at most `limit` side by side. */
async function atOnce<T>(limit: number, items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const waiting = items.values()
  const worker = async () => {
    for (const item of waiting) await work(item)
  }
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, worker))
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
