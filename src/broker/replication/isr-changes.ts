import type { Clock, Logger, Timer } from '../../platform/platform.ts'
import { ErrorCode, errorOf } from '../../protocol/errors.ts'
import type { alterPartition } from '../../protocol/messages/alter-partition.ts'
import type { RequestInput, Response } from '../../protocol/schema.ts'
import type { Partition } from '../partition.ts'
import type { IsrProposal } from './replica-state.ts'

export interface IsrChangesOptions {
  readonly clock: Clock
  readonly log: Logger
  readonly nodeId: number
  readonly brokerEpoch: () => number
  /** To the active controller, whoever that is now. */
  readonly send: (request: RequestInput<typeof alterPartition>) => Promise<Response<typeof alterPartition>>
}

const RETRY_MS = 50
const RECOVERED = 0

/**
 * Takes what the leaders of this broker propose to the controller, several in one AlterPartition (Kafka's AlterPartitionManager).
 *
 * 1. One request is under way at a time; it is asked again until the controller answers it.
 * 2. Of a partition there is one proposal, the newest; an older one has been overtaken by the metadata.
 */
export class IsrChanges {
  readonly #options: IsrChangesOptions
  readonly #proposals = new Map<Partition, IsrProposal>()
  #isUnderWay = false
  #timer: Timer | undefined
  #closed = false

  constructor(options: IsrChangesOptions) {
    this.#options = options
  }

  submit(partition: Partition, proposal: IsrProposal): void {
    this.#proposals.set(partition, proposal)
    this.#sendSoon(0)
  }

  /** Its proposals are of no interest any more. */
  forget(partition: Partition): void {
    this.#proposals.delete(partition)
  }

  close(): void {
    this.#closed = true
    this.#timer?.cancel()
    this.#proposals.clear()
  }

  /** A moment later, so that what happens together is asked together. */
  #sendSoon(ms: number): void {
    if (this.#closed || this.#isUnderWay || this.#timer || this.#proposals.size === 0) return
    this.#timer = this.#options.clock.setTimer(ms, () => {
      this.#timer = undefined
      void this.#send()
    })
  }

  async #send(): Promise<void> {
    const sent = new Map(this.#proposals)
    if (sent.size === 0) return
    this.#isUnderWay = true
    const isAnswered = await this.#ask(sent)
    this.#isUnderWay = false
    this.#sendSoon(isAnswered ? 0 : RETRY_MS)
  }

  /** False when they must be sent again. */
  async #ask(sent: ReadonlyMap<Partition, IsrProposal>): Promise<boolean> {
    const { log, send } = this.#options
    try {
      const { errorCode, topics } = await send(this.#request(sent))
      if (this.#closed) return true
      if (errorCode !== ErrorCode.NONE) {
        log.warn('isr.refused', 'the controller refuses a change of the ISR', { error: errorOf(errorCode).name })
        return false
      }
      return this.#answered(sent, topics)
    } catch (error) {
      log.debug('isr.unanswered', (error as Error).message)
      return false
    }
  }

  #answered(sent: ReadonlyMap<Partition, IsrProposal>, topics: Response<typeof alterPartition>['topics']): boolean {
    const answers = new Map(
      topics.flatMap(({ topicId, partitions }) => partitions.map((one) => [`${topicId}:${one.partitionIndex}`, one])),
    )
    let isSettled = true
    for (const [partition, proposal] of sent) {
      const answer = answers.get(`${partition.topicId}:${partition.partitionId}`)
      if (this.#proposals.get(partition) === proposal) this.#proposals.delete(partition)
      if (!answer) continue
      const { errorCode, isr } = answer
      this.#options.log.info('isr.answered', `the controller answers ${errorOf(errorCode).name}`, {
        topic: partition.topic,
        partition: partition.partitionId,
        proposed: proposal.isr.map(({ brokerId }) => brokerId),
        ...(errorCode === ErrorCode.NONE && { isr }),
      })
      partition.isrAnswered(proposal, answer)
      // Proposed once more, by an answer that settles nothing.
      if (this.#proposals.get(partition) === proposal) isSettled = false
    }
    return isSettled
  }

  #request(sent: ReadonlyMap<Partition, IsrProposal>): RequestInput<typeof alterPartition> {
    const { nodeId, brokerEpoch } = this.#options
    const ownEpoch = brokerEpoch()
    const byTopic = Map.groupBy(sent, ([{ topicId }]) => topicId)
    const topics = [...byTopic].map(([topicId, proposals]) => ({
      topicId,
      partitions: proposals.map(([{ partitionId }, { isr, leaderEpoch, partitionEpoch }]) => ({
        partitionIndex: partitionId,
        leaderEpoch,
        newIsr: isr.map(({ brokerId }) => brokerId),
        newIsrWithEpochs: isr.map((replica) =>
          replica.brokerId === nodeId ? { ...replica, brokerEpoch: ownEpoch } : replica,
        ),
        leaderRecoveryState: RECOVERED,
        partitionEpoch,
      })),
    }))
    return { brokerId: nodeId, brokerEpoch: ownEpoch, topics }
  }
}
