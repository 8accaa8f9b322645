// A connection to Redis as ioredis wants it told. What it logs in with may be rotated, so it is asked for anew before each connection is made.
import { Redis, type RedisOptions } from 'ioredis'
import type { TlsOptions } from '../platform/platform.ts'

export interface RedisLogin {
  readonly host: string
  readonly port: number
  readonly db: number
  readonly username: string | undefined
  readonly password: string | undefined
  /** Absent: not encrypted. */
  readonly tls: TlsOptions | undefined
}

const RETRY_MAX_MS = 1_000
const RETRY_STEP_MS = 50

/** Once `closing` is aborted a connection that ends is not made anew. */
export function redisOptions(login: () => RedisLogin, closing: AbortSignal): RedisOptions {
  return {
    ...ofLogin(login()),
    // ioredis calls it as a method of the options of the very connection that is to be made anew, which may be one that BullMQ made.
    retryStrategy(this: RedisOptions, attempt: number) {
      if (closing.aborted) return null
      Object.assign(this, ofLogin(login()))
      return Math.min(RETRY_MAX_MS, RETRY_STEP_MS * attempt)
    },
  }
}

function ofLogin({ tls, ...login }: RedisLogin): RedisOptions {
  if (!tls) return { ...login, tls: undefined }
  const { ca, cert, key, serverName } = tls
  const named = serverName === undefined ? {} : { servername: serverName }
  return { ...login, tls: { ca, cert, key, minVersion: 'TLSv1.2', ...named } }
}

/** What the Redis says that it is; rejects with why it cannot be used. */
export async function redisVersion(login: RedisLogin, timeoutMs: number): Promise<string> {
  const once = { lazyConnect: true, retryStrategy: () => null, maxRetriesPerRequest: 0 }
  const redis = new Redis({ ...ofLogin(login), ...once, connectTimeout: timeoutMs, commandTimeout: timeoutMs })
  let trouble: Error | undefined
  redis.on('error', (error) => {
    trouble = error
  })
  try {
    await redis.connect()
    return /^redis_version:(\S+)/m.exec(await redis.info('server'))?.[1] ?? 'unknown'
  } catch (error) {
    throw new Error(reasonOf(trouble ?? (error as Error)), { cause: error })
  } finally {
    redis.disconnect()
  }
}

/** A name with several addresses fails with all their errors, and with no words of its own. */
export function reasonOf(error: Error & { readonly errors?: readonly Error[] }): string {
  return error.message || (error.errors?.[0]?.message ?? error.name)
}
