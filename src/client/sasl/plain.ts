import type { SaslMechanism } from './sasl.ts'

/** RFC 4616. The password crosses as it is: only for connections under TLS. */
export class PlainMechanism implements SaslMechanism {
  readonly name = 'PLAIN'
  readonly #username: string
  readonly #password: string

  constructor(username: string, password: string) {
    this.#username = username
    this.#password = password
  }

  async first(): Promise<Buffer> {
    return Buffer.from(`\0${this.#username}\0${this.#password}`)
  }

  async next(): Promise<undefined> {
    return undefined
  }
}
