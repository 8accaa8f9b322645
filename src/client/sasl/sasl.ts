// Proves to a broker who we are (SASL over SaslHandshake v1 and SaslAuthenticate, KIP-152), for the first time or again on a living connection
// (KIP-368). Not here: GSSAPI, AWS IAM.
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
      /** Or how to have it, asked anew for every login. */
      readonly password: string | (() => string)
    }
  | {
      readonly mechanism: 'oauthbearer'
      /** Asked anew for every login, so that it can hand out a fresh token. */
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

/** The way to the broker during a login. */
export type LoginChannel = Pick<Connection, 'remote' | 'send'>

/**
 * Resolves to how long the login holds, in milliseconds; 0: for ever. `begins` is called when the first token is there and the exchange begins:
 * until then the broker has heard nothing.
 */
export async function authenticate(
  channel: LoginChannel,
  random: Random,
  options: SaslOptions,
  begins?: () => void,
): Promise<number> {
  const mechanism = saslMechanism(random, options)
  let lifetimeMs = 0
  const ask = async (token: Buffer) => {
    const answer = await channel.send(saslAuthenticate, { authBytes: token })
    lifetimeMs = answer.sessionLifetimeMs
    if (answer.errorCode === ErrorCode.NONE) return answer.authBytes
    const { name, message } = errorOf(answer.errorCode)
    throw new Error(`${answer.errorMessage ?? message} (${name})`)
  }
  try {
    const first = await mechanism.first()
    begins?.()
    await shakeHands(channel, mechanism.name)
    await exchangeTokens(mechanism, first, ask)
    return lifetimeMs
  } catch (error) {
    if (error instanceof HeliostatError) throw error
    throw refused(channel, `${mechanism.name}: ${(error as Error).message}`, error)
  }
}

/** Goes back and forth until the mechanism is content; `ask` sends a token and resolves to the challenge that follows. */
export async function exchangeTokens(
  mechanism: SaslMechanism,
  first: Buffer,
  ask: (token: Buffer) => Promise<Buffer>,
): Promise<void> {
  let token: Buffer | undefined = first
  for (let round = 0; round < ROUNDS_MAX; round++) {
    token = await mechanism.next(await ask(token))
    if (token === undefined) return
  }
  throw new Error('the broker asks on and on')
}

async function shakeHands(channel: LoginChannel, mechanism: string): Promise<void> {
  const { errorCode, mechanisms } = await channel.send(saslHandshake, { mechanism }, { version: 1 })
  if (errorCode === ErrorCode.NONE) return
  const offer = mechanisms.length > 0 ? `it offers ${mechanisms.join(', ')}` : 'it offers no SASL mechanism here'
  throw refused(channel, `${mechanism} is not offered (${errorOf(errorCode).name}); ${offer}`)
}

export function saslMechanism(random: Random, options: SaslOptions): SaslMechanism {
  if (options.mechanism === 'oauthbearer') return new OauthBearerMechanism(options.token, options.extensions)
  const password = typeof options.password === 'function' ? options.password() : options.password
  if (options.mechanism === 'plain') return new PlainMechanism(options.username, password)
  const hash = options.mechanism === 'scram-sha-256' ? 'sha256' : 'sha512'
  return new ScramMechanism(hash, options.username, password, random)
}

function refused({ remote }: LoginChannel, reason: string, cause?: unknown): HeliostatError {
  const { host, port } = remote
  return new HeliostatError('HEL_AUTHENTICATION', `login at ${host}:${port} failed: ${reason}`, {
    cause,
    where: { host, port },
  })
}
