// Puts groups on the target where they stand at the source, as long as nobody uses them there. The facts are gathered here and judged in
// `group-sync-rules.ts`; what came of it is noted with each group and position.
//
// Invariants:
// 1. A group on the target is written only when it was seen without members, and its coordinator has the last word.
// 2. No offset on the target is lowered, and none is written past the end of its log: both are looked up before, each time.
// 3. A group in trouble holds up itself alone.
import type { ClusterClient } from '../client/cluster-client.ts'
import type { TopicPartition } from '../client/topic-partition.ts'
import type { Platform } from '../platform/platform.ts'
import { ErrorCode, errorOf } from '../protocol/errors.ts'
import type { GroupPosition } from './group-offsets.ts'
import { decideCommit, type LogRange } from './group-sync-rules.ts'
import { LogRanges } from './log-ranges.ts'
import { type Look, TargetGroups } from './target-groups.ts'
import type { TrackedGroup, TrackedPosition } from './tracked-group.ts'
import type { Due } from './tracked-groups.ts'

const COMMITS_AT_ONCE = 16

export class PositionWriter {
  readonly #platform: Platform
  readonly #client: ClusterClient
  readonly #groups: TargetGroups
  readonly #ranges: LogRanges

  constructor(platform: Platform, client: ClusterClient) {
    this.#platform = platform
    this.#client = client
    this.#groups = new TargetGroups(client)
    this.#ranges = new LogRanges(platform, client)
  }

  look(options: { whole: boolean }): Promise<Look> {
    return this.#groups.look(options)
  }

  /** How many offsets were written. */
  async write(due: Due, look: Look, signal: AbortSignal | undefined): Promise<number> {
    const moving = await this.#moving(this.#untouched(due, look), look)
    const partitions = new Set(moving.flatMap(({ positions }) => positions.map(({ remote }) => remote)))
    const ranges = await this.#ranges.of(partitions)
    const homeless = await this.#groups.locate(moving.map(({ group }) => group.group))
    let committed = 0
    await atOnce(COMMITS_AT_ONCE, moving, async ({ group, positions }) => {
      signal?.throwIfAborted()
      const reason = homeless.get(group.group)
      if (reason !== undefined) return holdUp(group, positions, `it has no coordinator on the target: ${reason}`)
      const count = await this.#commit(group, positions, ranges)
      committed += count // read only now: others have added to it meanwhile
    })
    return committed
  }

  /** Those that nobody uses. */
  #untouched(due: Due, look: Look): Map<TrackedGroup, TrackedPosition[]> {
    const open: Due = new Map()
    for (const [group, positions] of due) {
      group.untouchable = this.#groups.inUse(look, group.group)
      if (group.untouchable === undefined) open.set(group, positions)
      else group.isHeldUp = !look.groups.has(group.group)
    }
    return open
  }

  /** Those that are not where they should be. */
  async #moving(due: Due, look: Look): Promise<{ group: TrackedGroup; positions: TrackedPosition[] }[]> {
    const there = await this.#groups.positions(
      look,
      new Map(Array.from(due, ([group, positions]) => [group.group, positions.map(({ remote }) => remote)])),
    )
    return [...due].flatMap(([group, positions]) => {
      const failure = there.failures.get(group.group)
      if (failure !== undefined) {
        holdUp(group, positions, `its offsets on the target cannot be read: ${failure}`)
        return []
      }
      const moved = this.#moved(positions, there.offsets.get(group.group))
      return moved.length === 0 ? [] : [{ group, positions: moved }]
    })
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

  async #commit(
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
        const leaderEpoch = this.#client.leaderOf(topic, partition)?.leaderEpoch
        due.push({ tracked, position: { topic, partition, offset: decision.offset, metadata, leaderEpoch } })
      } else if (decision.do === 'blocked') {
        tracked.blocked = decision.reason
        group.isHeldUp = true
      }
    }
    if (due.length === 0) return 0
    try {
      const codes = await this.#groups.commit(
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
}

function holdUp(group: TrackedGroup, positions: readonly TrackedPosition[], reason: string): void {
  for (const position of positions) position.blocked ??= reason
  group.isHeldUp = true
}

/** Runs `work` on every item, at most `limit` side by side. */
async function atOnce<T>(limit: number, items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const waiting = items.values()
  const worker = async () => {
    for (const item of waiting) await work(item)
  }
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, worker))
}
