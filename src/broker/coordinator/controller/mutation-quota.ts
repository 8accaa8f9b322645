import { TokenBucket } from '../../quota/token-bucket.ts'
import type { ItemError, MutationRequester } from './command.ts'
import type { ReadonlyMetadataImage } from './metadata-image.ts'
import { invalid } from './topic-creation.ts'

/** Client ids are whatever clients send; who was seen longest ago begins with a full bucket again. */
const BUCKETS_MAX = 10_000

/** What one request may still do of the partitions that it creates or deletes. */
export interface MutationQuota {
  /** Counts the partitions; why they are not to be made or removed, undefined when they are. */
  take(partitions: number): ItemError | undefined
  /** For how long the client must pause. */
  readonly pauseMs: number
}

const UNLIMITED: MutationQuota = { take: () => undefined, pauseMs: 0 }

/**
 * controller_mutation_rate (KIP-599), which counts partitions created and deleted, each client's in a bucket of tokens. Kept with the
 * controller, which decides alone what is done, and lost with it: a new one begins with full buckets.
 */
export class MutationQuotas {
  readonly #image: ReadonlyMetadataImage
  readonly #buckets = new Map<string, TokenBucket>()

  constructor(image: ReadonlyMetadataImage) {
    this.#image = image
  }

  of(requester: MutationRequester | undefined, nowMs: number): MutationQuota {
    const { user = '', clientId = '' } = requester ?? {}
    const held = requester && this.#image.quotas.ofClient('controller_mutation_rate', user, clientId)
    if (!held) return UNLIMITED
    const { limit } = held
    const burst = limit * requester.burstSeconds
    const bucket = this.#bucket(held.sharedBy)
    let pauseMs = 0
    const missingMs = () => Math.max(0, Math.round((-bucket.tokens(limit, burst, nowMs) / limit) * 1000))
    return {
      take: (partitions) => {
        if (requester.isStrict) pauseMs = missingMs()
        if (requester.isStrict && pauseMs > 0) {
          return invalid('THROTTLING_QUOTA_EXCEEDED', 'The throttling quota has been exceeded.')
        }
        bucket.take(partitions, limit, burst, nowMs)
        if (!requester.isStrict) pauseMs = missingMs()
        return undefined
      },
      get pauseMs() {
        return pauseMs
      },
    }
  }

  #bucket(name: string): TokenBucket {
    const bucket = this.#buckets.get(name) ?? new TokenBucket()
    // Set anew to stand last.
    this.#buckets.delete(name)
    this.#buckets.set(name, bucket)
    if (this.#buckets.size > BUCKETS_MAX) this.#buckets.delete(this.#buckets.keys().next().value!)
    return bucket
  }
}
