// SCRAM-SHA-256 and -512 (RFC 5802), the server's half. Credentials are those of the metadata log (KIP-554).
//
// A user that does not exist is refused at the first message, as by Kafka. Left out: delegation tokens (`tokenauth=true` is refused).

import { timingSafeEqual } from 'node:crypto'
import {
  SCRAM_ITERATIONS_MIN,
  type ScramHash,
  scramSignature,
  storedKeyOfProof,
  unescapeSaslName,
} from '../../../protocol/scram.ts'
import type { ScramCredential } from '../scram-credential.ts'
import { otherIdentity } from './plain.ts'
import { type SaslAnswer, SaslFailure, type SaslServer } from './sasl-server.ts'

interface Exchange {
  readonly user: string
  readonly credential: ScramCredential
  readonly nonce: string
  /** The client's first message without its header, and our answer: the first two thirds of what both sign. */
  readonly signedSoFar: string
}

const SASL_NAME = '(?:[^=,\\u0000\\u0080-\\uffff]|=2C|=3D)+'
const NONCE = '[\\x21-\\x2b\\x2d-\\x7e]+'
const EXTENSIONS = '(?:,[A-Za-z]+=[^,\\u0000\\u0080-\\uffff]+)*'
const BASE64 = '(?:[a-zA-Z0-9/+]{4})*(?:[a-zA-Z0-9/+]{3}=|[a-zA-Z0-9/+]{2}==)?'
const CLIENT_FIRST = new RegExp(`^n,(?:a=(${SASL_NAME}))?,(n=(${SASL_NAME}),r=(${NONCE})(${EXTENSIONS}))$`)
const CLIENT_FINAL = new RegExp(`^(c=${BASE64},r=(${NONCE})${EXTENSIONS}),p=(${BASE64})$`)

export class ScramServer implements SaslServer {
  readonly #hash: ScramHash
  readonly #credentialOf: (user: string) => ScramCredential | undefined
  readonly #ownNonce: string
  #exchange: Exchange | undefined

  /** `ownNonce` is fresh for each exchange, and printable without a comma. */
  constructor(hash: ScramHash, credentialOf: (user: string) => ScramCredential | undefined, ownNonce: string) {
    this.#hash = hash
    this.#credentialOf = credentialOf
    this.#ownNonce = ownNonce
  }

  respond(token: Buffer): SaslAnswer {
    const text = token.toString()
    return this.#exchange ? this.#final(text, this.#exchange) : { challenge: Buffer.from(this.#first(text)) }
  }

  #first(text: string): string {
    const [, authzid, bare, name, clientNonce, extensions] = CLIENT_FIRST.exec(text) ?? []
    if (bare === undefined || name === undefined) throw new SaslFailure('Invalid SCRAM client first message format')
    if (/,tokenauth=true/i.test(extensions ?? '')) throw new SaslFailure('delegation tokens are not served')
    const user = unescapeSaslName(name)
    const credential = this.#credentialOf(user)
    if (!credential) throw new SaslFailure('Authentication failed: Invalid user credentials')
    if (authzid !== undefined && unescapeSaslName(authzid) !== user) throw otherIdentity()
    if (credential.iterations < SCRAM_ITERATIONS_MIN) {
      throw new SaslFailure(`Iterations ${credential.iterations} is less than the minimum ${SCRAM_ITERATIONS_MIN}`)
    }
    const nonce = `${clientNonce}${this.#ownNonce}`
    const answer = `r=${nonce},s=${credential.salt.toString('base64')},i=${credential.iterations}`
    this.#exchange = { user, credential, nonce, signedSoFar: `${bare},${answer}` }
    return answer
  }

  #final(text: string, { user, credential, nonce, signedSoFar }: Exchange): SaslAnswer {
    const [, withoutProof, answeredNonce, proof] = CLIENT_FINAL.exec(text) ?? []
    if (proof === undefined) throw new SaslFailure('Invalid SCRAM client final message format')
    if (answeredNonce !== nonce) throw new SaslFailure('Invalid client nonce in the final client message.')
    const exchange = `${signedSoFar},${withoutProof}`
    const { storedKey, serverKey } = credential
    const shown = storedKeyOfProof(this.#hash, storedKey, Buffer.from(proof, 'base64'), exchange)
    if (shown.length !== storedKey.length || !timingSafeEqual(shown, storedKey)) {
      throw new SaslFailure('Invalid client credentials')
    }
    const signature = scramSignature(this.#hash, serverKey, exchange).toString('base64')
    return { user, token: Buffer.from(`v=${signature}`) }
  }
}
