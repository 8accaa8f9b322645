// The target's log of a partition that is written in transactions. Others may write beside it; what was committed can only be lost.
import { HeliostatError } from '../../platform/errors.ts'
import { epochEnd } from '../../source/divergence.ts'
import { lossReason, type OffsetRange } from '../gap.ts'
import type { StopReason } from '../stop-reason.ts'
import { endOfOurs, isStillOurs, lostWithin, type Places } from './committed-tail.ts'
import { writeLoss } from './loss.ts'
import type { PartitionCopy } from './partition-copy.ts'
import type { PartitionHost } from './partition-host.ts'
import { Suspicion } from './suspicion.ts'

type LogHost = Pick<PartitionHost, 'platform' | 'target' | 'tails' | 'gapLedger' | 'onDataLoss' | 'wentBackTo'>

/** The log's end, and its leader's epoch as it was known before that was asked for. */
interface Seen {
  readonly end: number
  readonly leaderEpoch: number | undefined
}

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
  async mend(seen: Seen): Promise<StopReason | 'mended' | undefined> {
    const { progress, source, remote, map } = this.#copy
    const { wentBackTo } = this.#host
    const lost = await this.#lost(seen)
    if (!lost) {
      this.#suspicion.drop()
      this.#copy.wasWhole(seen.leaderEpoch)
      return undefined
    }
    if (!wentBackTo.has(remote))
      this.#suspicion.confirm(`${remote} lacks what was committed from ${lost.from} to ${lost.to - 1}`)
    const from = map.reverse(lost.from) ?? map.lowestUpstream
    const upstream = map.nextUpstream
    const to = map.reverse(lost.to) ?? upstream
    const gap = await writeLoss(this.#host, source, { from, to, reason: 'target-truncated', downstream: lost })
    if (gap.action === 'stop') return lossReason(gap)
    await this.#copy.startOver(progress, gap.action === 'skip' ? upstream : from)
    wentBackTo.delete(remote)
    return 'mended'
  }

  /** A log that went back may have grown since: by what was aborted, by others, and by us behind them. */
  async #lost({ end: targetEnd, leaderEpoch }: Seen): Promise<OffsetRange | undefined> {
    const { map, remote, progress, lastCommitted, writers, wholeUnder } = this.#copy
    const places: Places = {
      map,
      batchAt: (offset) => this.#host.tails.batchAt(remote, offset),
      isOurs: (batch) => (lastCommitted ? isStillOurs(batch, lastCommitted, writers) : !batch.isControl),
    }
    const from = progress.start.downstream
    const to = map.nextDownstream
    const end = await endOfOurs(places, {
      from,
      to: Math.min(targetEnd, this.#host.wentBackTo.get(remote) ?? targetEnd, to),
    })
    if (end < to) return { from: end, to }
    if (wholeUnder === undefined || wholeUnder === leaderEpoch) return undefined
    const cutAt = await this.#endOfEpoch(wholeUnder)
    return cutAt === undefined ? undefined : lostWithin(places, { from: Math.max(from, cutAt), to })
  }

  /** Leaders since may lack what stands behind this. */
  async #endOfEpoch(leaderEpoch: number): Promise<number | undefined> {
    try {
      return (await epochEnd(this.#host.target, this.#copy.remote, leaderEpoch)).endOffset
    } catch (error) {
      if (!(error instanceof HeliostatError) || error.retriable) throw error
      return undefined // brokers before 2.1
    }
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
