// What a broker keeps of a password (RFC 5802): enough to check a proof of it, not enough to give one.

import { type ScramHash, type ScramKeys, scramKeys } from '../../protocol/scram.ts'

export interface ScramMechanism {
  /** As AlterUserScramCredentials numbers it (KIP-554). */
  readonly type: number
  readonly name: 'SCRAM-SHA-256' | 'SCRAM-SHA-512'
  readonly hash: ScramHash
}

export const SCRAM_MECHANISMS: readonly ScramMechanism[] = [
  { type: 1, name: 'SCRAM-SHA-256', hash: 'sha256' },
  { type: 2, name: 'SCRAM-SHA-512', hash: 'sha512' },
]

/** Of either mechanism; more would let a stranger keep clients busy. */
export const SCRAM_ITERATIONS_MAX = 16384

/** Secret: never logged, never in a response. */
export interface ScramCredential extends ScramKeys {
  readonly salt: Buffer
  readonly iterations: number
}

/** From the password after salt and iterations, which the client computes: the password itself never comes here. */
export function scramCredential(
  { hash }: ScramMechanism,
  saltedPassword: Buffer,
  salt: Buffer,
  iterations: number,
): ScramCredential {
  return { salt, iterations, ...scramKeys(hash, saltedPassword) }
}
