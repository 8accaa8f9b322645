// Going on with a copy that MirrorMaker 2 made, at the very record where it ends. MirrorMaker's offset syncs say where some records stand;
// from the oldest one that holds, copy and source are read side by side and every record is compared, up to the end of the copy. What
// cannot be proved that way is refused in words, and nothing is touched. The offsets that Connect keeps are not asked: of a MirrorMaker that
// was killed they lag behind its copy, and nothing in them says by how much.
//
// Invariants:
// 1. Every pair of the map was a sync of MirrorMaker's or follows one pair after another, and both records were equal.
// 2. The last record of the copy is paired: the next source record to come is not on the target, and all before it that the
//    compared stretch reaches are.
// 3. MirrorMaker copies in order, and begins anew at what it had committed. So had one of its lives come further than its last, the next
//    record to come would stand below the compared stretch: it is looked for there.
import type { ClusterClient } from '../client/cluster-client.ts'
import { fetchPage, readLog } from '../client/log-reader.ts'
import { EARLIEST, LATEST, OffsetLookup } from '../client/offset-lookup.ts'
import { TopicPartition } from '../client/topic-partition.ts'
import { OffsetMap } from '../offset-translation/offset-map.ts'
import { decodeOffsetSync, type OffsetPair } from '../offset-translation/offset-sync.ts'
import { HeliostatError } from '../platform/errors.ts'
import type { Platform } from '../platform/platform.ts'
import type { Record } from '../records/record.ts'
import { AbortedFilter } from '../source/aborted-filter.ts'
import type { EpochStart } from '../source/divergence.ts'
import { offsetSyncsAtSource, type ReplicationPolicy } from './replication-policy.ts'

/** Where a copy ends in its source. */
export interface TakenOver {
  /** Of the stretch that was compared; what lies below it is not known. */
  readonly map: OffsetMap
  /** The source offset to go on with. */
  readonly upstream: number
  /** Of the source's records that were compared. */
  readonly epochs: readonly EpochStart[]
}

export interface TakeOverOptions {
  readonly source: ClusterClient
  readonly target: ClusterClient
  readonly policy: ReplicationPolicy
  /** What MirrorMaker calls the target. */
  readonly targetAlias: string
}

type Isolation = 'read_committed' | 'read_uncommitted'

interface Run extends OffsetPair {
  readonly count: number
}

interface Stretch {
  readonly runs: readonly Run[]
  readonly epochs: readonly EpochStart[]
  /** Whether what MirrorMaker read depends on its isolation. */
  readonly hasTransactions: boolean
  /** The target gives records the time of their arrival. */
  readonly isRestamped: boolean
}

interface Both {
  readonly source: TopicPartition
  readonly remote: TopicPartition
  /** Where the copy ends. */
  readonly end: number
}

/** Each holds a page of either side. */
const COMPARED_AT_ONCE = 4
/** Of the syncs of one partition the newest ones: how far back the comparison may begin. */
const SYNCS_KEPT = 128
const OFFSETS_BACK_MAX = 100_000
/** Partitions that ask at about the same time share one reading of the syncs. */
const SYNCS_COUNT_MS = 5_000
/** A copy that was refused and has not grown is not read again so soon. */
const REFUSAL_COUNTS_MS = 10 * 60_000

export class TakeOver {
  readonly #platform: Platform
  readonly #options: TakeOverOptions
  /** Where MirrorMaker writes offset syncs: at the source, or at the target when it was told so. */
  readonly #syncTopics: { readonly source: string; readonly target: string }
  readonly #sourceOffsets: OffsetLookup
  readonly #targetOffsets: OffsetLookup
  #syncs: { readonly found: Promise<ReadonlyMap<string, OffsetPair[]>>; readonly until: number } | undefined
  readonly #refused = new Map<TopicPartition, { readonly end: number; readonly why: string; readonly until: number }>()
  #comparing = 0
  readonly #waiting: (() => void)[] = []

