// What the target's logs still hold: from where to where a group may be put.
import type { ClusterClient } from '../client/cluster-client.ts'
import { OffsetLookup } from '../client/offset-lookup.ts'
import type { TopicPartition } from '../client/topic-partition.ts'
import type { Platform } from '../platform/platform.ts'
import type { LogRange } from './group-sync-rules.ts'

export class LogRanges {
  readonly #client: ClusterClient
  readonly #lookup: OffsetLookup

  constructor(platform: Platform, client: ClusterClient) {
    this.#client = client
    this.#lookup = new OffsetLookup(platform, client)
  }

  /** Each is asked for once; undefined: it could not be asked. */
  async of(partitions: ReadonlySet<TopicPartition>): Promise<Map<TopicPartition, LogRange | undefined>> {
    for (const { topic, partition } of partitions)
      if (this.#client.leaderOf(topic, partition) === undefined) {
        await this.#client.refresh()
        break
      }
    const ranges = new Map<TopicPartition, LogRange | undefined>()
    await Promise.all(Array.from(partitions, async (partition) => ranges.set(partition, await this.#ask(partition))))
    // Most likely a leader moved: the next pass finds it.
    if ([...ranges.values()].includes(undefined)) await this.#client.refresh()
    return ranges
  }

  async #ask(partition: TopicPartition): Promise<LogRange | undefined> {
    const range = await this.#lookup.range(partition).catch(() => undefined)
    return range && { logStartOffset: range.from, endOffset: range.to }
  }
}
