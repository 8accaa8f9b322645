// Tokens for the credentials of a client, from a real HTTPS server; and everything that can be wrong with its answer, told without a secret.
import { createServer, type Socket } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { askForToken, type TokenEndpoint } from '../../src/client/sasl/token-endpoint.ts'
import { HeliostatError } from '../../src/platform/errors.ts'
import { nodeClock } from '../../src/platform/node-clock.ts'
import { nodeHttpPost } from '../../src/platform/node-http.ts'
import { makeCertificates } from '../support/certificate.ts'
import { type Answer, grant, TokenIssuer, unsignedToken } from '../support/token-issuer.ts'

const SECRET = 's3cret:+/ä'
const ask = (over?: Partial<TokenEndpoint>) => askForToken(nodeClock(), nodeHttpPost, endpointOf(over))
let issuer: TokenIssuer
const endpointOf = (over: Partial<TokenEndpoint> = {}): TokenEndpoint => ({
  place: 'clusters.west',
  url: issuer.url,
  clientId: 'mirror',
  clientSecret: () => SECRET,
  scope: 'kafka read',
  headerUrlencode: false,
  tls: () => ({ ca: issuer.ca }),
  ...over,
})

beforeAll(async () => {
  issuer = await TokenIssuer.start()
})
afterAll(() => issuer.stop())

async function refusal(over?: Partial<TokenEndpoint>): Promise<HeliostatError> {
  const error = await ask(over).then(
    () => expect.fail('there was a token'),
    (reason) => reason,
  )
  expect(error).toBeInstanceOf(HeliostatError)
  const shown = `${error.message}${error.stack}${JSON.stringify(error)}${JSON.stringify(error.cause ?? null)}`
  for (const secret of [SECRET, 's3cret', Buffer.from(`mirror:${SECRET}`).toString('base64')])
    expect(shown).not.toContain(secret)
  return error
}

describe('a token endpoint', () => {
  it('is asked as Kafka’s clients ask', async () => {
    const token = unsignedToken(60_000)
    issuer.answer = () => grant(token, { expires_in: 3_600 })
    const before = Date.now()
    const { text, expiresAtMs } = await ask()
    expect(text).toBe(token)
    // The token's own end comes first.
    expect(expiresAtMs! - before).toBeLessThanOrEqual(61_000)
    const { authorization, body } = issuer.asked.at(-1)!
    expect(Buffer.from(authorization.replace('Basic ', ''), 'base64').toString()).toBe(`mirror:${SECRET}`)
    expect(body).toBe('grant_type=client_credentials&scope=kafka+read')
    await ask({ headerUrlencode: true, scope: undefined })
    const encoded = issuer.asked.at(-1)!
    expect(Buffer.from(encoded.authorization.slice(6), 'base64').toString()).toBe('mirror:s3cret%3A%2B%2F%C3%A4')
    expect(encoded.body).toBe('grant_type=client_credentials')
  })

  it('may give tokens that say nothing, and say itself how long they hold', async () => {
    issuer.answer = () => grant('opaque', { expires_in: 30 })
    const { expiresAtMs } = await ask()
    expect(expiresAtMs! - Date.now()).toBeGreaterThan(25_000)
    issuer.answer = () => grant('opaque')
    expect(await ask()).toEqual({ text: 'opaque', expiresAtMs: undefined })
  })

  const json = (body: object, status = 200): Answer => ({ status, body: JSON.stringify(body) })
  it.each<[string, Answer, string, boolean]>([
    [
      'refuses',
      json({ error: 'invalid_client', error_description: `wrong: ${SECRET}` }, 401),
      'it answers with status 401: invalid_client: wrong: ***',
      false,
    ],
    ['refuses without a reason', { status: 403, body: '<html>' }, 'it answers with status 403', false],
    ['is overwhelmed', { status: 503, body: '' }, 'it answers with status 503', true],
    [
      'leads elsewhere',
      { status: 302, headers: { Location: 'https://example.com' }, body: '' },
      'it answers with status 302',
      false,
    ],
    ['speaks no JSON', { body: '<html>' }, 'its answer is not a JSON object', true],
    ['answers with a list', { body: '[]' }, 'its answer is not a JSON object', true],
    ['forgets the token', json({ token_type: 'Bearer' }), 'its answer has no access_token that can be one', true],
    [
      'gives what can be no token',
      json({ access_token: 'a b\r\nX: y' }),
      'its answer has no access_token that can be one',
      true,
    ],
    ['gives one that has expired', grant(unsignedToken(-5_000)), 'the token that it gave expired on 20', true],
    ['answers without end', { body: 'x'.repeat(300 * 1024) }, 'the answer is larger than 262144 bytes', true],
  ])('that %s is told so, by place and reason', async (_, answer, says, retriable) => {
    issuer.answer = () => answer
    const error = await refusal()
    expect(error.message).toContain(`clusters.west gets no token from ${issuer.url}: ${says}`)
    expect([error.code, error.retriable]).toEqual(['HEL_TOKEN', retriable])
  })

  it('is not believed without its certificate', async () => {
    expect((await refusal({ tls: () => ({ ca: makeCertificates().ca }) })).message).toMatch(
      /TLS with 127\.0\.0\.1:\d+ failed/,
    )
  })

  it('that hangs up in the middle, falls silent, speaks no HTTP or is down is told so', async () => {
    const sockets: Socket[] = []
    let answer: (socket: Socket) => void = (socket) => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{"acc')
    const server = createServer((socket) => {
      sockets.push(socket)
      socket.on('error', () => undefined).once('data', () => answer(socket))
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as { port: number }
    const url = `http://127.0.0.1:${port}/token`
    expect((await refusal({ url })).message).toContain('the connection ended before the answer did')
    answer = (socket) => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{"acc')
    const bounds = { timeoutMs: 100, answerBytesMax: 1024 }
    const silence = nodeHttpPost({ url: new URL(url), headers: {}, body: '', tls: {}, ...bounds })
    await expect(silence).rejects.toThrow('there is no answer within 100 ms')
    answer = (socket) => socket.end('SSH-2.0-OpenSSH\r\n')
    expect((await refusal({ url })).message).toContain('Expected HTTP/')
    await new Promise((resolve) => {
      server.close(resolve)
      for (const socket of sockets) socket.destroy()
    })
    const error = await refusal({ url })
    expect(error.message).toContain(`cannot reach 127.0.0.1:${port}: connection refused`)
    expect(error.retriable).toBe(true)
  })
})
