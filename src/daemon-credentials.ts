// How a cluster of a configuration is logged in to: its certificates and secrets, those in files read anew whenever a connection is dialled or a
// login renewed. Made once for each cluster, so that all its connections share a token, and a broken file is told once.
import { type CertificateTexts, checkCertificates, type PemText } from './client/certificates.ts'
import type { SaslOptions } from './client/sasl/sasl.ts'
import { timeText, tokenOf } from './client/sasl/token.ts'
import { askForToken } from './client/sasl/token-endpoint.ts'
import { TokenSource } from './client/sasl/token-source.ts'
import type { ClusterConfig, Config } from './config/config.ts'
import type { Secret } from './config/fields.ts'
import { parseRedisUrl, redisUrlForm } from './config/redis-url.ts'
import { revealSecret } from './config/secret.ts'
import type { RedisLogin } from './jobs/redis-login.ts'
import { HeliostatError } from './platform/errors.ts'
import { KeptFiles } from './platform/kept-files.ts'
import { nodeHttpPost } from './platform/node-http.ts'
import type { Platform, TlsOptions, TlsSource } from './platform/platform.ts'

export interface Credentials {
  readonly tls: TlsSource | undefined
  readonly sasl: SaslOptions | undefined
}

type ReadText = (path: string) => string
type Sasl = NonNullable<ClusterConfig['sasl']>
type TokenEndpoint = NonNullable<Extract<Sasl, { mechanism: 'oauthbearer' }>['tokenEndpoint']>

/** Throws, with the file and the place, when something that is needed cannot be had. */
export function credentialsOf(
  platform: Platform,
  alias: string,
  { tls, sasl }: Pick<ClusterConfig, 'tls' | 'sasl'>,
  read: ReadText,
): Credentials {
  const files = new SecretFiles(platform, read)
  const place = `clusters.${alias}`
  return {
    tls: tls ? files.tls(`${place}.tls`, tls === true ? {} : tls) : undefined,
    sasl: sasl && files.sasl(place, sasl),
  }
}

/** A secret of the configuration as it is now: `place` says where it stands. Throws when it cannot be had to begin with. */
export function secretText(platform: Platform, place: string, secret: Secret, read: ReadText): () => string {
  return new SecretFiles(platform, read).text(place, secret)
}

/** What the server shows under TLS; the same object as long as its files are the same. */
export function serverTls(
  platform: Platform,
  tls: { readonly cert: Secret; readonly key: Secret },
  read: ReadText,
): () => TlsOptions {
  return new SecretFiles(platform, read).tls('server.tls', tls)
}

/** Where the Redis of the configuration is, and how to log in there. Throws when that cannot be had to begin with. */
export function redisLogin(platform: Platform, queue: NonNullable<Config['queue']>, read: ReadText): () => RedisLogin {
  return new SecretFiles(platform, read).redis('queue', queue)
}

/** The text of a file that the configuration names. */
export function readSecretFile({ disk }: Platform, path: string): string {
  try {
    return disk.read(path).toString('utf8')
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? (error as Error).message
    throw new HeliostatError('HEL_CONFIG', `${path} cannot be read (${code})`, { cause: error, where: { path } })
  }
}

class SecretFiles {
  readonly #platform: Platform
  readonly #read: ReadText

  constructor(platform: Platform, read: ReadText) {
    this.#platform = platform
    this.#read = read
  }

  text(place: string, secret: Secret): () => string {
    return this.#kept(place, [secret], ([text]) => {
      if (text === '') throw new Error(`${fromOf(secret)} is empty`)
      return text!
    })
  }

  tls(place: string, { serverName, ...pem }: Exclude<ClusterConfig['tls'], boolean | undefined>): () => TlsOptions {
    const given = (['ca', 'cert', 'key'] as const).flatMap((name) =>
      pem[name] === undefined ? [] : [{ name, secret: pem[name] }],
    )
    const secrets = given.map(({ secret }) => secret)
    return this.#kept(place, secrets, (texts) => {
      const pems = given.map(({ name, secret }, index): [string, PemText] => [
        name,
        { from: `.${name}${fromOf(secret)}`, text: texts[index]! },
      ])
      const { ca, cert, key }: CertificateTexts = Object.fromEntries(pems)
      checkCertificates({ ca, cert, key }, this.#platform.clock.now())
      return { ca: ca?.text, cert: cert?.text, key: key?.text, serverName }
    })
  }

  redis(place: string, { redis, tls = {} }: NonNullable<Config['queue']>): () => RedisLogin {
    const url = this.#kept(`${place}.redis`, [redis], ([text]) => {
      const found = parseRedisUrl(text!)
      if (!found) throw new Error(`${fromOf(redis)} is not the address of a Redis: ${redisUrlForm}`)
      return found
    })
    const certificates = this.tls(`${place}.tls`, tls)
    return () => {
      const { isEncrypted, ...address } = url()
      return { ...address, tls: isEncrypted ? certificates() : undefined }
    }
  }

  sasl(place: string, sasl: Sasl): SaslOptions {
    if (sasl.mechanism !== 'oauthbearer')
      return { ...sasl, password: this.text(`${place}.sasl.password`, sasl.password) }
    const { mechanism, token, tokenEndpoint, extensions } = sasl
    const source = tokenEndpoint ? this.#endpoint(place, tokenEndpoint) : this.#token(`${place}.sasl.token`, token!)
    return { mechanism, token: source, extensions }
  }

  #token(place: string, secret: Secret): () => Promise<string> {
    const token = this.#kept(place, [secret], ([text]) => {
      const found = tokenOf(text!.trim())
      if (!found) throw new Error(`${fromOf(secret)} holds no token`)
      return found
    })
    return async () => {
      const { text, expiresAtMs = Number.POSITIVE_INFINITY } = token()
      if (expiresAtMs > this.#platform.clock.now()) return text
      const message = `${place}${fromOf(secret)} expired on ${timeText(expiresAtMs)}`
      throw new HeliostatError('HEL_TOKEN', message, { retriable: true, where: { place } })
    }
  }

  #endpoint(place: string, endpoint: TokenEndpoint): () => Promise<string> {
    const at = `${place}.sasl.tokenEndpoint`
    const tls = this.tls(at, { ca: endpoint.ca })
    const clientSecret = this.text(`${at}.clientSecret`, endpoint.clientSecret)
    const { url, clientId, scope, headerUrlencode } = endpoint
    const asked = { place, url, clientId, clientSecret, scope, headerUrlencode, tls }
    const source = new TokenSource(this.#platform, () => askForToken(this.#platform.clock, nodeHttpPost, asked))
    return () => source.token()
  }

  /** A file that cannot be had to begin with is told with the place that names it. */
  #first<T>(place: string, make: () => T): T {
    try {
      return make()
    } catch (error) {
      const { message } = error as Error
      if (message.startsWith(place)) throw error
      throw new HeliostatError('HEL_CONFIG', `${place}: ${message}`, { cause: error, where: { place } })
    }
  }

  /** What is made of these, which is fixed when none of them is in a file. */
  #kept<T>(place: string, secrets: readonly Secret[], make: (texts: readonly string[]) => T): () => T {
    const read = () => secrets.map((secret) => revealSecret(secret, this.#read))
    const kept = this.#first(place, () => new KeptFiles(this.#platform.log, { place, read, make }))
    const made = kept.current()
    return secrets.some((secret) => typeof secret !== 'string') ? () => kept.current() : () => made
  }
}

const fromOf = (secret: Secret) => (typeof secret === 'string' ? '' : ` (${secret.file})`)
