// Whether the source is still the one that was read: the same topic, the same history, and nothing deleted before it was read. What is
// gone is in the ledger first; then the copy goes on where the flow's policy says.
import { EARLIEST } from '../../client/offset-lookup.ts'
import type { HeliostatError } from '../../platform/errors.ts'
import { commonEnd, epochEnd } from '../../source/divergence.ts'
import { lossReason } from '../gap.ts'
import type { StopReason } from '../stop-reason.ts'
import { writeLoss } from './loss.ts'
import type { PartitionCopy } from './partition-copy.ts'
import type { PartitionHost } from './partition-host.ts'
import type { PartitionMirror } from './partition-mirror.ts'
import { sourceChange } from './source-change.ts'

type HistoryHost = Pick<PartitionHost, 'platform' | 'source' | 'sourceOffsets' | 'gapLedger' | 'onDataLoss'>

/** What to do after the source could not answer. */
export type Finding =
  /** It has moved on meanwhile. */
  | { readonly do: 'nothing' }
  | { readonly do: 'fetch-later' }
  | { readonly do: 'recover'; readonly trouble: string }
  | { readonly do: 'stop'; readonly reason: StopReason }

export class SourceHistory {
  readonly #host: HistoryHost
  readonly #copy: PartitionCopy
  /** Where it parted from what was read: for `follow`, when nothing is in flight any more. */
  #partedAt: number | undefined

  constructor(host: HistoryHost, copy: PartitionCopy) {
    this.#host = host
    this.#copy = copy
  }

  /** The source cannot answer where we are: finds out what is gone. `divergesAt`: what it said of its own accord. */
  async lookInto(mirror: PartitionMirror, divergesAt: number | undefined): Promise<Finding> {
    const { sourceOffsets } = this.#host
    const { source } = this.#copy
    const { from: first, to: end } = await sourceOffsets.range(source)
    if (!this.#goesOn(mirror)) return { do: 'nothing' }
    const at = mirror.nextUpstream
    const common = await this.#commonEnd(mirror, Math.min(divergesAt ?? end, end))
    if (!this.#goesOn(mirror) || mirror.nextUpstream !== at) return { do: 'nothing' }
    if (common < at) {
      this.#partedAt = common
      return { do: 'recover', trouble: `the source's history parts from what was read at offset ${common}` }
    }
    if (first <= at) return { do: 'fetch-later' } // it was out of range for a moment only
    const gap = await writeLoss(this.#host, source, { from: at, to: first, reason: 'retention' })
    // It may have been found to be another topic meanwhile: what is gone of the old one must not be skipped in that.
    if (!this.#goesOn(mirror) || mirror.nextUpstream !== at) return { do: 'nothing' }
    if (gap.action === 'stop') return { do: 'stop', reason: lossReason(gap) }
    await this.#copy.giveUpBelow(first)
    return { do: 'recover', trouble: `goes on at source offset ${first}` }
  }

  #goesOn(mirror: PartitionMirror): boolean {
    return this.#copy.mirror === mirror && mirror.isFlowing
  }

  /** Up to where the source still holds what was read. */
  async #commonEnd({ epochs, nextUpstream }: PartitionMirror, end: number): Promise<number> {
    const ask = (leaderEpoch: number) => epochEnd(this.#host.source, this.#copy.source, leaderEpoch)
    try {
      return Math.min(end, await commonEnd(epochs, nextUpstream, ask))
    } catch (error) {
      if ((error as HeliostatError).retriable) throw error
      return Math.min(end, nextUpstream) // brokers before 2.1, or no right to ask
    }
  }

  /** Whether the source topic is another one than that which was mirrored. */
  get isRecreated(): boolean {
    const found = this.#host.source.topics().get(this.#copy.source.topic)
    return found !== undefined && found.topicId !== this.#copy.progress.sourceTopicId
  }

  /** The copy goes on with the source as it is now; 'followed' when its position changed by that, and is to be read anew. */
  async follow(): Promise<StopReason | 'followed' | undefined> {
    const { progress, source, mirror } = this.#copy
    const { map, sourceEnd, nextUpstream, epochs } = mirror!
    const { sourceTopicId: topicId } = progress
    const foundTopicId = this.#host.source.topics().get(source.topic)?.topicId ?? topicId
    const isEmpty = map.size === 0
    const change = sourceChange({ topicId, foundTopicId, partedAt: this.#partedAt, nextUpstream, sourceEnd, isEmpty })
    const gap = change?.loss && (await writeLoss(this.#host, source, change.loss))
    if (gap?.action === 'stop') return lossReason(gap)
    if (change?.kind === 'recreated') {
      await this.#copy.startOver({ ...progress, sourceTopicId: foundTopicId }, EARLIEST)
    } else if (change) {
      const { partedAt } = change
      const mapped = gap?.action === 'restart' ? undefined : map.translate(partedAt)
      if (mapped === undefined) {
        await this.#copy.startOver(progress, gap?.action === 'restart' ? EARLIEST : partedAt)
      } else {
        const kept = epochs.filter(({ upstream }) => upstream < partedAt)
        await this.#copy.join({ ...progress, epochs: kept }, { end: map.nextDownstream, mapped, upstream: partedAt })
      }
    }
    this.#partedAt = undefined
    return change && 'followed'
  }
}
