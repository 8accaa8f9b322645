import type { SaslMechanism } from './sasl.ts'

/** What separates fields in RFC 7628, and alone is the answer to a refusal. */
const SEPARATOR = '\x01'

/** RFC 7628 and KIP-255. A refusal comes as a challenge with the reason; it must be acknowledged before the broker errs. */
export class OauthBearerMechanism implements SaslMechanism {
  readonly name = 'OAUTHBEARER'
  readonly #token: () => Promise<string>
  readonly #extensions: Readonly<Record<string, string>>

  constructor(token: () => Promise<string>, extensions: Readonly<Record<string, string>> = {}) {
    this.#token = token
    this.#extensions = extensions
  }

  async first(): Promise<Buffer> {
    const fields = [`auth=Bearer ${await this.#token()}`]
    for (const [name, value] of Object.entries(this.#extensions)) fields.push(`${name}=${value}`)
    return Buffer.from(`n,,${SEPARATOR}${fields.join(SEPARATOR)}${SEPARATOR}${SEPARATOR}`)
  }

  async next(challenge: Buffer): Promise<Buffer | undefined> {
    return challenge.length === 0 ? undefined : Buffer.from(SEPARATOR)
  }
}
