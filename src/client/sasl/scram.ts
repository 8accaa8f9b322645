// SCRAM-SHA-256 and -512 (RFC 5802, 7677), the client's half. The server must prove that it knows the password too: without
// its signature a stranger in the middle could take the login for granted.
import { timingSafeEqual } from 'node:crypto'
import type { Random } from '../../platform/platform.ts'
import {
  clientProof,
  escapeSaslName,
  SCRAM_ITERATIONS_MIN,
  type ScramHash,
  saltedPassword,
  scramKeys,
  scramSignature,
} from '../../protocol/scram.ts'
import type { SaslMechanism } from './sasl.ts'

/** More would let a broker burn our processor (CVE-2026-10143). */
const ITERATIONS_MAX = 1_000_000
const NONCE_BYTES = 24

/** No channel binding and no other identity than the user's. */
const GS2_HEADER = 'n,,'

export class ScramMechanism implements SaslMechanism {
  readonly name: string
  readonly #hash: ScramHash
  readonly #username: string
  readonly #password: string
  readonly #nonce: string
  #expectedSignature: Buffer | undefined

  constructor(hash: ScramHash, username: string, password: string, random: Random) {
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
    return `n=${escapeSaslName(this.#username)},r=${this.#nonce}`
  }

  async #answer(serverFirst: string): Promise<Buffer> {
    const { nonce, salt, iterations } = this.#readServerFirst(serverFirst)
    const salted = await saltedPassword(this.#hash, this.#password, salt, iterations)
    const withoutProof = `c=${Buffer.from(GS2_HEADER).toString('base64')},r=${nonce}`
    const exchange = `${this.#firstBare()},${serverFirst},${withoutProof}`
    const proof = clientProof(this.#hash, salted, exchange)
    this.#expectedSignature = scramSignature(this.#hash, scramKeys(this.#hash, salted).serverKey, exchange)
    return Buffer.from(`${withoutProof},p=${proof.toString('base64')}`)
  }

  #readServerFirst(text: string): { nonce: string; salt: Buffer; iterations: number } {
    const { r: nonce, s, i } = attributes(text)
    if (nonce === undefined || s === undefined || i === undefined) throw new Error('the challenge lacks a field')
    if (!nonce.startsWith(this.#nonce) || nonce.length === this.#nonce.length) {
      throw new Error('the challenge does not continue our nonce')
    }
    const iterations = /^\d{1,10}$/.test(i) ? Number(i) : 0
    if (iterations < SCRAM_ITERATIONS_MIN || iterations > ITERATIONS_MAX) {
      throw new Error(`the broker wants ${i} iterations; ${SCRAM_ITERATIONS_MIN} to ${ITERATIONS_MAX} are accepted`)
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
}

/** `r=…,s=…,i=…`; a value may contain `=`. */
function attributes(text: string): Partial<Record<string, string>> {
  return Object.fromEntries(text.split(',').map((field) => [field.slice(0, 1), field.slice(2)]))
}
