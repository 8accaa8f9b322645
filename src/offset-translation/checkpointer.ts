// Brings the positions of the source's groups over: translated exactly, told to the world as MirrorMaker's checkpoints, and
// written to the same group on the target as long as nobody uses it there. `sync` is a pass over all groups; `syncNews` one over the
// positions of which commits were heard since, or that had to wait. The facts are gathered here and judged in `group-sync-rules.ts`.
// Instances that share a flow each see to the partitions they mirror.
import type { ClusterClient } from '../client/cluster-client.ts'
import { EARLIEST, LATEST, OffsetLookup } from '../client/offset-lookup.ts'
import { TopicPartition } from '../client/topic-partition.ts'
import type { Platform } from '../platform/platform.ts'
import { ErrorCode, errorOf } from '../protocol/errors.ts'
import { type Checkpoint, encodeCheckpoint } from './checkpoint.ts'
import type { GroupCommit } from './group-commit.ts'
import {
  fetchPositions,
  type GroupListing,
  type GroupPosition,
  type ListedGroup,
  listAllGroups,
} from './group-offsets.ts'
import { decideCommit, isNewsWorthy, type LogRange, translatePosition } from './group-sync-rules.ts'
import type { InternalTopic } from './internal-topic.ts'
import type { OffsetMap } from './offset-map.ts'
import type { RecentTimes } from './recent-times.ts'
import { type Look, TargetGroups } from './target-groups.ts'
import {
  checkpointOf,
  type GroupStatus,
  isInPlace,
  type MirroredPartition,
  TrackedGroup,
  type TrackedPosition,
} from './tracked-group.ts'

type MirroredHere = (source: TopicPartition) => MirroredPartition | undefined
type Mirrored = (topic: string, partition: number) => MirroredPartition | undefined

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

/** What was heard of a group since its last pass. */
interface News {
  readonly commits: Map<TopicPartition, GroupCommit>
  /** Its coordinator is to be asked for everything. */
  isIncomplete: boolean
}

/** Positions that may have to be written somewhere. */
type Due = Map<TrackedGroup, TrackedPosition[]>

const COMMITS_AT_ONCE = 16
const GROUPS_AT_ONCE = 100
/** What waits, for the mirror or for a broker, is tried this often; or less, so that it takes a tenth of the time at most. */
const WAITING_EVERY_MS = 400
const WAITING_SHARE = 9
/** Of commits that were heard and not looked at yet. Beyond it their groups are asked for instead. */
const NEWS_BYTES_MAX = 8 * 1024 * 1024
/** What a commit takes beside its strings. */
const COMMIT_BYTES = 200
/** Share groups keep no offsets of this kind. */
const WITHOUT_OFFSETS = new Set(['share'])

/**
 * 1. A group on the target is written only when it was seen without members, and its coordinator has the last word.
 * 2. No offset on the target is lowered, and none is written past the end of its log: both are looked up in the same turn.
 * 3. Turns follow one another; what is heard while one runs is for the next. A pass over all groups takes several.
 * 4. A commit that was heard is in `#news`, or in the group's positions, or the group is in `#unasked`.
 */
export class Checkpointer {
  readonly #platform: Platform
  readonly #options: CheckpointerOptions
  readonly #lookup: OffsetLookup
  readonly #target: TargetGroups
  readonly #complaints = new Map<string, string>()
  readonly #groups = new Map<string, TrackedGroup>()
  #news = new Map<string, News>()
  #newsBytes = 0
  /** Groups of which too little is known, because their coordinators did not answer. */
  readonly #unasked = new Set<string>()
  /** Groups with positions that are ahead of the mirror, or that a broker held up. */
  readonly #waiting = new Set<TrackedGroup>()
  #owesCheckpoints = false
  #checkpointsWritten = 0
  /** Not before this moment of the monotonic clock. */
  #waitingDueAt = Number.NEGATIVE_INFINITY
  /** How many questions to the source are under way: meanwhile what is known may be about to be replaced. */
  #asking = 0
  #turn: Promise<unknown> = Promise.resolve()

