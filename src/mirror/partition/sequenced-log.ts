// The target's log of a partition that is written without transactions: whether its end is ours, where it should be. When it is not, who
// wrote what is read there, put in the ledger, and the copy goes on behind it, or anew.

import { readLog } from '../../client/log-reader.ts'
import { EARLIEST } from '../../client/offset-lookup.ts'
import type { OffsetMap } from '../../offset-translation/offset-map.ts'
import { type BatchHeader, headerOf, type Tail } from '../../sink/tail-reader.ts'
import { type Gap, lossReason } from '../gap.ts'
import type { ProducerIdentity } from '../progress-record.ts'
import type { ProgressLog } from '../slot-log.ts'
import { ambiguous, foreign, type StopReason } from '../stop-reason.ts'
import { writeLoss } from './loss.ts'
import type { PartitionCopy } from './partition-copy.ts'
import type { PartitionHost } from './partition-host.ts'
import { Suspicion } from './suspicion.ts'
import { isInPlace, judgeTail, lossesOf, shorterThan, surveyTail, type TailSurvey } from './target-tail.ts'

type LogHost = Pick<PartitionHost, 'platform' | 'target' | 'targetOffsets' | 'tails' | 'gapLedger' | 'onDataLoss'>

/** A tail that is not ours is halved until this few offsets are left to be read. */
const SURVEY_RECORDS = 4_096

/** The map says already where everything stands, and nothing of that is written yet. */
interface MovedMap {
  readonly map: OffsetMap
  readonly survey: TailSurvey
  readonly end: number
  /** The source offset to go on with; undefined: what the map says. */
  readonly upstream: number | undefined
}

/**
 * 1. A map is moved once for a survey: whoever could not go on after that goes on from there.
 */
export class SequencedLog {
  readonly #host: LogHost
  readonly #slot: ProgressLog
  readonly #copy: PartitionCopy
  readonly #suspicion: Suspicion
  #moved: MovedMap | undefined

  constructor(host: LogHost, slot: ProgressLog, copy: PartitionCopy) {
    this.#host = host
    this.#slot = slot
    this.#copy = copy
    this.#suspicion = new Suspicion(host.platform.clock)
  }

  /** Whether what ends the log was written by us, where it should be; if not, what follows from that is done: 'mended'. */
  async mend(tail: Tail): Promise<StopReason | 'mended' | undefined> {
    const { progress, source, remote, map } = this.#copy
    if (this.#moved?.map === map) return this.#join(this.#moved)
    const { start, joint } = progress
    const acknowledged = map.nextDownstream
    const verdict = judgeTail(tail, { producer: this.#producer, start: start.downstream, joint, acknowledged })
    if (verdict === 'ours') {
      this.#suspicion.drop()
      return undefined
    }
    if (verdict !== 'foreign') this.#suspicion.confirm(`${remote} ends at ${tail.end}, not at ${verdict.wentBackFrom}`)
    const survey = await this.#survey(tail)
    if (!survey) return foreign(`what stands at its end, below ${tail.end}, contradicts itself`)
    const at = map.nextUpstream
    const kept = survey.plannedEnd
    const isLost = kept < acknowledged
    const lostFrom = map.reverse(kept)
    const gaps: Gap[] = []
    const plannedAt = (downstream: number) => this.#plannedAt(downstream)
    for (const loss of lossesOf(survey, { acknowledged, at, lostFrom: lostFrom ?? map.lowestUpstream, plannedAt }))
      gaps.push(await writeLoss(this.#host, source, loss))
    const stopped = gaps.find(({ action }) => action === 'stop')
    if (stopped) return lossReason(stopped)
    const isSkipped = isLost && gaps[0]!.action === 'skip'
    if (isLost && lostFrom === undefined) {
      await this.#copy.startOver(progress, isSkipped ? at : map.lowestUpstream, survey.lag)
      return 'mended'
    }
    map.retreat(kept)
    map.displace(survey.displaced, kept)
    this.#moved = { map, survey, end: tail.end, upstream: isSkipped ? at : undefined }
    return this.#join(this.#moved)
  }

  /** What was planned for places that others came to hold is settled where it stands now; then the copy goes on behind it. */
  async #join({ map, survey, end, upstream }: MovedMap): Promise<StopReason | 'mended'> {
    const contested = await this.settleClaims(survey.mappedEnd)
    if (contested) return contested
    map.resume(end, survey.mappedEnd)
    const { mappedEnd: mapped, lag } = survey
    await this.#copy.join(this.#copy.progress, { end, mapped, upstream: upstream ?? map.nextUpstream, lag })
    this.#moved = undefined
    return 'mended'
  }

  /** The source offset that was to come to this place of the target. */
  #plannedAt(downstream: number): number {
    const { map, progress } = this.#copy
    const { joint, resumeAt = 0 } = progress
    if (downstream < map.plannedDownstream) return map.plannedAt(downstream)
    const isAtJoint = joint?.downstream === downstream && map.plannedDownstream <= joint.mapped
    return Math.max(isAtJoint ? joint.upstream : map.plannedAt(downstream), resumeAt)
  }

  /** Two plans for one place: the batch that stands there says which came true. */
  async settleClaims(end: number): Promise<StopReason | undefined> {
    const { map, remote } = this.#copy
    for (let at = map.contested(end); at !== undefined; at = map.contested(end)) {
      const batch = await this.#host.tails.batchAt(remote, at)
      if (!batch || !map.settle(at, batch.baseOffset, batch.crc)) return ambiguous(at, remote)
    }
    return undefined
  }

  /** Under whom this partition is, or was, written. */
  get #producer(): ProducerIdentity {
    return this.#slot.state.producer ?? this.#slot.producer
  }

  /** Reads who wrote what since the last place that is known to be ours. */
  async #survey({ end, batch: last }: Tail): Promise<TailSurvey | undefined> {
    const { target, targetOffsets, tails } = this.#host
    const { progress, remote, map } = this.#copy
    const { start, joint } = progress
    const producer = this.#producer
    const lag = joint?.lag ?? 0
    const floor = Math.max(start.downstream, joint?.downstream ?? 0)
    if (end <= floor) return shorterThan(end, joint?.mapped ?? end, last, producer, lag)
    let from = Math.max(floor, await targetOffsets.find(remote, EARLIEST))
    const acknowledged = map.nextDownstream
    if (acknowledged > from && acknowledged <= end) {
      const batch = await tails.batchAt(remote, acknowledged - 1)
      if (batch && isInPlace(batch, producer, lag)) from = acknowledged
    }
    for (let to = end; to - from > SURVEY_RECORDS; ) {
      const batch = await tails.batchAt(remote, Math.floor((from + to) / 2))
      if (!batch || isInPlace(batch, producer, lag)) from = batch ? batch.lastOffset + 1 : Math.ceil((from + to) / 2)
      else to = Math.max(from, batch.baseOffset)
    }
    const batches: BatchHeader[] = []
    for await (const batch of readLog(target, remote, { from, to: end })) batches.push(headerOf(batch))
    return surveyTail(batches, { from, end, producer, lag })
  }
}
