// Tells the world where groups stand, as MirrorMaker's checkpoints.
//
// Invariant: a position that was not told is told by the next `writeOwed`; a topic in trouble keeps nobody from anything else.
import type { Platform } from '../platform/platform.ts'
import { type Checkpoint, encodeCheckpoint } from './checkpoint.ts'
import { isNewsWorthy } from './group-sync-rules.ts'
import type { InternalTopic } from './internal-topic.ts'
import type { RecentTimes } from './recent-times.ts'
import { checkpointOf, type TrackedGroup, type TrackedPosition } from './tracked-group.ts'

type Positions = Iterable<readonly [TrackedGroup, readonly TrackedPosition[]]>

export class CheckpointWriter {
  readonly #platform: Platform
  readonly #topic: Pick<InternalTopic, 'write'> | undefined
  #isOwing = false
  #written = 0

  /** Without a topic nothing is written. */
  constructor(platform: Platform, topic: Pick<InternalTopic, 'write'> | undefined) {
    this.#platform = platform
    this.#topic = topic
  }

  /** Since the start. */
  get written(): number {
    return this.#written
  }

  /** Never rejects; resolves to a few words. */
  write(positions: Positions, signal: AbortSignal | undefined): Promise<string> {
    return this.#write(positions, signal).then(
      (written) => `${written} checkpoints`,
      () => {
        this.#isOwing = true
        return 'checkpoints not written'
      },
    )
  }

  /** What could not be written; `all` that there is, for what of it was not told. */
  async writeOwed(all: () => Positions, signal: AbortSignal | undefined): Promise<void> {
    if (!this.#isOwing) return
    this.#isOwing = false // from now on it is what comes to be owed meanwhile
    try {
      await this.#write(all(), signal)
    } catch (error) {
      this.#isOwing = true
      throw error
    }
  }

  async #write(positions: Positions, signal: AbortSignal | undefined): Promise<number> {
    if (this.#topic === undefined) return 0
    const news: { position: TrackedPosition; checkpoint: Checkpoint }[] = []
    const groups = new Set<RecentTimes>()
    for (const [{ group, checkpointTimes }, ofGroup] of positions)
      for (const position of ofGroup) {
        const checkpoint = checkpointOf(group, position)
        if (checkpoint !== undefined && isNewsWorthy(position.checkpoint, checkpoint)) {
          news.push({ position, checkpoint })
          groups.add(checkpointTimes)
        }
      }
    const { clock } = this.#platform
    const beganAt = clock.monotonic()
    await this.#topic.write(
      news.map(({ checkpoint }) => encodeCheckpoint(checkpoint)),
      signal,
    )
    for (const { position, checkpoint } of news) position.checkpoint = checkpoint
    for (const times of groups) times.observe(clock.monotonic() - beganAt, clock.now())
    this.#written += news.length
    return news.length
  }
}