  constructor(platform: Platform, options: CheckpointerOptions) {
    this.#platform = platform
    this.#options = options
    this.#lookup = new OffsetLookup(platform, options.target)
    this.#target = new TargetGroups(options.target)
  }

  /**
   * A pass over all groups; resolves to a few words on what was done. What fails for one group is noted there and tried again.
   * `thorough`: also of groups that stand where they stood is it looked up where they are on the target.
   */
  async sync(signal?: AbortSignal, { thorough = true }: { thorough?: boolean } = {}): Promise<string> {
    const { source, matches } = this.#options
    const before = [...this.#groups.keys()]
    const listing = await listAllGroups(source)
    this.#complain('source', listing)
    const wanted = [...listing.groups.values()].filter(
      ({ group, type }) => matches(group) && !WITHOUT_OFFSETS.has(type),
    )
    const look = thorough && wanted.length > 0 ? await this.#look({ whole: true }) : undefined
    const due: Due = new Map()
    let written = 0
    for (let at = 0; at < wanted.length; at += GROUPS_AT_ONCE) {
      signal?.throwIfAborted()
      const slice = wanted.slice(at, at + GROUPS_AT_ONCE)
      written += await this.#inTurn(() => this.#passOver(slice, look, due, signal))
    }
    // Whoever could not be asked about keeps what was known; its age tells.
    if (listing.failures.length === 0) for (const group of before) if (!listing.groups.has(group)) this.#drop(group)
    const emitted = await this.#tryCheckpoints(due, signal)
    return `${this.#groups.size} groups, ${emitted}, ${written} offsets written`
  }

  /** Of commits heard where the source writes them; they are carried over by the next `syncNews`. */
  heard(commits: readonly GroupCommit[]): void {
    let last: string | undefined
    let isWanted = false
    for (const commit of commits) {
      const { group, topic, partition, position } = commit
      // Neighbours are mostly of one group: to match a name costs more than all the rest.
      if (group !== last) isWanted = this.#groups.has(group) || this.#options.matches(group)
      last = group
      if (!isWanted) continue
      const source = TopicPartition.of(topic, partition)
      const news = this.#news.get(group)
      if (news === undefined && position && this.#asking === 0) {
        // Consumers say again and again where they are, whether they have moved or not.
        if (this.#groups.get(group)?.knows(source, position.offset, position.metadata)) continue
      }
      this.#note(news ?? this.#newsOf(group), source, commit)
    }
  }

  /** Something was committed that could not be heard. */
  changed(groups: readonly string[]): void {
    for (const group of groups) if (this.#options.matches(group)) this.#newsOf(group).isIncomplete = true
  }

  get hasNews(): boolean {
    return this.#news.size > 0
  }

  /** Whether a group waits for the mirror, or for a broker that did not answer. */
  get isWaiting(): boolean {
    return this.#waiting.size > 0 || this.#unasked.size > 0
  }

  /** A pass over what was heard, and over what has waited: of that, what has come to its place, and now and then the rest. */
  syncNews(signal?: AbortSignal): Promise<string> {
    return this.#inTurn(async () => {
      const { clock } = this.#platform
      const beganAt = clock.monotonic()
      const isWaitOver = beganAt >= this.#waitingDueAt
      const due: Due = new Map()
      if (isWaitOver) {
        for (const group of this.#unasked) this.#newsOf(group).isIncomplete = true
        this.#unasked.clear()
      }
      const mirrored = this.#mirroredOnce()
      await this.#takeNews(due, mirrored)
      this.#takeWaiting(due, mirrored, isWaitOver)
      const [emitted, written] = await this.#carryOver(due, signal)
      if (isWaitOver) {
        const endedAt = clock.monotonic()
        this.#waitingDueAt = endedAt + Math.max(WAITING_EVERY_MS, WAITING_SHARE * (endedAt - beganAt))
      }
      return `${due.size} groups, ${emitted}, ${written} offsets written`
    })
  }

  /** Writes the checkpoints that passes could not write; resolves to a few words. */
  emitCheckpoints(signal?: AbortSignal): Promise<string> {
    return this.#inTurn(async () => {
      const all = [...this.#groups.values()].map((group) => [group, [...group.positions.values()]] as const)
      if (this.#owesCheckpoints) await this.#emitCheckpoints(new Map(all), signal)
      this.#owesCheckpoints = false
      return `${this.#checkpointsWritten} checkpoints since the start, none due`
    })
  }

  groups(): readonly GroupStatus[] {
    const now = this.#platform.clock.now()
    return [...this.#groups.values()].map((group) => group.statusAt(now))
  }

  #inTurn<T>(turn: () => Promise<T>): Promise<T> {
    const done = this.#turn.then(turn)
    this.#turn = done.catch(() => undefined)
    return done
  }

  // ---- what groups have committed

  #newsOf(group: string): News {
    let news = this.#news.get(group)
    if (!news) {
      news = { commits: new Map(), isIncomplete: false }
      this.#news.set(group, news)
    }
    return news
  }

  #note(news: News, source: TopicPartition, commit: GroupCommit): void {
    if (news.isIncomplete) return
    const bytes = COMMIT_BYTES + (commit.position?.metadata.length ?? 0)
    if (this.#newsBytes + bytes > NEWS_BYTES_MAX) {
      news.commits.clear()
      news.isIncomplete = true
      return
    }
    this.#newsBytes += bytes
    news.commits.set(source, commit)
  }

