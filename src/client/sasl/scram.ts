// SCRAM-SHA-256 and -512 (RFC 5802, 7677), the client's half. The server must prove that it knows the password too: without
// its signature a stranger in the middle could take the login for granted.
import { createHash, createHmac, pbkdf2, timingSafeEqual } from 'node:crypto'
import { promisify } from 'node:util'
import type { Random } from '../../platform/platform.ts'
import type { SaslMechanism } from './sasl.ts'

/** Fewer would make a stolen exchange cheap to crack, more would let a broker burn our processor (CVE-2026-10143). */
const ITERATIONS_MIN = 4096
const ITERATIONS_MAX = 1_000_000
const NONCE_BYTES = 24

/** No channel binding and no other identity than the user's. */
const GS2_HEADER = 'n,,'

// Runs on Node's thread pool: half a million rounds would hold up the event loop for a second.
const stretch = promisify(pbkdf2)

export class ScramMechanism implements SaslMechanism {
  readonly name: string
  readonly #hash: 'sha256' | 'sha512'
  readonly #username: string
  readonly #password: string
  readonly #nonce: string
  #expectedSignature: Buffer | undefined

  constructor(hash: 'sha256' | 'sha512', username: string, password: string, random: Random) {
    this.name = hash === 'sha256' ? 'SCRAM-SHA-256' : 'SCRAM-SHA-512'
    this.#hash = hash
    this.#username = username
    this.#password = password
    this.#nonce = random.bytes(NONCE_BYTES).toString('base64')
  }

  async first(): Promise<Buffer> {
    return Buffer.from(GS2_HEADER + this.#firstBare())
  }

  async next(challenge: Buffer): Promise<Buffer | undefined> {
    const text = challenge.toString()
    if (this.#expectedSignature === undefined) return this.#answer(text)
    this.#verify(text, this.#expectedSignature)
    return undefined
  }

  #firstBare(): string {
    return `n=${escapeName(this.#username)},r=${this.#nonce}`
  }

  async #answer(serverFirst: string): Promise<Buffer> {
    const { nonce, salt, iterations } = this.#readServerFirst(serverFirst)
    const length = this.#hash === 'sha256' ? 32 : 64
    // Kafka stores what it is given: it does not prepare passwords as RFC 4013 would have it, so neither may we.
    const salted = await stretch(this.#password, salt, iterations, length, this.#hash)
    const withoutProof = `c=${Buffer.from(GS2_HEADER).toString('base64')},r=${nonce}`
    const exchange = `${this.#firstBare()},${serverFirst},${withoutProof}`
    const clientKey = this.#hmac(salted, 'Client Key')
    const proof = this.#hmac(createHash(this.#hash).update(clientKey).digest(), exchange)
    for (let index = 0; index < length; index++) proof[index]! ^= clientKey[index]!
    this.#expectedSignature = this.#hmac(this.#hmac(salted, 'Server Key'), exchange)
    return Buffer.from(`${withoutProof},p=${proof.toString('base64')}`)
  }

  #readServerFirst(text: string): { nonce: string; salt: Buffer; iterations: number } {
    const { r: nonce, s, i } = attributes(text)
    if (nonce === undefined || s === undefined || i === undefined) throw new Error('the challenge lacks a field')
    if (!nonce.startsWith(this.#nonce) || nonce.length === this.#nonce.length) {
      throw new Error('the challenge does not continue our nonce')
    }
    const iterations = /^\d{1,10}$/.test(i) ? Number(i) : 0
    if (iterations < ITERATIONS_MIN || iterations > ITERATIONS_MAX) {
      throw new Error(`the broker wants ${i} iterations; ${ITERATIONS_MIN} to ${ITERATIONS_MAX} are accepted`)
    }
    const salt = Buffer.from(s, 'base64')
    if (salt.length === 0) throw new Error('the challenge has no salt')
    return { nonce, salt, iterations }
  }

  #verify(serverFinal: string, expected: Buffer): void {
    const { v, e } = attributes(serverFinal)
    if (e !== undefined) throw new Error(`the broker refuses: ${e}`)
    const signature = Buffer.from(v ?? '', 'base64')
    if (signature.length !== expected.length || !timingSafeEqual(signature, expected)) {
      throw new Error('the broker does not prove that it knows the password')
    }
  }

  #hmac(key: Buffer, text: string): Buffer {
    return createHmac(this.#hash, key).update(text).digest()
  }
}

/** `r=…,s=…,i=…`; a value may contain `=`. */
function attributes(text: string): Partial<Record<string, string>> {
  return Object.fromEntries(text.split(',').map((field) => [field.slice(0, 1), field.slice(2)]))
}

function escapeName(name: string): string {
  return name.replaceAll('=', '=3D').replaceAll(',', '=2C')
}
