// The gap ledger, `heliostat.<source>.gaps.internal`: one record for each gap, under a key of its own, so a gap that is met again
// after a restart is the same entry. Every instance writes to it and reads what all of them ever wrote.
import type { ClusterClient } from '../client/cluster-client.ts'
import { LogAppender } from '../client/log-appender.ts'
import { readLog } from '../client/log-reader.ts'
import { EARLIEST, LATEST, OffsetLookup } from '../client/offset-lookup.ts'
import { TopicPartition } from '../client/topic-partition.ts'
import { HeliostatError } from '../platform/errors.ts'
import type { Platform } from '../platform/platform.ts'
import { ErrorCode, errorOf } from '../protocol/errors.ts'
import { buildBatch } from '../records/batch-builder.ts'
import { type Gap, gapKey, isSameGap } from './gap.ts'

const VERSION = 1

/**
 * 1. `#entries` holds what was read up to `#readTo`, and what this instance wrote since.
 */
export class GapLedger {
  readonly #platform: Platform
  readonly #client: ClusterClient
  readonly #topic: string
  readonly #offsets: OffsetLookup
  readonly #appender: LogAppender
  readonly #onWritten: (gap: Gap) => void
  readonly #entries = new Map<string, Gap>()
  readonly #byPartition = new Map<TopicPartition, Set<string>>()
  #readTo = 0

  /** `onWritten` hears of every entry that is written here. */
  constructor(platform: Platform, client: ClusterClient, topic: string, onWritten: (gap: Gap) => void = () => {}) {
    this.#platform = platform
    this.#client = client
    this.#topic = topic
    this.#onWritten = onWritten
    this.#offsets = new OffsetLookup(platform, client)
    this.#appender = new LogAppender(platform, client)
  }

  /** All that is known, the oldest first. */
  entries(): Gap[] {
    return [...this.#entries.values()].sort((a, b) => a.seenAt - b.seenAt)
  }

  of(topicPartition: TopicPartition): Gap[] {
    return [...(this.#byPartition.get(topicPartition) ?? [])].map((key) => this.#entries.get(key)!)
  }

  /** Reads what was written since the last time, by whomever. */
  async refresh(): Promise<void> {
    const topicPartition = TopicPartition.of(this.#topic, 0)
    if (!this.#client.leaderOf(this.#topic, 0)) return
    const end = await this.#offsets.find(topicPartition, LATEST)
    if (end <= this.#readTo) return
    const from = Math.max(this.#readTo, await this.#offsets.find(topicPartition, EARLIEST))
    for await (const batch of readLog(this.#client, topicPartition, { from, to: end })) {
      if (!batch.isControl) for (const { value } of batch.records()) this.note(parse(value))
      this.#readTo = batch.nextOffset
    }
    this.#readTo = end
  }

  /** Durable when it resolves to the entry, which may be an older one that says the same. */
  async write(gap: Gap): Promise<Gap> {
    const known = this.#entries.get(gapKey(gap))
    if (known && isSameGap(known, gap)) return known
    const entry = known ? { ...gap, seenAt: known.seenAt } : gap
    await this.#append(entry)
    this.note(entry)
    this.#onWritten(entry)
    this.#platform.log.error('mirror.gap', `${gap.topic}-${gap.partition}: ${gap.reason}`, { ...entry })
    return entry
  }

  /** What another ledger of this process wrote is known before it is read. */
  note(gap: Gap | undefined): void {
    if (!gap) return
    const key = gapKey(gap)
    this.#entries.set(key, gap)
    const topicPartition = TopicPartition.of(gap.topic, gap.partition)
    const keys = this.#byPartition.get(topicPartition) ?? new Set()
    this.#byPartition.set(topicPartition, keys.add(key))
  }

  async #append(gap: Gap): Promise<void> {
    const value = JSON.stringify({ version: VERSION, ...gap })
    const batch = buildBatch([{ timestamp: this.#platform.clock.now(), key: gapKey(gap), value }])
    const { errorCode } = await this.#appender.append(TopicPartition.of(this.#topic, 0), batch)
    if (errorCode === ErrorCode.NONE) return
    const { name, retriable, message } = errorOf(errorCode)
    throw new HeliostatError('HEL_GAP_LEDGER', `the gap ledger cannot be written: ${name} (${message})`, { retriable })
  }
}

/** What a later release added, or somebody else wrote, is not ours to read. */
function parse(value: Buffer | null): Gap | undefined {
  try {
    const { version, ...gap } = JSON.parse(value?.toString() ?? 'null') as Gap & { version: number }
    const isGap = version === VERSION && typeof gap.topic === 'string' && Number.isSafeInteger(gap.from)
    return isGap && Number.isSafeInteger(gap.to) ? gap : undefined
  } catch {
    return undefined
  }
}
