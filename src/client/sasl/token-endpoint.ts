// Tokens for the credentials of a client (RFC 6749 §4.4, KIP-768), asked as Kafka's clients ask: the credentials in an Authorization header, the
// scope in the body. What goes wrong is told with the endpoint's own reason, and never with a secret.
import { HeliostatError } from '../../platform/errors.ts'
import type { HttpAnswer, PostHttp } from '../../platform/http.ts'
import type { Clock, TlsOptions } from '../../platform/platform.ts'
import { type Token, timeText, tokenOf } from './token.ts'

export interface TokenEndpoint {
  /** What the token is for, in messages: `clusters.west`. */
  readonly place: string
  readonly url: string
  readonly clientId: string
  /** Asked anew for every token. */
  readonly clientSecret: () => string
  readonly scope?: string | undefined
  readonly headerUrlencode: boolean
  readonly tls: () => TlsOptions
}

const TIMEOUT_MS = 10_000
const ANSWER_BYTES_MAX = 256 * 1024
const REASON_LENGTH_MAX = 200

export async function askForToken(clock: Clock, post: PostHttp, endpoint: TokenEndpoint): Promise<Token> {
  const url = new URL(endpoint.url)
  const secret = endpoint.clientSecret()
  const authorization = Buffer.from(credentials(endpoint, secret)).toString('base64')
  const fail = (what: string, retriable: boolean, cause?: unknown) => {
    const message = `${endpoint.place} gets no token from ${url.origin}${url.pathname}: ${what}`
    return new HeliostatError('HEL_TOKEN', message, { retriable, cause, where: { url: url.origin + url.pathname } })
  }
  const answer = await post({
    url,
    headers: {
      Authorization: `Basic ${authorization}`,
      'Content-Type': 'application/x-www-form-urlencoded',
      Accept: 'application/json',
    },
    body: bodyOf(endpoint),
    tls: endpoint.tls(),
    timeoutMs: TIMEOUT_MS,
    answerBytesMax: ANSWER_BYTES_MAX,
  }).catch((error) => {
    throw fail((error as Error).message, true, error)
  })
  const fields = fieldsOf(answer.body)
  // A refusal stays one until a person does something; anything else may pass.
  if (answer.status !== 200) {
    const reason = refusalOf(answer, fields, [secret, authorization])
    throw fail(reason, answer.status >= 500 || answer.status === 429)
  }
  if (!fields) throw fail('its answer is not a JSON object', true)
  const token = typeof fields['access_token'] === 'string' ? tokenOf(fields['access_token']) : undefined
  if (!token) throw fail('its answer has no access_token that can be one', true)
  const nowMs = clock.now()
  const expiresAtMs = earliest(token.expiresAtMs, lifetimeMs(fields['expires_in'], nowMs))
  if (expiresAtMs !== undefined && expiresAtMs <= nowMs)
    throw fail(`the token that it gave expired on ${timeText(expiresAtMs)}`, true)
  return { text: token.text, expiresAtMs }
}

function credentials({ clientId, headerUrlencode }: TokenEndpoint, secret: string): string {
  const encode = headerUrlencode ? formEncoded : (text: string) => text
  return `${encode(clientId)}:${encode(secret)}`
}

function bodyOf({ scope }: TokenEndpoint): string {
  return `grant_type=client_credentials${scope === undefined ? '' : `&scope=${formEncoded(scope)}`}`
}

const formEncoded = (text: string) => new URLSearchParams([['', text]]).toString().slice(1)

function fieldsOf(body: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const parsed: unknown = JSON.parse(body)
    return typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed) ? { ...parsed } : undefined
  } catch {
    return undefined
  }
}

/** RFC 6749 §5.2. An endpoint that repeats what it was given must not bring it into a log. */
function refusalOf(
  { status }: HttpAnswer,
  fields: Readonly<Record<string, unknown>> | undefined,
  secrets: readonly string[],
): string {
  const reasons = ['error', 'error_description'].flatMap((name) => {
    const reason = fields?.[name]
    if (typeof reason !== 'string') return []
    const veiled = secrets.reduce((text, secret) => (secret === '' ? text : text.replaceAll(secret, '***')), reason)
    return [veiled.replace(/[^\x20-\x7e]+/g, ' ').slice(0, REASON_LENGTH_MAX)]
  })
  return [`it answers with status ${status}`, ...reasons].join(': ')
}

function lifetimeMs(expiresIn: unknown, nowMs: number): number | undefined {
  const seconds = typeof expiresIn === 'string' ? Number(expiresIn) : expiresIn
  return typeof seconds === 'number' && Number.isFinite(seconds) ? nowMs + seconds * 1_000 : undefined
}

function earliest(...times: readonly (number | undefined)[]): number | undefined {
  const known = times.filter((time) => time !== undefined)
  return known.length === 0 ? undefined : Math.min(...known)
}
