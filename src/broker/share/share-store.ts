// What a share coordinator is asked from elsewhere: on this broker directly, on another one in Kafka's words.

import { type Clock, sleep } from '../../platform/platform.ts'
import { ErrorCode } from '../../protocol/errors.ts'
import { deleteShareGroupState } from '../../protocol/messages/delete-share-group-state.ts'
import { initializeShareGroupState } from '../../protocol/messages/initialize-share-group-state.ts'
import { readShareGroupState } from '../../protocol/messages/read-share-group-state.ts'
import { readShareGroupStateSummary } from '../../protocol/messages/read-share-group-state-summary.ts'
import { writeShareGroupState } from '../../protocol/messages/write-share-group-state.ts'
import type { ReadonlyMetadataImage } from '../coordinator/controller/metadata-image.ts'
import { SHARE_GROUP_STATE } from '../coordinator/controller/topic-name.ts'
import { partitionOf } from '../coordinator/group/group-coordinator.ts'
import { orElse } from '../coordinator/runtime.ts'
import type { ShareCoordinator } from '../coordinator/share/share-coordinator.ts'
import type { ShareCommand, ShareReply } from '../coordinator/share/share-machine.ts'
import { coordinatorKeyOf, NOTHING_KEPT, type ShareState } from '../coordinator/share/share-state.ts'
import type { Peers } from '../peers.ts'
import type { TopicCreator } from '../topic-creator.ts'

export interface ShareStoreOptions {
  readonly clock: Clock
  readonly nodeId: number
  readonly image: ReadonlyMetadataImage
  readonly coordinator: ShareCoordinator
  readonly peers: Peers
  readonly topicCreator: TopicCreator
}

const ATTEMPTS_MAX = 5
const BACKOFF_MS = 100

/** The coordinator is elsewhere by now, or on its way. */
const PASSING: ReadonlySet<number> = new Set([
  ErrorCode.NOT_COORDINATOR,
  ErrorCode.COORDINATOR_NOT_AVAILABLE,
  ErrorCode.COORDINATOR_LOAD_IN_PROGRESS,
])

export class ShareStore {
  readonly #options: ShareStoreOptions

  constructor(options: ShareStoreOptions) {
    this.#options = options
  }

  /** Never rejects: the error is in the reply. A coordinator that moves is looked for a few times. */
  async ask(command: ShareCommand): Promise<ShareReply> {
    const { clock, image, topicCreator } = this.#options
    for (let attempt = 1; ; attempt++) {
      if (!image.topics.has(SHARE_GROUP_STATE)) await topicCreator.createMissing([SHARE_GROUP_STATE])
      const reply = await this.#askOnce(command)
      if (!PASSING.has(reply.errorCode) || attempt === ATTEMPTS_MAX) return reply
      await sleep(clock, BACKOFF_MS * attempt)
    }
  }

  async #askOnce(command: ShareCommand): Promise<ShareReply> {
    const { nodeId, image, coordinator } = this.#options
    const partitions = image.topics.get(SHARE_GROUP_STATE)?.partitions ?? []
    const leader = partitions[partitionOf(coordinatorKeyOf(command.key), partitions.length)]?.leader ?? -1
    if (leader < 0) return failed(ErrorCode.COORDINATOR_NOT_AVAILABLE)
    if (leader === nodeId) return orElse(coordinator.ask(command), failed)
    try {
      return await this.#askPeer(leader, command)
    } catch {
      return failed(ErrorCode.COORDINATOR_NOT_AVAILABLE)
    }
  }

  async #askPeer(leader: number, command: ShareCommand): Promise<ShareReply> {
    const { peers } = this.#options
    const { groupId, topicId, partition } = command.key
    const about = <Row extends object>(row: Row) => {
      return { groupId, topics: [{ topicId, partitions: [{ partition, ...row }] }] }
    }
    switch (command.type) {
      case 'initialize': {
        const { stateEpoch, startOffset } = command
        return onlyOf(await peers.send(leader, initializeShareGroupState, about({ stateEpoch, startOffset })))
      }
      case 'read':
        return onlyOf(await peers.send(leader, readShareGroupState, about({ leaderEpoch: command.leaderEpoch })))
      case 'write': {
        const { stateEpoch, leaderEpoch, startOffset, deliveryCompleteCount } = command
        const stateBatches = [...command.stateBatches]
        const news = { stateEpoch, leaderEpoch, startOffset, deliveryCompleteCount, stateBatches }
        return onlyOf(await peers.send(leader, writeShareGroupState, about(news)))
      }
      case 'delete':
        return onlyOf(await peers.send(leader, deleteShareGroupState, about({})))
      case 'summary':
        return onlyOf(await peers.send(leader, readShareGroupStateSummary, about({ leaderEpoch: -1 })))
    }
  }
}

interface Result extends Partial<ShareState> {
  readonly errorCode: number
  readonly errorMessage: string | null
}

function onlyOf({ results }: { readonly results: readonly { readonly partitions: readonly Result[] }[] }): ShareReply {
  const { errorCode, errorMessage, ...state } = results[0]!.partitions[0]!
  return { errorCode, errorMessage, state: { ...NOTHING_KEPT, ...state } }
}

function failed(errorCode: number): ShareReply {
  return { errorCode, errorMessage: null, state: NOTHING_KEPT }
}
