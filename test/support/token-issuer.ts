// An issuer of tokens that says what a test wants, over HTTPS with a certificate of its own; its tokens are those that Kafka's validator of
// unsecured tokens takes.
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { makeCertificates } from './certificate.ts'

export interface Answer {
  readonly status?: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body: string
}

export interface Asked {
  readonly authorization: string
  readonly body: string
}

export class TokenIssuer {
  readonly ca: string
  readonly asked: Asked[] = []
  /** What it answers next and from then on. */
  answer: (asked: Asked) => Answer | Promise<Answer> = () => grant(unsignedToken())
  #port = 0
  readonly #server: ReturnType<typeof createServer>

  static async start(): Promise<TokenIssuer> {
    const issuer = new TokenIssuer()
    await issuer.restart()
    return issuer
  }

  private constructor() {
    const { ca, server } = makeCertificates()
    this.ca = ca
    this.#server = createServer(server, async (request, response) => {
      const chunks: Buffer[] = []
      for await (const chunk of request) chunks.push(chunk as Buffer)
      const asked = { authorization: request.headers.authorization ?? '', body: Buffer.concat(chunks).toString() }
      this.asked.push(asked)
      const { status = 200, headers = {}, body } = await this.answer(asked)
      response.writeHead(status, headers).end(body)
    })
  }

  get url(): string {
    return `https://127.0.0.1:${this.#port}/oauth2/token`
  }

  /** At the same address. */
  async restart(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(this.#port, '127.0.0.1', resolve))
    this.#port = (this.#server.address() as AddressInfo).port
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }
}

export function grant(token: string, fields: object = {}): Answer {
  const headers = { 'Content-Type': 'application/json' }
  return { headers, body: JSON.stringify({ access_token: token, token_type: 'Bearer', ...fields }) }
}

/** A JWT that nobody signed. */
export function unsignedToken(lifetimeMs = 600_000, subject = 'mirror'): string {
  const now = Math.floor(Date.now() / 1000)
  const encode = (part: object) => Buffer.from(JSON.stringify(part)).toString('base64url')
  const claims = { sub: subject, iat: now - 60, exp: now + lifetimeMs / 1000 }
  return `${encode({ alg: 'none' })}.${encode(claims)}.`
}
