import type { Clock } from '../../platform/platform.ts'
import { ErrorCode } from '../../protocol/errors.ts'
import type { ReadonlyMetadataImage } from '../coordinator/controller/metadata-image.ts'
import type { Bounded, ShareGroupConfig } from '../coordinator/group/group-config.ts'
import { NOT_BEGUN } from '../coordinator/share/share-state.ts'
import { resetDurationMs } from '../group-resource-config.ts'
import type { Partition } from '../partition.ts'
import { Delivery } from './delivery.ts'
import { SharePartition, type ShareRules } from './share-partition.ts'
import type { ShareStore } from './share-store.ts'

export interface SharePartitionsOptions {
  readonly clock: Clock
  readonly image: ReadonlyMetadataImage
  readonly config: () => ShareGroupConfig
  readonly store: ShareStore
}

interface Opened {
  readonly groupId: string
  readonly partition: Partition
  readonly leaderEpoch: number
  readonly whenRead: Promise<SharePartition | number>
}

/**
 * The share groups in the partitions that this broker leads.
 *
 * 1. Of each group and partition there is at most one, read from the share coordinator under the partition's present leader epoch.
 */
export class SharePartitions {
  readonly #options: SharePartitionsOptions
  readonly #open = new Map<string, Opened>()

  constructor(options: SharePartitionsOptions) {
    this.#options = options
  }

  /** The group in the partition, or the error to answer with. */
  async obtain(groupId: string, partition: Partition): Promise<SharePartition | number> {
    const { leaderEpoch } = partition
    const name = `${groupId}:${partition.topicId}:${partition.partitionId}`
    const known = this.#open.get(name)
    if (known?.partition === partition && known.leaderEpoch === leaderEpoch) return known.whenRead
    this.#close(name)
    const opened = { groupId, partition, leaderEpoch, whenRead: this.#read(name, groupId, partition) }
    this.#open.set(name, opened)
    const read = await opened.whenRead
    if (typeof read === 'number' && this.#open.get(name) === opened) this.#open.delete(name)
    return read
  }

  rules(groupId: string): ShareRules {
    const { image, config } = this.#options
    const own = image.groupConfigs(groupId)
    const { recordLockMs, deliveryCountLimit, maxRecordLocks } = config()
    const held = (name: string, { value, min, max }: Bounded) => {
      const text = own.get(name)
      return text === undefined ? value : Math.min(Math.max(Number(text), min), max)
    }
    return {
      isolation: own.get('share.isolation.level') === 'read_committed' ? 'read_committed' : 'read_uncommitted',
      recordLockMs: held('share.record.lock.duration.ms', recordLockMs),
      deliveryCountLimit: held('share.delivery.count.limit', deliveryCountLimit),
      maxRecordLocks: held('share.partition.max.record.locks', maxRecordLocks),
    }
  }

  /** Nobody of the group is here any more: what it comes back to may have been altered. */
  forgetGroup(groupId: string): void {
    for (const [name, opened] of this.#open) if (opened.groupId === groupId) this.#close(name)
  }

  /** This broker does not lead the partition any more. */
  drop(partition: Partition): void {
    for (const [name, opened] of this.#open) if (opened.partition === partition) this.#close(name)
  }

  close(): void {
    for (const name of [...this.#open.keys()]) this.#close(name)
  }

  #close(name: string): void {
    const opened = this.#open.get(name)
    this.#open.delete(name)
    opened?.whenRead.then((read) => {
      if (typeof read !== 'number') read.close()
    })
  }

  async #read(name: string, groupId: string, partition: Partition): Promise<SharePartition | number> {
    const { clock, store } = this.#options
    const { topicId, partitionId, leaderEpoch } = partition
    const key = { groupId, topicId, partition: partitionId }
    const { errorCode, state } = await store.ask({ type: 'read', key, leaderEpoch })
    if (errorCode !== ErrorCode.NONE) {
      return errorCode === ErrorCode.FENCED_LEADER_EPOCH ? ErrorCode.NOT_LEADER_OR_FOLLOWER : errorCode
    }
    const startOffset = state.startOffset === NOT_BEGUN ? this.#beginning(groupId, partition) : state.startOffset
    const read = new SharePartition({
      key,
      partition,
      delivery: new Delivery(startOffset, state.stateBatches),
      stateEpoch: state.stateEpoch,
      clock,
      store,
      rules: () => this.rules(groupId),
      onLost: () => this.#close(name),
    })
    return read
  }

  /** Where a group begins that was never there. */
  #beginning(groupId: string, partition: Partition): number {
    const { clock, image } = this.#options
    const reset = image.groupConfigs(groupId).get('share.auto.offset.reset') ?? 'latest'
    const { isolation } = this.rules(groupId)
    const { log } = partition
    if (reset === 'earliest') return log.logStartOffset
    const agoMs = resetDurationMs(reset)
    const found = agoMs === undefined ? undefined : log.offsetForTimestamp(clock.now() - agoMs, isolation)
    return found && 'offset' in found ? found.offset : log.latestOffset(isolation).offset
  }
}
