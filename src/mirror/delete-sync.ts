// Deletes copies whose source topics were deleted, after a delay in which everybody may change their mind.
//
// Invariants:
// 1. Nothing is deleted before every node of the source has said, asked by name, that it has no such topic. A topic that we may not
//    see is answered otherwise, so lost rights delete nothing; and neither does a node that cannot be asked.
// 2. Only the very topic that was mirrored into is deleted, by its id: one that was made anew under the name stays.
// 3. A copy into which other flows mirror, too, stays: what it holds is theirs as well.
// 4. The delay is counted while this process runs: a restart begins it anew, and never shortens it. Of instances that share the flow each
//    counts for itself, so that a run elsewhere shortens it as little.
// 5. One of them deletes: who has the slot of the topic's first partition. Two that believe so at once do no harm, by 2; and when that one dies,
//    who gets the slot has counted, too.
import type { ClusterClient } from '../client/cluster-client.ts'
import type { HeliostatError } from '../platform/errors.ts'
import type { Platform } from '../platform/platform.ts'
import { ErrorCode } from '../protocol/errors.ts'
import { metadata } from '../protocol/messages/metadata.ts'
import { TopicWriter } from '../sink/topic-writer.ts'
import { type PendingDelete, pendingDeletes } from './delete-rules.ts'
import { type MirroredTopic, ProgressReader } from './progress-reader.ts'

export interface DeleteSyncOptions {
  readonly source: ClusterClient
  readonly target: ClusterClient
  readonly progressTopic: string
  readonly afterMs: number
  /** Topics that are mirrored at the moment. */
  readonly topics: () => Iterable<MirroredTopic>
  /** Whether others mirror into this copy. */
  readonly isShared: (remoteTopic: string) => boolean
  /** Whether it is for this instance to delete the copy of this source topic. */
  readonly isOurs: (topic: string) => boolean
  /** Neither cluster has the topic any more. */
  readonly gone: (topic: string) => Promise<void>
}

export class DeleteSync {
  readonly #platform: Platform
  readonly #options: DeleteSyncOptions
  readonly #known = new Map<string, MirroredTopic>()
  readonly #writer: TopicWriter
  #pending: readonly PendingDelete[] = []
  #isProgressRead = false

  constructor(platform: Platform, options: DeleteSyncOptions) {
    this.#platform = platform
    this.#options = options
    this.#writer = new TopicWriter(options.target)
  }

  /** Copies that will be deleted, unless their source topics come back. */
  get pending(): readonly PendingDelete[] {
    return this.#pending
  }

  async sync(signal?: AbortSignal): Promise<string> {
    const { source, target, afterMs, isShared } = this.#options
    await this.#learn()
    await Promise.all([source.refresh(), target.refresh()])
    const now = this.#platform.clock.now()
    const known = [...this.#known.values()].filter(({ remoteTopic }) => !isShared(remoteTopic)) // invariant 3
    const look = { known, isThere: (topic: string) => source.topics().has(topic) }
    this.#pending = pendingDeletes(this.#pending, look, afterMs, now)
    let deleted = 0
    for (const pending of this.#pending.filter(({ dueAt }) => dueAt <= now)) {
      signal?.throwIfAborted()
      if (this.#isForOthers(pending)) continue
      if (await this.#isGone(pending.topic)) deleted += await this.#delete(pending)
    }
    return `${deleted} topics deleted, ${this.#pending.length} waiting`
  }

  async #learn(): Promise<void> {
    const { target, progressTopic, topics } = this.#options
    if (!this.#isProgressRead) {
      const old = await new ProgressReader(this.#platform, target, progressTopic).topics().catch(noneYet)
      for (const topic of old ?? []) this.#known.set(topic.topic, topic)
      this.#isProgressRead = old !== undefined
    }
    for (const { topic, remoteTopic, targetTopicId } of topics())
      this.#known.set(topic, { topic, remoteTopic, targetTopicId })
  }

  /** Invariant 1. */
  async #isGone(topic: string): Promise<boolean> {
    const { source } = this.#options
    for (const nodeId of source.nodes().keys()) {
      const node = await source.node(nodeId)
      const answer = await node.send(metadata, { topics: [{ name: topic }], allowAutoTopicCreation: false })
      if (answer.topics[0]?.errorCode !== ErrorCode.UNKNOWN_TOPIC_OR_PARTITION) return false
    }
    return true
  }

  /** Invariant 5. What they have deleted is let go of by everybody. */
  #isForOthers(pending: PendingDelete): boolean {
    return this.#isThere(pending) && !this.#options.isOurs(pending.topic)
  }

  /** Invariant 2: the very topic that was mirrored into. */
  #isThere({ remoteTopic, targetTopicId }: PendingDelete): boolean {
    return this.#options.target.topics().get(remoteTopic)?.topicId === targetTopicId
  }

  async #delete(pending: PendingDelete): Promise<number> {
    const { gone } = this.#options
    const { topic, remoteTopic, targetTopicId } = pending
    const isThere = this.#isThere(pending)
    if (isThere) {
      await this.#writer.remove({ name: remoteTopic, topicId: targetTopicId })
      this.#platform.log.warn(
        'topic.deleted',
        `${remoteTopic} was deleted on the target, as ${topic} on the source was`,
        {
          topic,
          remoteTopic,
        },
      )
    }
    await gone(topic)
    this.#known.delete(topic)
    this.#pending = this.#pending.filter((other) => other.topic !== topic)
    return isThere ? 1 : 0
  }
}

/** The topic of progress is made a moment after the first look. */
function noneYet(error: HeliostatError): undefined {
  if (error.code !== 'HEL_NO_PROGRESS') throw error
}
