// Where a Redis is and how to log in there, from `redis://[user:password@]host:port[/db]`.

export interface RedisUrl {
  readonly host: string
  readonly port: number
  readonly db: number
  readonly username: string | undefined
  readonly password: string | undefined
  /** `rediss:` */
  readonly isEncrypted: boolean
}

/** What may stand there; said without what does, which may hold a password. */
export const redisUrlForm =
  'write redis://host:port, redis://user:password@host:port/db, or rediss:// for TLS; in a password, # / ? % @ are %23 %2F %3F %25 %40'

const PORT = 6379

/** Undefined: it is none. */
export function parseRedisUrl(text: string): RedisUrl | undefined {
  const { protocol, hostname, port, pathname, username, password, search, hash } = urlOf(text) ?? {}
  if (!protocol || !hostname || search || hash || !/^(\/\d*)?$/.test(pathname!)) return undefined
  const [user, secret] = [decoded(username!), decoded(password!)]
  if (user === undefined || secret === undefined) return undefined
  return {
    host: hostname.replace(/^\[(.*)\]$/, '$1'),
    port: port ? Number(port) : PORT,
    db: Number(pathname!.slice(1)),
    username: user || undefined,
    password: secret || undefined,
    isEncrypted: protocol === 'rediss:',
  }
}

const urlOf = (text: string): URL | undefined =>
  /^rediss?:\/\/\S+$/.test(text) && URL.canParse(text) ? new URL(text) : undefined

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text)
  } catch {
    return undefined
  }
}