  constructor(platform: Platform, options: TakeOverOptions) {
    this.#platform = platform
    this.#options = options
    const { policy, targetAlias } = options
    this.#syncTopics = {
      source: offsetSyncsAtSource(targetAlias, policy.separator),
      target: policy.offsetSyncsTopic,
    }
    this.#sourceOffsets = new OffsetLookup(platform, options.source)
    this.#targetOffsets = new OffsetLookup(platform, options.target)
  }

  /** Where the copy ends in its source; a sentence when that cannot be said for certain. */
  async compare(both: Both): Promise<TakenOver | string> {
    if (this.#comparing >= COMPARED_AT_ONCE) await new Promise<void>((resolve) => this.#waiting.push(resolve))
    else this.#comparing++
    try {
      return await this.#compare(both)
    } finally {
      const next = this.#waiting.shift()
      if (next) next()
      else this.#comparing--
    }
  }

  async #compare(both: Both): Promise<TakenOver | string> {
    const { source, remote, end } = both
    const [{ from: sourceStart, to: sourceEnd }, targetStart] = await Promise.all([
      this.#sourceOffsets.range(source),
      this.#targetOffsets.find(remote, EARLIEST),
    ])
    if (sourceStart === sourceEnd) {
      // Whatever it copied, there is nothing left that could be missing, or come twice.
      const start = { upstream: sourceEnd, downstream: end }
      return { map: new OffsetMap({ start }), upstream: sourceEnd, epochs: [] }
    }
    const known = nearest(await this.#syncsOf(source), end)
    const syncs = known.filter(
      ({ upstream, downstream }) => upstream >= sourceStart && upstream < sourceEnd && downstream >= targetStart,
    )
    if (syncs.length === 0) return this.#withoutSyncs(both, known.length > 0)
    const now = this.#platform.clock.monotonic()
    const refused = this.#refused.get(remote)
    if (refused && refused.end === end && refused.until > now) return refused.why
    const found = await this.#compareFromSyncs(both, syncs, { sourceEnd, targetStart })
    if (typeof found === 'string') this.#refused.set(remote, { end, why: found, until: now + REFUSAL_COUNTS_MS })
    else this.#refused.delete(remote)
    return found
  }

  async #compareFromSyncs(
    both: Both,
    syncs: readonly OffsetPair[],
    { sourceEnd, targetStart }: { sourceEnd: number; targetStart: number },
  ): Promise<TakenOver | string> {
    const { source, remote } = both
    const all = await this.#stretch(both, syncs, 'read_uncommitted', sourceEnd)
    // MirrorMaker reads uncommitted unless told otherwise: what is on the target says which it was.
    const committed =
      typeof all === 'string' || all.hasTransactions
        ? await this.#stretch(both, syncs, 'read_committed', sourceEnd)
        : all
    if (typeof all !== 'string' && typeof committed !== 'string' && nextOf(all) !== nextOf(committed))
      return `${remote} ends with records that stand more than once in ${source}, in transactions that were aborted and others: nobody can say which of them it holds`
    const stretch = longerOf(all, committed)
    if (typeof stretch === 'string') return stretch
    return (await this.#furtherCopied(both, stretch, targetStart)) ?? takenOver(stretch)
  }

  #withoutSyncs({ source, remote }: Both, wereThere: boolean): string {
    const { source: atSource, target: atTarget } = this.#syncTopics
    return wereThere
      ? `neither ${source} nor ${remote} keeps the records any more that the offset syncs of MirrorMaker speak of`
      : `no offset sync of MirrorMaker speaks of ${source}: they are read from ${atSource} on ${this.#options.source.name}, and from ${atTarget} on ${this.#options.target.name}`
  }

  // ---- the comparison

  /** From the oldest sync that holds to the end of the copy; a sentence when none holds so far. */
  async #stretch(
    both: Both,
    syncs: readonly OffsetPair[],
    isolation: Isolation,
    sourceEnd: number,
  ): Promise<Stretch | string> {
    let broken = { downstream: 0, why: '' }
    for (const [index, sync] of syncs.entries()) {
      if (sync.downstream < broken.downstream) continue
      const found = await this.#compareFrom(both, syncs.slice(index), isolation, sourceEnd)
      if ('runs' in found) return found
      if (found.downstream >= broken.downstream) broken = found
    }
    return broken.why
  }

  async #compareFrom(
    { source, remote, end }: Both,
    [first, ...further]: readonly OffsetPair[],
    isolation: Isolation,
    sourceEnd: number,
  ): Promise<Stretch | { downstream: number; why: string }> {
    const originals = new Cursor(this.#options.source, source, { from: first!.upstream, to: sourceEnd, isolation })
    // A transaction of the target that is open hides what follows: its coordinator ends it, and then all is read.
    const copies = new Cursor(this.#options.target, remote, {
      from: first!.downstream,
      to: end,
      isolation: 'read_committed',
    })
    const syncs = Map.groupBy(further, ({ downstream }) => downstream)
    const runs: Run[] = []
    for (let expected: OffsetPair | undefined = first!; ; expected = undefined) {
      const copy = await copies.next()
      if (!copy) break
      const original = await originals.next()
      const downstream = copy.offset
      if (!original)
        return { downstream, why: `${remote} holds a record at ${downstream} that ${source} does not have` }
      const upstream = original.offset
      if (expected && (expected.upstream !== upstream || expected.downstream !== downstream))
        return {
          downstream: Math.max(downstream, expected.downstream + 1),
          why: `by an offset sync of MirrorMaker's, source offset ${expected.upstream} of ${source} stands at ${expected.downstream} of ${remote}, and there is no such record on both sides`,
        }
      if (!isSame(original, copy, copies.isRestamped))
        return {
          downstream: expected ? downstream + 1 : downstream,
          why: `at ${downstream} of ${remote} stands another record than at ${upstream} of ${source}`,
        }
      // Of equal records a sync says which one it is. One that speaks of another record is not of this flow, or of an older topic.
      for (const sync of syncs.get(downstream) ?? [])
        if (sync.upstream !== upstream && (await this.#isEqualAt(source, sync.upstream, copy, copies.isRestamped)))
          return {
            downstream,
            why: `${remote} has equal records, and nobody can say which of ${source} is the last one`,
          }
      const last = runs.at(-1)
      if (last && last.upstream + last.count === upstream && last.downstream + last.count === downstream)
        runs[runs.length - 1] = { ...last, count: last.count + 1 }
      else runs.push({ upstream, downstream, count: 1 })
    }
    if (!copies.isAtEnd)
      throw new HeliostatError('HEL_TAKE_OVER', `a transaction in ${remote} is not ended yet`, { retriable: true })
    if (runs.length === 0)
      return { downstream: end, why: `${remote} has no record at ${first!.downstream} any more, nor behind it` }
    const { epochs, hasTransactions } = originals
    return { runs, epochs, hasTransactions, isRestamped: copies.isRestamped }
  }

  async #isEqualAt(source: TopicPartition, upstream: number, copy: Record, isRestamped: boolean): Promise<boolean> {
    const range = { from: upstream, to: upstream + 1, isolation: 'read_uncommitted' } as const
    const original = await new Cursor(this.#options.source, source, range).next()
    return original !== undefined && isSame(original, copy, isRestamped)
  }

  /** Invariant 3: why the copy cannot be gone on with; undefined when no life of MirrorMaker came further than its last. */
  async #furtherCopied({ source, remote }: Both, stretch: Stretch, targetStart: number): Promise<string | undefined> {
    const begin = stretch.runs[0]!.downstream
    if (begin === targetStart) return undefined
    const to = await this.#sourceOffsets.find(source, LATEST)
    let looked = -1
    for (const isolation of ['read_uncommitted', 'read_committed'] as const) {
      const record = await new Cursor(this.#options.source, source, { from: nextOf(stretch), to, isolation }).next()
      if (!record || record.offset === looked) continue
      looked = record.offset
      if (stretch.isRestamped)
        return `${remote} has its own times (message.timestamp.type), by which nothing can be found in it`
      const from = record.timestamp < 0 ? targetStart : await this.#targetOffsets.find(remote, record.timestamp)
      if (from < 0 || from >= begin) continue
      const below = new Cursor(this.#options.target, remote, { from, to: begin, isolation: 'read_committed' })
      for (let copy = await below.next(); copy; copy = await below.next())
        if (isSame(record, copy, false))
          return `the record at ${record.offset} of ${source}, which would come next, stands at ${copy.offset} of ${remote} already: MirrorMaker had come further before it was started the last time`
    }
    return undefined
  }

  // ---- what MirrorMaker says

  async #syncsOf({ topic, partition }: TopicPartition): Promise<OffsetPair[]> {
    const now = this.#platform.clock.monotonic()
    if (!this.#syncs || this.#syncs.until < now) this.#syncs = { found: this.#readSyncs(), until: now + SYNCS_COUNT_MS }
    try {
      return (await this.#syncs.found).get(`${topic}-${partition}`) ?? []
    } catch (error) {
      this.#syncs = undefined
      throw error
    }
  }

  /** A mirror the other way may write its own to a topic of the same name: such syncs fit no record, or are refuted by the records. */
  async #readSyncs(): Promise<ReadonlyMap<string, OffsetPair[]>> {
    const { source, target } = this.#options
    const found = new Map<string, OffsetPair[]>()
    for (const [client, topic] of [
      [source, this.#syncTopics.source],
      [target, this.#syncTopics.target],
    ] as const) {
      if (!client.topics().has(topic)) continue
      const here = new Map<string, OffsetPair[]>()
      const topicPartition = TopicPartition.of(topic, 0)
      const offsets = client === source ? this.#sourceOffsets : this.#targetOffsets
      for await (const batch of readLog(client, topicPartition, await offsets.range(topicPartition))) {
        if (batch.isControl) continue
        for (const record of batch.records()) note(here, record)
      }
      for (const [partition, syncs] of here) found.set(partition, [...(found.get(partition) ?? []), ...syncs])
    }
    for (const syncs of found.values()) syncs.sort((a, b) => a.downstream - b.downstream)
    return found
  }
}

/** The newest of each partition, as they were written. */
function note(found: Map<string, OffsetPair[]>, record: Record): void {
  const sync = decodeOffsetSync(record)
  if (!sync) return
  const { topic, partition, upstreamOffset: upstream, downstreamOffset: downstream } = sync
  const key = `${topic}-${partition}`
  const syncs = found.get(key) ?? []
  found.set(key, syncs)
  syncs.push({ upstream, downstream })
  if (syncs.length > SYNCS_KEPT) syncs.shift()
}

/** Those below the end that are near enough to begin at; the last one wherever it is. */
function nearest(syncs: readonly OffsetPair[], end: number): readonly OffsetPair[] {
  const below = syncs.filter(({ downstream }) => downstream < end)
  const near = below.filter(({ downstream }) => downstream >= end - OFFSETS_BACK_MAX)
  return near.length > 0 ? near : below.slice(-1)
}

function nextOf({ runs }: Stretch): number {
  const last = runs.at(-1)!
  return last.upstream + last.count
}

function longerOf(one: Stretch | string, other: Stretch | string): Stretch | string {
  if (typeof one === 'string') return other
  if (typeof other === 'string') return one
  return other.runs[0]!.downstream < one.runs[0]!.downstream ? other : one
}

function takenOver(stretch: Stretch): TakenOver {
  const { upstream, downstream } = stretch.runs[0]!
  const map = new OffsetMap({ start: { upstream, downstream } })
  for (const run of stretch.runs) map.observe(run.upstream, run.downstream, run.count)
  return { map, upstream: nextOf(stretch), epochs: stretch.epochs }
}

function isSame(original: Record, copy: Record, timesDiffer: boolean): boolean {
  return (
    (timesDiffer || original.timestamp === copy.timestamp) &&
    isEqual(original.key, copy.key) &&
    isEqual(original.value, copy.value) &&
    original.headers.length === copy.headers.length &&
    original.headers.every(({ key, value }, at) => {
      const other = copy.headers[at]!
      return key === other.key && isEqual(value, other.value)
    })
  )
}

function isEqual(a: Buffer | null, b: Buffer | null): boolean {
  return a === null || b === null ? a === b : a.equals(b)
}

/** The records of a stretch of one partition, one after the other, as a consumer at this isolation gets them. */
class Cursor {
  hasTransactions = false
  isRestamped = false
  readonly epochs: EpochStart[] = []
  readonly #batches: AsyncGenerator<readonly Record[]>
  readonly #to: number
  #records: readonly Record[] = []
  #at = 0
  #readTo: number

  constructor(
    client: ClusterClient,
    topicPartition: TopicPartition,
    { from, to, isolation }: { from: number; to: number; isolation: Isolation },
  ) {
    this.#readTo = from
    this.#to = to
    this.#batches = this.#read(client, topicPartition, isolation)
  }

  async next(): Promise<Record | undefined> {
    while (this.#at >= this.#records.length) {
      const { done, value } = await this.#batches.next()
      if (done) return undefined
      this.#records = value
      this.#at = 0
    }
    return this.#records[this.#at++]
  }

  /** Whether all there is was read. */
  get isAtEnd(): boolean {
    return this.#readTo >= this.#to
  }

  async *#read(client: ClusterClient, topicPartition: TopicPartition, isolation: Isolation) {
    const [from, to] = [this.#readTo, this.#to]
    while (this.#readTo < to) {
      const before = this.#readTo
      const { batches, abortedTransactions } = await fetchPage(client, topicPartition, before, isolation)
      const filter = new AbortedFilter(isolation === 'read_committed' ? abortedTransactions : null)
      for (const batch of batches) {
        const verdict = filter.verdict(batch)
        if (batch.lastOffset < this.#readTo) continue
        this.#readTo = batch.nextOffset
        this.hasTransactions ||= batch.isTransactional
        if (verdict !== 'keep') continue
        this.isRestamped ||= batch.timestampType === 'LogAppendTime'
        const { partitionLeaderEpoch: epoch } = batch
        if (epoch > (this.epochs.at(-1)?.epoch ?? -1))
          this.epochs.push({ epoch, upstream: Math.max(from, batch.baseOffset) })
        yield batch.records().filter(({ offset }) => offset >= from && offset < to)
      }
      if (this.#readTo === before) return
    }
  }
}
