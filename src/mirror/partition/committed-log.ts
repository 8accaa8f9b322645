// The target's log of a partition that is written in transactions. Others may write beside it; what was committed can only be lost.
import { HeliostatError } from '../../platform/errors.ts'
import { lossReason } from '../gap.ts'
import type { StopReason } from '../stop-reason.ts'
import { endOfOurs, isStillOurs } from './committed-tail.ts'
import { writeLoss } from './loss.ts'
import type { PartitionCopy } from './partition-copy.ts'
import type { PartitionHost } from './partition-host.ts'
import { Suspicion } from './suspicion.ts'

type LogHost = Pick<PartitionHost, 'platform' | 'tails' | 'gapLedger' | 'onDataLoss' | 'wentBackTo'>

export class CommittedLog {
  readonly #host: LogHost
  readonly #copy: PartitionCopy
  readonly #suspicion: Suspicion

  constructor(host: LogHost, copy: PartitionCopy) {
    this.#host = host
    this.#copy = copy
    this.#suspicion = new Suspicion(host.platform.clock)
  }

  /** Whether it still holds what was committed; if not, the loss is in the ledger and the copy begins anew behind it: 'mended'. */
  async mend(targetEnd: number): Promise<StopReason | 'mended' | undefined> {
    const { progress, source, remote, map } = this.#copy
    const { wentBackTo } = this.#host
    const to = map.nextDownstream
    const end = await this.#endOfOurs(Math.min(targetEnd, wentBackTo.get(remote) ?? targetEnd, to))
    if (end >= to) {
      this.#suspicion.drop()
      return undefined
    }
    if (!wentBackTo.has(remote)) this.#suspicion.confirm(`${remote} ends at ${end}, not at ${to}`)
    const from = map.reverse(end) ?? map.lowestUpstream
    const upstream = map.nextUpstream
    const loss = { from, to: upstream, reason: 'target-truncated', downstream: { from: end, to } } as const
    const gap = await writeLoss(this.#host, source, loss)
    if (gap.action === 'stop') return lossReason(gap)
    await this.#copy.startOver(progress, gap.action === 'skip' ? upstream : from)
    wentBackTo.delete(remote)
    return 'mended'
  }

  /** A log that went back may have grown since, by what was aborted and by others. */
  #endOfOurs(to: number): Promise<number> {
    const { map, remote, progress, lastCommitted, writers } = this.#copy
    return endOfOurs(
      map,
      { from: progress.start.downstream, to },
      (offset) => this.#host.tails.batchAt(remote, offset),
      (batch) => (lastCommitted ? isStillOurs(batch, lastCommitted, writers) : !batch.isControl),
    )
  }

  /**
   * What the error says of a batch that was appended below what is committed: the target lost some of that. What is appended there now,
   * and aborted, would hide it from who looks at the log's end alone, so the place is kept. Undefined: all is well.
   */
  appendedAt(baseOffset: number): HeliostatError | undefined {
    const { remote, map } = this.#copy
    if (baseOffset >= map.nextDownstream) return undefined
    const { wentBackTo } = this.#host
    wentBackTo.set(remote, Math.min(baseOffset, wentBackTo.get(remote) ?? baseOffset))
    const what = `${remote} appends at ${baseOffset}, and had ${map.nextDownstream}`
    return new HeliostatError('HEL_TARGET_CHANGED', what, { retriable: true })
  }
}
