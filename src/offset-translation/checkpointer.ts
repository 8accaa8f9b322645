// Brings the positions of the source's groups over: translated exactly, told to the world as MirrorMaker's checkpoints, and
// written to the same group on the target as long as nobody uses it there. One `sync` is one pass over all groups; the facts
// are gathered here and judged in `group-sync-rules.ts`. Instances that share a flow each see to the partitions they mirror.
import type { ClusterClient } from '../client/cluster-client.ts'
import { EARLIEST, LATEST, OffsetLookup } from '../client/offset-lookup.ts'
import { TopicPartition } from '../client/topic-partition.ts'
import type { Platform } from '../platform/platform.ts'
import { ErrorCode, errorOf } from '../protocol/errors.ts'
import { type Checkpoint, encodeCheckpoint } from './checkpoint.ts'
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
}

interface GroupPartitionStatus {
  /** Its name on the source. */
  readonly topic: string
  readonly partition: number
  /** What the group committed at the source. */
  readonly committed: number
  readonly translated: number | undefined
  /** When the group on the target was last seen at this place or beyond, wall clock. */
  readonly writtenAt: number | undefined
  readonly blocked: string | undefined
}

/** One group's position in one partition, from pass to pass. */
interface Tracked {
  readonly source: GroupPosition
  readonly remoteTopic: string
  translated: number | undefined
  checkpoint: Checkpoint | undefined
  writtenAt: number | undefined
  blocked: string | undefined
}

interface TrackedGroup {
  readonly group: string
  readonly positions: Map<string, Tracked>
  /** Why it is not written on the target as a whole. */
  untouchable: string | undefined
}

const COMMITS_AT_ONCE = 16
/** Share groups keep no offsets of this kind. */
const WITHOUT_OFFSETS = new Set(['share'])

/**
 * 1. A group on the target is written only when it was seen without members, and its coordinator has the last word.
 * 2. No offset on the target is lowered, and none is written past the end of its log.
 */
export class Checkpointer {
  readonly #platform: Platform
  readonly #options: CheckpointerOptions
  readonly #lookup: OffsetLookup
  readonly #ranges = new Map<TopicPartition, Promise<LogRange | undefined>>()
  readonly #complaints = new Map<string, string>()
  #groups = new Map<string, TrackedGroup>()

  constructor(platform: Platform, options: CheckpointerOptions) {
    this.#platform = platform
    this.#options = options
    this.#lookup = new OffsetLookup(platform, options.target)
  }

  /** One pass; resolves to a few words on what was done. What fails for one group is noted there and tried at the next pass. */
  async sync(signal?: AbortSignal): Promise<string> {
    await this.#translateAll()
    signal?.throwIfAborted()
    // A checkpoints topic in trouble must not keep the groups from being written.
    const [emitted, committed] = await Promise.allSettled([this.#emitCheckpoints(signal), this.#commitAll(signal)])
    if (emitted.status === 'rejected') throw emitted.reason
    if (committed.status === 'rejected') throw committed.reason
    return `${this.#groups.size} groups, ${emitted.value} checkpoints, ${committed.value} offsets written`
  }

  groups(): readonly GroupStatus[] {
    return [...this.#groups.values()].map(statusOf)
  }

  async #translateAll(): Promise<void> {
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
    const tracked: TrackedGroup = { group, positions: new Map(), untouchable: before?.untouchable }
    for (const position of positions) {
      const mirrored = mirroredHere(position.topic, position.partition)
      if (mirrored === undefined) continue
      const key = `${position.topic}-${position.partition}`
      const last = before?.positions.get(key)
      const translation = translatePosition(mirrored.map, position.offset)
      tracked.positions.set(key, {
        source: position,
        remoteTopic: mirrored.remoteTopic,
        translated: translation?.downstream,
        checkpoint: last?.checkpoint,
        writtenAt: last?.writtenAt,
        blocked:
          translation === undefined
            ? `offset ${position.offset} is older than what is mirrored, which begins at ${mirrored.map.lowestUpstream}`
            : undefined,
      })
    }
    return tracked
  }

  async #emitCheckpoints(signal: AbortSignal | undefined): Promise<number> {
    const topic = this.#options.checkpoints
    if (topic === undefined) return 0
    const due: { tracked: Tracked; checkpoint: Checkpoint }[] = []
    for (const { group, positions } of this.#groups.values())
      for (const tracked of positions.values()) {
        const checkpoint = checkpointOf(group, tracked)
        if (checkpoint !== undefined && isNewsWorthy(tracked.checkpoint, checkpoint)) due.push({ tracked, checkpoint })
      }
    await topic.write(
      due.map(({ checkpoint }) => encodeCheckpoint(checkpoint)),
      signal,
    )
    for (const { tracked, checkpoint } of due) tracked.checkpoint = checkpoint
    return due.length
  }

  async #commitAll(signal: AbortSignal | undefined): Promise<number> {
    if (!this.#options.commitOffsets || this.#groups.size === 0) return 0
    const listing = await listAllGroups(this.#options.target)
    this.#complain('target', listing)
    const open: TrackedGroup[] = []
    for (const tracked of this.#groups.values()) {
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
    const committed = new Map(there.map((position) => [`${position.topic}-${position.partition}`, position.offset]))
    const due: { tracked: Tracked; position: GroupPosition }[] = []
    const judged: Promise<void>[] = []
    for (const tracked of positions.values()) {
      const at = committed.get(`${tracked.remoteTopic}-${tracked.source.partition}`)
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
      for (const [index, { tracked }] of due.entries()) this.#note(trackedGroup, tracked, codes[index]!)
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
    if (decision.do === 'commit')
      return { topic: remoteTopic, partition: source.partition, offset: decision.offset, metadata: source.metadata }
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

  #note(group: TrackedGroup, tracked: Tracked, errorCode: number): void {
    if (errorCode === ErrorCode.NONE) tracked.writtenAt = this.#platform.clock.now()
    else if (errorCode === ErrorCode.UNKNOWN_MEMBER_ID) group.untouchable = 'the group became active on the target'
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

function statusOf({ group, positions, untouchable: inUse }: TrackedGroup): GroupStatus {
  const partitions = [...positions.values()].map(({ source, translated, writtenAt, blocked }) => ({
    topic: source.topic,
    partition: source.partition,
    committed: source.offset,
    translated,
    writtenAt,
    blocked: blocked ?? inUse,
  }))
  const blocked = [...positions.values()].some((tracked) => tracked.blocked !== undefined)
  const unwritten = inUse !== undefined || partitions.some(({ writtenAt }) => writtenAt === undefined)
  return { group, state: blocked ? 'blocked' : unwritten ? 'translated' : 'synced', partitions }
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
