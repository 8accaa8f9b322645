// Where a partition that was never mirrored begins: where the flow says, or where the copy ends that another mirror made.
import { EARLIEST, LATEST } from '../../client/offset-lookup.ts'
import type { Tail } from '../../sink/tail-reader.ts'
import type { ProgressLog } from '../slot-log.ts'
import { notTakenOver, type StopReason, unknownCopy } from '../stop-reason.ts'
import type { TakeOver } from '../take-over.ts'
import type { Doubt } from './doubt.ts'
import type { PartitionCopy } from './partition-copy.ts'
import type { PartitionHost } from './partition-host.ts'
import type { Standing } from './standing.ts'

type BeginningHost = Pick<
  PartitionHost,
  'platform' | 'tails' | 'sourceOffsets' | 'target' | 'startOf' | 'takeOver' | 'syncTopic'
>

export class Beginning {
  readonly #host: BeginningHost
  readonly #slot: ProgressLog
  readonly #copy: PartitionCopy
  readonly #doubt: Doubt
  readonly #standing: Standing
  /** What stands on the target cannot be gone on with: who deletes it wants it anew. */
  #isCopyRefused = false

  constructor(host: BeginningHost, slot: ProgressLog, copy: PartitionCopy, doubt: Doubt, standing: Standing) {
    this.#host = host
    this.#slot = slot
    this.#copy = copy
    this.#doubt = doubt
    this.#standing = standing
  }

  /** Decides, and has it written before anything is sent; or why it must not begin. */
  async decide(): Promise<StopReason | undefined> {
    const { tails, target, takeOver } = this.#host
    const { source, remote } = this.#copy
    if (this.#isCopyRefused && !target.topics().has(remote.topic))
      this.#copy.resynced(await this.#host.syncTopic(source.topic))
    // One after the other: a copy that was just made is asked for again and again until it is served, and the source need not hear of it.
    const tail = await tails.tail(remote)
    const upstream = await this.#start()
    if (takeOver && tail.end > 0) return this.#takeOver(takeOver, tail.end)
    this.#isCopyRefused = await this.#isUnknown(tail)
    if (this.#isCopyRefused) return unknownCopy(remote, tail.end)
    await this.#copy.begin({ upstream, downstream: tail.end })
    this.#isWritten()
    return undefined
  }

  /** Whether what stands there may be a copy. Beside transactions others may write; but not we, before anything was written of it. */
  async #isUnknown({ batch }: Tail): Promise<boolean> {
    if (!batch || !this.#slot.transaction) return batch !== undefined
    const { id } = this.#slot.producer
    return batch.producerId === id || (await this.#host.tails.producers(this.#copy.remote)).has(id)
  }

  #start(): Promise<number> {
    const { sourceOffsets, startOf } = this.#host
    const { source } = this.#copy
    const start = startOf(source.topic)
    if (start === 'earliest') return sourceOffsets.find(source, EARLIEST)
    if (start === 'latest') return sourceOffsets.find(source, LATEST)
    return this.#offsetAt(start.timestamp)
  }

  async #offsetAt(timestamp: number): Promise<number> {
    const { sourceOffsets } = this.#host
    const offset = await sourceOffsets.find(this.#copy.source, timestamp)
    return offset >= 0 ? offset : sourceOffsets.find(this.#copy.source, LATEST)
  }

  /** Goes on with a copy that MirrorMaker made. */
  async #takeOver(takeOver: TakeOver, end: number): Promise<StopReason | undefined> {
    const { source, remote } = this.#copy
    this.#standing.starts('its copy by MirrorMaker is compared with it')
    const found = await takeOver.compare({ source, remote, end })
    this.#isCopyRefused = typeof found === 'string'
    if (typeof found === 'string') return notTakenOver(remote.topic, found)
    await this.#copy.takeOver(found, end)
    this.#isWritten()
    const { upstream } = found
    const { topic, partition } = source
    const message = `the copy that MirrorMaker made is gone on with at source offset ${upstream}`
    this.#host.platform.log.info('mirror.taken-over', message, { topic, partition, upstream, downstream: end })
    return undefined
  }

  /** Whoever sends for a partition has its record in the slot first, and there was none: nothing of others is under way. */
  #isWritten(): void {
    this.#doubt.settle()
  }
}
