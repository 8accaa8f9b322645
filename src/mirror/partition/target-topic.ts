// Whether the target topic is still the one that the copy was written to.
import { EARLIEST } from '../../client/offset-lookup.ts'
import { HeliostatError } from '../../platform/errors.ts'
import { ErrorCode } from '../../protocol/errors.ts'
import { type Gap, lossReason } from '../gap.ts'
import type { StopReason } from '../stop-reason.ts'
import { writeLoss } from './loss.ts'
import type { PartitionCopy } from './partition-copy.ts'
import type { PartitionHost } from './partition-host.ts'
import { Suspicion } from './suspicion.ts'

type TopicHost = Pick<PartitionHost, 'platform' | 'target' | 'gapLedger' | 'onDataLoss' | 'syncTopic'>

export class TargetTopic {
  readonly #host: TopicHost
  readonly #copy: PartitionCopy
  readonly #suspicion: Suspicion

  constructor(host: TopicHost, copy: PartitionCopy) {
    this.#host = host
    this.#copy = copy
    this.#suspicion = new Suspicion(host.platform.clock)
  }

  /** One that is gone, or another one, is in the ledger first; then the copy begins anew, unless the flow's policy is to stop. */
  async follow(): Promise<StopReason | undefined> {
    const { target, onDataLoss } = this.#host
    const { progress, source, remote } = this.#copy
    const { topic } = remote
    if (target.topics().has(topic)) this.#suspicion.drop()
    else {
      if (!(await this.#isGone(topic)))
        throw new HeliostatError('HEL_NO_TOPIC', `${topic} cannot be seen on the target at the moment`, {
          retriable: true,
        })
      this.#suspicion.confirm(`${topic} is not there`)
      if (onDataLoss === 'stop') return lossReason(await this.#writeDeleted())
      this.#copy.resynced(await this.#host.syncTopic(source.topic))
    }
    const targetTopicId = target.topics().get(topic)?.topicId ?? this.#copy.synced.targetTopicId
    if (targetTopicId === progress.targetTopicId) return undefined
    const gap = await this.#writeDeleted()
    if (gap.action === 'stop') return lossReason(gap)
    await this.#copy.startOver({ ...progress, targetTopicId }, gap.action === 'restart' ? EARLIEST : gap.to)
    return undefined
  }

  /** Asked for by its name: in a list of all topics those are missing, too, that we may not describe. */
  async #isGone(topic: string): Promise<boolean> {
    const { topics } = await this.#host.target.metadata([topic])
    return topics[0]?.errorCode === ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
  }

  #writeDeleted(): Promise<Gap> {
    const { map } = this.#copy.ensureMirror()
    const downstream = { from: this.#copy.progress.start.downstream, to: map.nextDownstream }
    const loss = { from: map.lowestUpstream, to: map.nextUpstream, reason: 'target-deleted', downstream } as const
    return writeLoss(this.#host, this.#copy.source, loss)
  }
}
