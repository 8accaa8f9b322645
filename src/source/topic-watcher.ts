// Looks at the source's metadata again and again, so that new topics, new partitions, moved leaders and recreated topics are
// found within one refresh. When to look is decided here, or by whoever calls `look`.
import type { ClusterClient } from '../client/cluster-client.ts'
import type { TopicMetadata } from '../client/metadata.ts'
import type { HeliostatError } from '../platform/errors.ts'
import { type Platform, sleep } from '../platform/platform.ts'

export interface TopicWatcherOptions {
  readonly refreshMs: number
  /** Awaited: the next look follows when what was found has been dealt with. Resolves to a few words on that. */
  readonly found: (topics: ReadonlyMap<string, TopicMetadata>) => Promise<string>
  /** The source does not answer. */
  readonly failed: (error: HeliostatError) => void
}

export class TopicWatcher {
  readonly #platform: Platform
  readonly #client: ClusterClient
  readonly #options: TopicWatcherOptions
  readonly #stopping = new AbortController()
  #running: Promise<void> | undefined
  #looking: Promise<string> | undefined

  constructor(platform: Platform, client: ClusterClient, options: TopicWatcherOptions) {
    this.#platform = platform
    this.#client = client
    this.#options = options
  }

  /** Looks again and again. */
  start(): void {
    this.#running ??= this.#watch()
  }

  async stop(): Promise<void> {
    this.#stopping.abort()
    await this.#running
    await this.#looking?.catch(() => undefined) // whoever asked is told
  }

  /** Who asks while a look is under way shares it. Rejects when either cluster could not be asked. */
  look(): Promise<string> {
    this.#looking ??= this.#look().finally(() => {
      this.#looking = undefined
    })
    return this.#looking
  }

  async #look(): Promise<string> {
    try {
      await this.#client.refresh()
    } catch (error) {
      this.#options.failed(error as HeliostatError)
      throw error
    }
    return this.#stopping.signal.aborted ? 'stopped' : this.#options.found(this.#client.topics())
  }

  async #watch(): Promise<void> {
    const { signal } = this.#stopping
    while (!signal.aborted) {
      await this.look().catch(() => undefined) // told to `failed`, or noted by whom it was found for
      await sleep(this.#platform.clock, this.#options.refreshMs, signal)
    }
  }
}
