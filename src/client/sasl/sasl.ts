// Proves to a broker who we are (SASL over SaslHandshake v1 and SaslAuthenticate, KIP-152). Not here: GSSAPI, AWS IAM, and
// re-authentication on a living connection (KIP-368); a broker that ends a session closes the connection, and it is dialled anew.
import { HeliostatError } from '../../platform/errors.ts'
import type { Random } from '../../platform/platform.ts'
import { ErrorCode, errorOf } from '../../protocol/errors.ts'
import { saslAuthenticate } from '../../protocol/messages/sasl-authenticate.ts'
import { saslHandshake } from '../../protocol/messages/sasl-handshake.ts'
import type { Connection } from '../connection.ts'
import { OauthBearerMechanism } from './oauthbearer.ts'
import { PlainMechanism } from './plain.ts'
import { ScramMechanism } from './scram.ts'

export type SaslOptions =
  | {
      readonly mechanism: 'plain' | 'scram-sha-256' | 'scram-sha-512'
      readonly username: string
      readonly password: string
    }
  | {
      readonly mechanism: 'oauthbearer'
      /** Asked anew for every connection, so that it can hand out a fresh token. */
      readonly token: () => Promise<string>
      /** SASL extensions (KIP-342). */
      readonly extensions?: Readonly<Record<string, string>>
    }

/** The client's half of one exchange; made anew for each connection. */
export interface SaslMechanism {
  readonly name: string
  first(): Promise<Buffer>
  /** The answer to a challenge; undefined when the exchange is over and the server has proved what it must. */
  next(challenge: Buffer): Promise<Buffer | undefined>
}

/** No mechanism here needs more; a server that goes on asking is not one of ours. */
const ROUNDS_MAX = 4

export async function authenticate(connection: Connection, random: Random, options: SaslOptions): Promise<void> {
  const mechanism = saslMechanism(random, options)
  await shakeHands(connection, mechanism.name)
  const ask = async (token: Buffer) => {
    const { errorCode, errorMessage, authBytes } = await connection.send(saslAuthenticate, { authBytes: token })
    if (errorCode === ErrorCode.NONE) return authBytes
    const { name, message } = errorOf(errorCode)
    throw new Error(`${errorMessage ?? message} (${name})`)
  }
  try {
    await exchangeTokens(mechanism, ask)
  } catch (error) {
    if (error instanceof HeliostatError) throw error
    throw refused(connection, `${mechanism.name}: ${(error as Error).message}`, error)
  }
}

/** Goes back and forth until the mechanism is content; `ask` sends a token and resolves to the challenge that follows. */
export async function exchangeTokens(mechanism: SaslMechanism, ask: (token: Buffer) => Promise<Buffer>): Promise<void> {
  let token: Buffer | undefined = await mechanism.first()
  for (let round = 0; round < ROUNDS_MAX; round++) {
    token = await mechanism.next(await ask(token))
    if (token === undefined) return
  }
  throw new Error('the broker asks on and on')
}

async function shakeHands(connection: Connection, mechanism: string): Promise<void> {
  const { errorCode, mechanisms } = await connection.send(saslHandshake, { mechanism }, { version: 1 })
  if (errorCode === ErrorCode.NONE) return
  const offer = mechanisms.length > 0 ? `it offers ${mechanisms.join(', ')}` : 'it offers no SASL mechanism here'
  throw refused(connection, `${mechanism} is not offered (${errorOf(errorCode).name}); ${offer}`)
}

export function saslMechanism(random: Random, options: SaslOptions): SaslMechanism {
  if (options.mechanism === 'oauthbearer') return new OauthBearerMechanism(options.token, options.extensions)
  if (options.mechanism === 'plain') return new PlainMechanism(options.username, options.password)
  const hash = options.mechanism === 'scram-sha-256' ? 'sha256' : 'sha512'
  return new ScramMechanism(hash, options.username, options.password, random)
}

function refused(connection: Connection, reason: string, cause?: unknown): HeliostatError {
  const { host, port } = connection.remote
  return new HeliostatError('HEL_AUTHENTICATION', `login at ${host}:${port} failed: ${reason}`, {
    cause,
    where: { host, port },
  })
}
