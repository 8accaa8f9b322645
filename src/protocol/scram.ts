// SCRAM-SHA-256 and -512 (RFC 5802, 7677): the arithmetic that a client and a broker share. Who sends what, and when, is their own.
import { createHash, createHmac, pbkdf2 } from 'node:crypto'
import { promisify } from 'node:util'

export type ScramHash = 'sha256' | 'sha512'

/** Fewer make a stolen exchange cheap to crack; Kafka takes no fewer either. */
export const SCRAM_ITERATIONS_MIN = 4096

const KEY_BYTES: Readonly<Record<ScramHash, number>> = { sha256: 32, sha512: 64 }

/** What a server keeps of a password: enough to recognize who knows it, not enough to log in with. */
export interface ScramKeys {
  readonly storedKey: Buffer
  readonly serverKey: Buffer
}

// Runs on Node's thread pool: half a million rounds would hold up the event loop for a second.
const stretch = promisify(pbkdf2)

/** Kafka stores what it is given: it does not prepare passwords as RFC 4013 would have it, so neither may we. */
export function saltedPassword(hash: ScramHash, password: string, salt: Buffer, iterations: number): Promise<Buffer> {
  return stretch(password, salt, iterations, KEY_BYTES[hash], hash)
}

export function scramKeys(hash: ScramHash, salted: Uint8Array): ScramKeys {
  return { storedKey: digest(hash, clientKey(hash, salted)), serverKey: scramSignature(hash, salted, 'Server Key') }
}

/** What the client sends as `p=`; `exchange` is the RFC's AuthMessage. */
export function clientProof(hash: ScramHash, salted: Uint8Array, exchange: string): Buffer {
  const key = clientKey(hash, salted)
  return xor(key, scramSignature(hash, digest(hash, key), exchange))
}

/** The stored key that would have led to this proof: that of the password which its sender used. */
export function storedKeyOfProof(hash: ScramHash, storedKey: Uint8Array, proof: Uint8Array, exchange: string): Buffer {
  return digest(hash, xor(proof, scramSignature(hash, storedKey, exchange)))
}

/** HMAC; with the server key over the exchange it is the proof of the server. */
export function scramSignature(hash: ScramHash, key: Uint8Array, text: string): Buffer {
  return createHmac(hash, key).update(text).digest()
}

export function escapeSaslName(name: string): string {
  return name.replaceAll('=', '=3D').replaceAll(',', '=2C')
}

export function unescapeSaslName(name: string): string {
  return name.replaceAll('=2C', ',').replaceAll('=3D', '=')
}

function clientKey(hash: ScramHash, salted: Uint8Array): Buffer {
  return scramSignature(hash, salted, 'Client Key')
}

function digest(hash: ScramHash, bytes: Uint8Array): Buffer {
  return createHash(hash).update(bytes).digest()
}

function xor(left: Uint8Array, right: Uint8Array): Buffer {
  return Buffer.from(left.map((byte, index) => byte ^ (right[index] ?? 0)))
}
