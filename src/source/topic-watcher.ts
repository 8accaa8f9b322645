// Looks at the source's metadata again and again, so that new topics, new partitions, moved leaders and recreated topics are
// found within one refresh.
import type { ClusterClient } from '../client/cluster-client.ts'
import type { TopicMetadata } from '../client/metadata.ts'
import type { HeliostatError } from '../platform/errors.ts'
import { type Platform, sleep } from '../platform/platform.ts'

export interface TopicWatcherOptions {
  readonly refreshMs: number
  /** Awaited: the next look follows when what was found has been dealt with. */
  readonly found: (topics: ReadonlyMap<string, TopicMetadata>) => Promise<void>
  readonly failed: (error: HeliostatError) => void
}

export class TopicWatcher {
  readonly #platform: Platform
  readonly #client: ClusterClient
  readonly #options: TopicWatcherOptions
  readonly #stopping = new AbortController()
  #running: Promise<void> | undefined

  constructor(platform: Platform, client: ClusterClient, options: TopicWatcherOptions) {
    this.#platform = platform
    this.#client = client
    this.#options = options
  }

  start(): void {
    this.#running ??= this.#watch()
  }

  async stop(): Promise<void> {
    this.#stopping.abort()
    await this.#running
  }

  async #watch(): Promise<void> {
    const { signal } = this.#stopping
    while (!signal.aborted) {
      try {
        await this.#client.refresh()
        if (!signal.aborted) await this.#options.found(this.#client.topics())
      } catch (error) {
        this.#options.failed(error as HeliostatError)
      }
      await sleep(this.#platform.clock, this.#options.refreshMs, signal)
    }
  }
}