  async #takeNews(due: Due, mirrored: MirroredHere): Promise<void> {
    const news = this.#news
    this.#news = new Map()
    this.#newsBytes = 0
    const incomplete = [...news].flatMap(([group, { isIncomplete }]) => (isIncomplete ? [group] : []))
    try {
      if (incomplete.length > 0) await this.#ask(incomplete, due, mirrored)
    } catch (error) {
      for (const group of news.keys()) this.#unasked.add(group)
      throw error
    }
    for (const [group, { isIncomplete, commits }] of news)
      if (!isIncomplete) this.#take(group, commits.values(), due, mirrored)
  }

  async #ask(groups: readonly string[], due: Due, mirrored: MirroredHere): Promise<void> {
    const { groups: listed, failures } = await this.#asked(() => listAllGroups(this.#options.source))
    const there: ListedGroup[] = []
    for (const name of groups) {
      const group = listed.get(name)
      if (group) there.push(group)
      else if (failures.length > 0) this.#unasked.add(name)
      else this.#drop(name)
    }
    await this.#askFor(there, due, mirrored)
  }

  /** All that these groups have committed; what was known of them and is not told any more is gone. */
  async #askFor(groups: readonly ListedGroup[], due: Due, mirrored: MirroredHere): Promise<void> {
    const answer = await this.#asked(() => fetchPositions(this.#options.source, groups))
    for (const group of answer.failures.keys()) this.#unasked.add(group)
    for (const [group, positions] of answer.positions) {
      const told = new Set(positions.map(({ topic, partition }) => TopicPartition.of(topic, partition)))
      const known = this.#groups.get(group)?.positions
      for (const source of known?.keys() ?? []) if (!told.has(source)) known!.delete(source)
      const commits = positions.map(({ topic, partition, offset, metadata }) => {
        return { group, topic, partition, position: { offset, metadata: metadata ?? '' } }
      })
      this.#take(group, commits, due, mirrored)
    }
  }

  async #asked<T>(question: () => Promise<T>): Promise<T> {
    this.#asking++
    try {
      return await question()
    } finally {
      this.#asking--
    }
  }

  /** Takes over what a group committed; what is mirrored here is due. */
  #take(name: string, commits: Iterable<GroupCommit>, due: Due, mirroredHere: MirroredHere): void {
    const group = this.#groups.get(name) ?? new TrackedGroup(name)
    const taken: TrackedPosition[] = []
    for (const { topic, partition, position } of commits) {
      const source = TopicPartition.of(topic, partition)
      const mirrored = position && mirroredHere(source)
      if (mirrored) taken.push(group.place(source, position.offset, position.metadata, mirrored))
      else group.positions.delete(source)
    }
    if (group.positions.size === 0) this.#drop(name)
    else this.#groups.set(name, group)
    if (taken.length > 0) due.set(group, taken)
  }

  /** What is ahead of the mirror has its place as soon as that has come so far; until then it follows now and then. */
  #takeWaiting(due: Due, mirroredHere: MirroredHere, isWaitOver: boolean): void {
    for (const [group, positions] of due) {
      if (!positions.some(({ isAhead }) => isAhead)) continue
      this.#waiting.add(group)
      due.set(
        group,
        positions.filter(({ isAhead }) => !isAhead),
      )
    }
    for (const group of this.#waiting) {
      const ofGroup = due.get(group) ?? []
      for (const position of group.positions.values()) {
        if (!(isWaitOver || position.isAhead) || ofGroup.includes(position)) continue
        const { source, offset, metadata } = position
        const mirrored = mirroredHere(source)
        if (mirrored && mayMove(position, mirrored.map, isWaitOver))
          ofGroup.push(group.place(source, offset, metadata, mirrored))
      }
      if (ofGroup.length > 0) due.set(group, ofGroup)
      else {
        due.delete(group)
        if (!group.isAhead && isWaitOver) this.#waiting.delete(group)
      }
    }
  }

  #drop(name: string): void {
    const group = this.#groups.get(name)
    this.#groups.delete(name)
    if (group) this.#waiting.delete(group)
  }

  // ---- passes

  /** A part of a pass over all groups. What is due of them is put into `due`, for the checkpoints. */
  async #passOver(
    groups: readonly ListedGroup[],
    look: Look | undefined,
    all: Due,
    signal: AbortSignal | undefined,
  ): Promise<number> {
    // What was heard of them before is in the answers; what is heard from now on may not be.
    for (const { group } of groups) this.#news.delete(group)
    const due: Due = new Map()
    await this.#askFor(groups, due, this.#mirroredOnce())
    for (const [group, positions] of due) all.set(group, positions)
    if (look === undefined)
      for (const [group, positions] of due) {
        const moving = positions.filter((position) => !isInPlace(position))
        if (moving.length > 0) due.set(group, moving)
        else due.delete(group)
      }
    return this.#write(due, look, signal)
  }

  /** Writes to the target what is due; what has to wait is looked at again. */
  async #write(due: Due, look: Look | undefined, signal: AbortSignal | undefined): Promise<number> {
    for (const group of due.keys()) group.isHeldUp = false
    try {
      return await this.#commitAll(due, look, signal)
    } catch (error) {
      for (const group of due.keys()) group.isHeldUp = true
      throw error
    } finally {
      for (const group of due.keys())
        if (this.#groups.get(group.group) === group && (group.isHeldUp || group.isAhead)) this.#waiting.add(group)
        else this.#waiting.delete(group)
    }
  }

  /** A few words on the checkpoints, and how many offsets were written. */
  async #carryOver(due: Due, signal: AbortSignal | undefined): Promise<[string, number]> {
    signal?.throwIfAborted()
    const [emitted, committed] = await Promise.allSettled([
      this.#tryCheckpoints(due, signal),
      this.#write(due, undefined, signal),
    ])
    if (emitted.status === 'rejected') throw emitted.reason
    if (committed.status === 'rejected') throw committed.reason
    return [emitted.value, committed.value]
  }

  /** A topic in trouble must not keep the groups from being written: what it did not take is for `emitCheckpoints`. */
  #tryCheckpoints(due: Due, signal: AbortSignal | undefined): Promise<string> {
    return this.#emitCheckpoints(due, signal).then(
      (emitted) => `${emitted} checkpoints`,
      () => {
        this.#owesCheckpoints = true
        return 'checkpoints not written'
      },
    )
  }

  /** Asks once a pass for a partition, however many groups read it. */
  #mirroredOnce(): MirroredHere {
    const known = new Map<TopicPartition, MirroredPartition | undefined>()
    return (source) => {
      let mirrored = known.get(source)
      if (mirrored === undefined && !known.has(source)) {
        mirrored = this.#options.mirrored(source.topic, source.partition)
        known.set(source, mirrored)
      }
      return mirrored
    }
  }

  async #emitCheckpoints(
    due: ReadonlyMap<TrackedGroup, readonly TrackedPosition[]>,
    signal: AbortSignal | undefined,
  ): Promise<number> {
    const topic = this.#options.checkpoints
    if (topic === undefined) return 0
    const news: { position: TrackedPosition; checkpoint: Checkpoint }[] = []
    const written = new Set<RecentTimes>()
    for (const [{ group, checkpointTimes }, positions] of due)
      for (const position of positions) {
        const checkpoint = checkpointOf(group, position)
        if (checkpoint !== undefined && isNewsWorthy(position.checkpoint, checkpoint)) {
          news.push({ position, checkpoint })
          written.add(checkpointTimes)
        }
      }
    const { clock } = this.#platform
    const beganAt = clock.monotonic()
    await topic.write(
      news.map(({ checkpoint }) => encodeCheckpoint(checkpoint)),
      signal,
    )
    for (const { position, checkpoint } of news) position.checkpoint = checkpoint
    for (const times of written) times.observe(clock.monotonic() - beganAt, clock.now())
    this.#checkpointsWritten += news.length
    return news.length
  }

  // ---- the groups on the target

  async #look(options: { whole: boolean }): Promise<Look | undefined> {
    if (!this.#options.commitOffsets) return undefined
    const look = await this.#target.look(options)
    this.#complain('target', look)
    return look
  }

  async #commitAll(due: Due, known: Look | undefined, signal: AbortSignal | undefined): Promise<number> {
    if (!this.#options.commitOffsets || due.size === 0) return 0
    const look = known ?? (await this.#look({ whole: false }))!
    const open: [TrackedGroup, TrackedPosition[]][] = []
    for (const [group, positions] of due) {
      group.untouchable = this.#target.inUse(look, group.group)
      if (group.untouchable === undefined) open.push([group, positions])
      else group.isHeldUp = !look.groups.has(group.group)
    }
    const there = await this.#target.positions(
      look,
      new Map(open.map(([group, positions]) => [group.group, positions.map(({ remote }) => remote)])),
    )
    const moving = open.flatMap(([group, positions]) => {
      const failure = there.failures.get(group.group)
      if (failure !== undefined) {
        holdUp(group, positions, `its offsets on the target cannot be read: ${failure}`)
        return []
      }
      const moved = this.#moved(positions, there.offsets.get(group.group))
      return moved.length === 0 ? [] : [{ group, positions: moved }]
    })
    const ranges = await this.#ranges(moving.flatMap(({ positions }) => positions))
    const homeless = await this.#target.locate(moving.map(({ group }) => group.group))
    let committed = 0
    await atOnce(COMMITS_AT_ONCE, moving, async ({ group, positions }) => {
      signal?.throwIfAborted()
      const reason = homeless.get(group.group)
      if (reason !== undefined) return holdUp(group, positions, `it has no coordinator on the target: ${reason}`)
      const count = await this.#commitGroup(group, positions, ranges)
      committed += count
    })
    return committed
  }

  /** Most positions have not moved since the last pass, and are settled here: only the others cost a look at the log. */
  #moved(
    positions: readonly TrackedPosition[],
    there: ReadonlyMap<TopicPartition, number> | undefined,
  ): TrackedPosition[] {
    const now = this.#platform.clock.now()
    return positions.filter((position) => {
      const { remote, translated } = position
      const onTarget = there?.get(remote) ?? -1
      position.onTarget = onTarget < 0 ? undefined : onTarget
      if (translated === undefined) return false
      if (decideCommit(translated, position.onTarget, undefined).do !== 'nothing') return true
      position.writtenAt = now
      return false
    })
  }

  async #commitGroup(
    group: TrackedGroup,
    positions: readonly TrackedPosition[],
    ranges: ReadonlyMap<TopicPartition, LogRange | undefined>,
  ): Promise<number> {
    const due: { tracked: TrackedPosition; position: GroupPosition }[] = []
    for (const tracked of positions) {
      const { remote, metadata, translated, onTarget } = tracked
      const decision = decideCommit(translated!, onTarget, ranges.get(remote))
      if (decision.do === 'commit') {
        // Of the target's present leader: its log has the place, whoever led when the record came.
        const { topic, partition } = remote
        const leaderEpoch = this.#options.target.leaderOf(topic, partition)?.leaderEpoch
        due.push({ tracked, position: { topic, partition, offset: decision.offset, metadata, leaderEpoch } })
      } else if (decision.do === 'blocked') {
        tracked.blocked = decision.reason
        group.isHeldUp = true
      }
    }
    if (due.length === 0) return 0
    try {
      const codes = await this.#target.commit(
        group.group,
        due.map(({ position }) => position),
      )
      for (const [index, { tracked, position }] of due.entries())
        this.#wasAnswered(group, tracked, position.offset, codes[index]!)
      return codes.filter((code) => code === ErrorCode.NONE).length
    } catch (error) {
      holdUp(
        group,
        due.map(({ tracked }) => tracked),
        `the coordinator on the target: ${(error as Error).message}`,
      )
      return 0
    }
  }

  #wasAnswered(group: TrackedGroup, tracked: TrackedPosition, offset: number, errorCode: number): void {
    if (errorCode === ErrorCode.NONE) {
      tracked.writtenAt = this.#platform.clock.now()
      tracked.onTarget = offset
    } else if (errorCode === ErrorCode.UNKNOWN_MEMBER_ID) group.untouchable = 'the group became active on the target'
    else {
      tracked.blocked = `the target refuses the offset: ${errorOf(errorCode).name} (${errorOf(errorCode).message})`
      if (errorOf(errorCode).retriable) group.isHeldUp = true
    }
  }

  /** What the target's logs hold of these partitions; each is asked for once, however many groups read it. */
  async #ranges(positions: readonly TrackedPosition[]): Promise<Map<TopicPartition, LogRange | undefined>> {
    const { target } = this.#options
    const partitions = new Set(positions.map(({ remote }) => remote))
    for (const { topic, partition } of partitions)
      if (target.leaderOf(topic, partition) === undefined) {
        await target.refresh()
        break
      }
    const ranges = new Map<TopicPartition, LogRange | undefined>()
    await Promise.all(
      Array.from(partitions, async (partition) => {
        const [start, end] = await Promise.allSettled([
          this.#lookup.find(partition, EARLIEST),
          this.#lookup.find(partition, LATEST),
        ])
        const isKnown = start.status === 'fulfilled' && end.status === 'fulfilled'
        ranges.set(partition, isKnown ? { logStartOffset: start.value, endOffset: end.value } : undefined)
      }),
    )
    // Most likely a leader moved: the next pass finds it.
    if ([...ranges.values()].includes(undefined)) await target.refresh()
    return ranges
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

/** Whether it is worth asking where a position that waits is on the target; from what is known here, without a request. */
function mayMove(position: TrackedPosition, map: OffsetMap, isWaitOver: boolean): boolean {
  const translation = translatePosition(map, position.offset)
  if (translation === undefined) return false
  if (position.isAhead && translation.exact) return true
  const { blocked, onTarget } = position
  return isWaitOver && (blocked !== undefined || onTarget === undefined || translation.downstream > onTarget)
}

/** Runs `work` on every item, at most `limit` side by side. */
async function atOnce<T>(limit: number, items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const waiting = items.values()
  const worker = async () => {
    for (const item of waiting) await work(item)
  }
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, worker))
}

function holdUp(group: TrackedGroup, positions: readonly TrackedPosition[], reason: string): void {
  for (const position of positions) position.blocked ??= reason
  group.isHeldUp = true
}
