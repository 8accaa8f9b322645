// One POST over the platform's network, for the token endpoint of a login: HTTP/1.1 (RFC 9112), one request a connection, no redirects, no
// proxy, no cookies. The answer is bounded in bytes and in time.
import { HeliostatError } from '../platform/errors.ts'
import type { Platform, TlsOptions } from '../platform/platform.ts'

export interface HttpPost {
  readonly url: URL
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
  /** Of https: URLs. */
  readonly tls: TlsOptions
  readonly timeoutMs: number
  readonly answerBytesMax: number
}

export interface HttpAnswer {
  readonly status: number
  readonly body: string
}

const ROOM_BYTES = 16 * 1024

/** Rejects with a HeliostatError when there is no whole answer; any status is an answer. */
export function httpPost(platform: Platform, post: HttpPost): Promise<HttpAnswer> {
  const { url, tls, timeoutMs, answerBytesMax } = post
  const isSecure = url.protocol === 'https:'
  const address = {
    host: url.hostname.replace(/^\[(.*)\]$/, '$1'),
    port: Number(url.port || (isSecure ? 443 : 80)),
  }
  return new Promise((resolve, reject) => {
    const room = Buffer.allocUnsafe(ROOM_BYTES)
    let received = Buffer.alloc(0)
    let isOver = false
    const finish = (settle: () => void) => {
      if (isOver) return
      isOver = true
      timer.cancel()
      settle()
      socket.destroy()
    }
    const fail = (why: string, cause?: unknown) =>
      finish(() => reject(new HeliostatError('HEL_HTTP', why, { retriable: true, cause, where: { ...address } })))
    const timer = platform.clock.setTimer(timeoutMs, () => fail(`there is no answer within ${timeoutMs} ms`))
    const look = (isEnd: boolean) => {
      try {
        const answer = readAnswer(received, isEnd)
        if (answer) finish(() => resolve(answer))
        else if (isEnd) fail('the connection ended before the answer did')
      } catch (error) {
        fail((error as Error).message)
      }
    }
    const socket = platform.network.connect(
      address,
      {
        opened: () => socket.write(requestOf(post)),
        readInto: () => room,
        didRead: (length) => {
          received = Buffer.concat([received, room.subarray(0, length)])
          if (received.length > answerBytesMax) fail(`the answer is larger than ${answerBytesMax} bytes`)
          else look(false)
        },
        closed: (error) => (error ? fail(error.message, error) : look(true)),
      },
      isSecure ? tls : undefined,
    )
  })
}

function requestOf({ url, headers, body }: HttpPost): Buffer[] {
  const content = Buffer.from(body)
  const fields = { Host: url.host, ...headers, 'Content-Length': String(content.length), Connection: 'close' }
  const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}\r\n`)
  return [Buffer.from(`POST ${url.pathname}${url.search} HTTP/1.1\r\n${lines.join('')}\r\n`), content]
}

const HEAD_END = '\r\n\r\n'

/** Undefined as long as it is not whole; throws when it never will be. */
export function readAnswer(bytes: Buffer, isEnd: boolean): HttpAnswer | undefined {
  const end = bytes.indexOf(HEAD_END)
  if (end < 0) {
    if (bytes.length >= 5 && bytes.toString('latin1', 0, 5) !== 'HTTP/') throw new Error('the answer is not HTTP')
    return undefined
  }
  const [statusLine, ...lines] = bytes.toString('latin1', 0, end).split('\r\n')
  const [, code] = /^HTTP\/1\.[01] (\d{3})(?: |$)/.exec(statusLine!) ?? []
  if (code === undefined) throw new Error('the answer is not HTTP')
  const status = Number(code)
  const content = bytes.subarray(end + HEAD_END.length)
  // 100 Continue and its like come before the answer.
  if (status < 200) return readAnswer(content, isEnd)
  const header = (name: string) => {
    const line = lines.find((text) => text.toLowerCase().startsWith(`${name}:`))
    return line?.slice(name.length + 1).trim()
  }
  const body = bodyOf(content, isEnd, header('transfer-encoding'), header('content-length'))
  return body && { status, body: body.toString() }
}

function bodyOf(
  content: Buffer,
  isEnd: boolean,
  transferEncoding: string | undefined,
  contentLength: string | undefined,
): Buffer | undefined {
  if (transferEncoding !== undefined) return /chunked$/i.test(transferEncoding) ? unchunked(content) : refuse()
  if (contentLength === undefined) return isEnd ? content : undefined
  const length = /^\d{1,9}$/.test(contentLength) ? Number(contentLength) : refuse()
  return content.length < length ? undefined : content.subarray(0, length)
}

function refuse(): never {
  throw new Error('the length of the answer cannot be understood')
}

function unchunked(content: Buffer): Buffer | undefined {
  const chunks: Buffer[] = []
  for (let at = 0; ; ) {
    const lineEnd = content.indexOf('\r\n', at)
    if (lineEnd < 0) return undefined
    const [digits] = /^[0-9a-f]{1,8}(?=\s*(?:;|$))/i.exec(content.toString('latin1', at, lineEnd)) ?? refuse()
    const [begin, length] = [lineEnd + 2, Number.parseInt(digits, 16)]
    if (length === 0) return Buffer.concat(chunks)
    if (content.length < begin + length + 2) return undefined
    chunks.push(content.subarray(begin, begin + length))
    at = begin + length + 2
  }
}
