// Where a partition stands: what is written of it, what its target topic and log hold, and whether its source is the one that was read.
// Whoever finds something that is to be mended mends it, and then all is looked at anew.
//
// Invariants:
// 1. It is looked for only while nothing of ours is in flight.
// 2. Nothing is handed on before all that was found missing is in the ledger.
import type { ProgressLog } from '../slot-log.ts'
import { missing, type StopReason } from '../stop-reason.ts'
import { Beginning } from './beginning.ts'
import type { CommittedLog } from './committed-log.ts'
import type { Doubt } from './doubt.ts'
import type { PartitionCopy } from './partition-copy.ts'
import type { PartitionHost } from './partition-host.ts'
import { resumePoint } from './resume-point.ts'
import { SequencedLog } from './sequenced-log.ts'
import type { SourceHistory } from './source-history.ts'
import type { Standing } from './standing.ts'
import { TargetTopic } from './target-topic.ts'

export interface PartitionParts {
  readonly copy: PartitionCopy
  readonly doubt: Doubt
  readonly standing: Standing
  readonly history: SourceHistory
  readonly committedLog: CommittedLog
}

export class Position {
  readonly #host: PartitionHost
  readonly #slot: ProgressLog
  readonly #copy: PartitionCopy
  readonly #doubt: Doubt
  readonly #beginning: Beginning
  readonly #history: SourceHistory
  readonly #targetTopic: TargetTopic
  readonly #sequencedLog: SequencedLog
  readonly #committedLog: CommittedLog
  #limitMayHaveChanged = false

  constructor(host: PartitionHost, slot: ProgressLog, parts: PartitionParts) {
    const { copy, doubt, standing, history, committedLog } = parts
    this.#host = host
    this.#slot = slot
    this.#copy = copy
    this.#doubt = doubt
    this.#beginning = new Beginning(host, slot, copy, doubt, standing)
    this.#history = history
    this.#targetTopic = new TargetTopic(host, copy)
    this.#sequencedLog = new SequencedLog(host, slot, copy)
    this.#committedLog = committedLog
  }

  /** A record was too large for the target topic as we know it. */
  doubtLimit(): void {
    this.#limitMayHaveChanged = true
  }

  /** The mirror has its position and may flow; or why it may not. Throws what keeps it from being known at the moment. */
  async find(signal: AbortSignal): Promise<StopReason | undefined> {
    const { source, target, tails, hooks } = this.#host
    const { topic } = this.#copy.source
    if (this.#copy.mirror?.mustSettle) await this.#doubt.over(signal)
    if (!this.#copy.isBegun()) {
      const stop = await this.#beginning.decide()
      if (stop) return stop
    }
    if (!source.topics().has(topic)) return missing(topic, this.#copy.unmirrored)
    const gone = await this.#targetTopic.follow()
    if (gone) return gone
    const mirror = this.#copy.ensureMirror()
    const isCommitted = this.#copy.progress.isTransactional === true
    // What was sent without transactions so far may not arrive after the first one.
    if (this.#slot.transaction && !isCommitted) await this.#doubt.over(signal)
    const { remote } = this.#copy
    const leaderEpoch = target.leaderOf(remote.topic, remote.partition)?.leaderEpoch
    const tail = await tails.tail(remote)
    const stop = isCommitted
      ? await this.#committedLog.mend({ end: tail.end, leaderEpoch })
      : ((await this.#sequencedLog.mend(tail)) ?? (await this.#sequencedLog.settleClaims(tail.end)))
    if (stop === 'mended') return this.find(signal)
    if (stop) return stop
    if (this.#limitMayHaveChanged) {
      mirror.limitBatchBytes(await this.#host.batchBytesMax(this.#copy.remote.topic))
      this.#limitMayHaveChanged = false
    }
    const { plannedDownstream } = mirror.map
    const { end, upstream, mapped } = resumePoint(this.#copy.progress, { targetEnd: tail.end, plannedDownstream })
    mirror.resume(end, { inDoubt: this.#doubt.isOpen, upstream, mapped })
    if (this.#slot.transaction && !isCommitted) {
      await this.#copy.becomeTransactional()
      return this.find(signal)
    }
    hooks.reached?.('position-read')
    const lost = await this.#history.follow()
    return lost === 'followed' ? this.find(signal) : lost
  }
}
