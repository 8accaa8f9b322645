// JSON Web Tokens (RFC 7519) as a broker judges them. Time and keys are arguments.

import { constants, createPublicKey, type JsonWebKey, type KeyObject, verify } from 'node:crypto'

/** A public key of a JSON Web Key Set (RFC 7517). */
export interface VerificationKey {
  readonly key: KeyObject
  readonly id: string | undefined
  readonly algorithm: string | undefined
}

export type Claims = Readonly<Record<string, unknown>>

export interface Jwt {
  readonly algorithm: string
  readonly keyId: string | undefined
  readonly claims: Claims
  readonly signed: Buffer
  readonly signature: Buffer
}

/** Why a token is refused; never told to the client. */
export class BadToken extends Error {}

interface Algorithm {
  readonly keyType: string
  readonly hash: string
  /** Elliptic curves: the one of the algorithm. */
  readonly curve?: string
  /** RSA: with the padding of PSS. */
  readonly pss?: true
}

/** Public keys only: with a shared secret whoever checks a token could also make it. `none` is not in the list, and nothing else is. */
const ALGORITHMS: Readonly<Record<string, Algorithm>> = {
  RS256: { keyType: 'rsa', hash: 'sha256' },
  RS384: { keyType: 'rsa', hash: 'sha384' },
  RS512: { keyType: 'rsa', hash: 'sha512' },
  PS256: { keyType: 'rsa', hash: 'sha256', pss: true },
  PS384: { keyType: 'rsa', hash: 'sha384', pss: true },
  PS512: { keyType: 'rsa', hash: 'sha512', pss: true },
  ES256: { keyType: 'ec', hash: 'sha256', curve: 'prime256v1' },
  ES384: { keyType: 'ec', hash: 'sha384', curve: 'secp384r1' },
  ES512: { keyType: 'ec', hash: 'sha512', curve: 'secp521r1' },
}

/** The keys of the set that can check a signature. Throws an Error that says what is wrong with the text. */
export function keysOf(jwks: string): VerificationKey[] {
  const { keys } = objectOf(jwks) as { keys?: unknown }
  if (!Array.isArray(keys)) throw new Error('there are no "keys" in it')
  const usable = (keys as JsonWebKey[]).filter(({ kty, use }) => kty !== 'oct' && (use === undefined || use === 'sig'))
  if (usable.length === 0) throw new Error('there is no public key in it that checks signatures')
  return usable.map((jwk) => ({
    key: createPublicKey({ key: jwk, format: 'jwk' }),
    id: textOrNothing(jwk['kid']),
    algorithm: textOrNothing(jwk['alg']),
  }))
}

export function parseJwt(text: string): Jwt {
  const parts = text.split('.')
  const [header = '', claims = '', signature = ''] = parts
  if (parts.length !== 3) throw new BadToken('a token has three parts')
  const { alg, kid } = partOf(header)
  if (typeof alg !== 'string') throw new BadToken('the token names no algorithm')
  return {
    algorithm: alg,
    keyId: textOrNothing(kid),
    claims: partOf(claims),
    signed: Buffer.from(`${header}.${claims}`),
    signature: Buffer.from(signature, 'base64url'),
  }
}

/** Throws BadToken unless one of the keys made the signature. */
export function checkSignature(jwt: Jwt, keys: readonly VerificationKey[]): void {
  const algorithm = Object.hasOwn(ALGORITHMS, jwt.algorithm) ? ALGORITHMS[jwt.algorithm] : undefined
  if (!algorithm) throw new BadToken(`the algorithm ${jwt.algorithm} is not accepted`)
  const fitting = keys.filter(
    ({ id, algorithm: ofKey, key }) =>
      (jwt.keyId === undefined || id === jwt.keyId) &&
      (ofKey === undefined || ofKey === jwt.algorithm) &&
      key.asymmetricKeyType === algorithm.keyType &&
      key.asymmetricKeyDetails?.namedCurve === algorithm.curve,
  )
  if (fitting.length === 0) throw new BadToken('the token was signed with a key that is not in the set')
  const pss = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST }
  const form = { dsaEncoding: 'ieee-p1363', ...(algorithm.pss ? pss : {}) } as const
  const made = ({ key }: VerificationKey) => verify(algorithm.hash, jwt.signed, { key, ...form }, jwt.signature)
  if (!fitting.some(made)) throw new BadToken('the signature is wrong')
}

/** A claim in seconds as milliseconds; undefined when it is not there. */
export function timeClaim(claims: Claims, name: string): number | undefined {
  const value = claims[name]
  if (value === undefined) return undefined
  if (typeof value !== 'number' || !Number.isFinite(value)) throw new BadToken(`the claim ${name} is no number`)
  return Math.round(value * 1000)
}

export function nameClaim(claims: Claims, name: string): string {
  const value = Object.hasOwn(claims, name) ? claims[name] : undefined
  if (typeof value !== 'string' || value.trim() === '') throw new BadToken(`the claim ${name} is missing`)
  return value
}

/** A text, or a list of texts. */
export function listClaim(claims: Claims, name: string): string[] {
  const value = Object.hasOwn(claims, name) ? claims[name] : undefined
  if (value === undefined) return []
  const items = Array.isArray(value) ? value : [value]
  if (!items.every((item) => typeof item === 'string')) throw new BadToken(`the claim ${name} is no text`)
  return items.map((item) => item.trim()).filter((item) => item !== '')
}

function partOf(part: string): Claims {
  try {
    return objectOf(Buffer.from(part, 'base64url').toString())
  } catch {
    throw new BadToken('a part of the token is no JSON object')
  }
}

function objectOf(json: string): Claims {
  const value: unknown = JSON.parse(json)
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Error('it is no JSON object')
  return value as Claims
}

function textOrNothing(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}
