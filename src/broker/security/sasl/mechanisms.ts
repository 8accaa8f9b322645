// The SASL mechanisms of a listener, made from its properties. What is not fully configured does not start: a mechanism never falls back
// to accepting more.

import { fileURLToPath } from 'node:url'
import type { Disk, Random } from '../../../platform/platform.ts'
import type { ListenerConfig } from '../../listeners/listener-config.ts'
import type { SaslMechanismName } from '../../listeners/listener-properties.ts'
import { type JaasEntry, parseJaas } from '../jaas.ts'
import type { ScramCredential } from '../scram-credential.ts'
import { SCRAM_MECHANISMS, type ScramMechanism } from '../scram-credential.ts'
import { keysOf } from './jwt.ts'
import { OauthBearerServer } from './oauthbearer.ts'
import { PlainServer } from './plain.ts'
import type { SaslServerFactory } from './sasl-server.ts'
import { ScramServer } from './scram.ts'
import { signedTokenValidator, type TokenValidator, unsecuredTokenValidator } from './token-validator.ts'

interface OfferedMechanism {
  readonly server: SaslServerFactory
  /** 0: a login holds for ever, as far as the broker is concerned. */
  readonly maxReauthMs: number
}

/** By name, in the order in which the listener offers them. */
export type SaslMechanisms = ReadonlyMap<string, OfferedMechanism>

type ScramCredentials = (mechanism: ScramMechanism, user: string) => ScramCredential | undefined

export interface MechanismGround {
  readonly disk: Disk
  readonly random: Random
  readonly scramCredentials: ScramCredentials
}

const MODULES = 'org.apache.kafka.common.security'
const PLAIN_MODULE = `${MODULES}.plain.PlainLoginModule`
const SCRAM_MODULE = `${MODULES}.scram.ScramLoginModule`
const OAUTHBEARER_MODULE = `${MODULES}.oauthbearer.OAuthBearerLoginModule`
const UNSECURED_VALIDATOR = `${MODULES}.oauthbearer.internals.unsecured.OAuthBearerUnsecuredValidatorCallbackHandler`
const SIGNED_VALIDATOR = `${MODULES}.oauthbearer.OAuthBearerValidatorCallbackHandler`
const NONCE_BYTES = 24

export function saslMechanismsOf(config: ListenerConfig, ground: MechanismGround): SaslMechanisms {
  const names = config.list('sasl.enabled.mechanisms') as SaslMechanismName[]
  if (names.length === 0) {
    throw config.wrong(
      'sasl.enabled.mechanisms',
      'a SASL listener offers at least one of PLAIN, SCRAM-SHA-256, SCRAM-SHA-512, OAUTHBEARER',
    )
  }
  return new Map(
    [...new Set(names)].map((name) => {
      const own = config.of(name)
      return [name, { server: serverOf(name, own, ground), maxReauthMs: own.number('connections.max.reauth.ms') }]
    }),
  )
}

function serverOf(name: SaslMechanismName, config: ListenerConfig, ground: MechanismGround): SaslServerFactory {
  switch (name) {
    case 'PLAIN': {
      const users = usersOf(config)
      return () => new PlainServer(users)
    }
    case 'SCRAM-SHA-256':
    case 'SCRAM-SHA-512': {
      jaasOf(config, SCRAM_MODULE)
      const mechanism = SCRAM_MECHANISMS.find((one) => one.name === name)!
      const { random, scramCredentials } = ground
      const credentialOf = (user: string) => scramCredentials(mechanism, user)
      return () => new ScramServer(mechanism.hash, credentialOf, random.bytes(NONCE_BYTES).toString('base64url'))
    }
    case 'OAUTHBEARER': {
      const validate = tokenValidatorOf(config, ground.disk)
      return () => new OauthBearerServer(validate)
    }
  }
}

function usersOf(config: ListenerConfig): ReadonlyMap<string, string> {
  const entry = jaasOf(config, PLAIN_MODULE)
  if (!entry)
    throw config.wrong('sasl.jaas.config', `PLAIN needs its users: ${PLAIN_MODULE} required user_NAME="password";`)
  const users = [...entry.options].filter(([name]) => name.startsWith('user_'))
  return new Map(users.map(([name, password]) => [name.slice('user_'.length), password]))
}

/** Only the value of this mechanism on this listener, as in Kafka, where a plain `sasl.jaas.config` means nothing to a broker. */
function jaasOf(config: ListenerConfig, module: string): JaasEntry | undefined {
  const text = config.mechanismText('sasl.jaas.config')
  if (text === undefined) return undefined
  const entry = parseJaas(text)
  if (entry.loginModule !== module) {
    throw config.wrong('sasl.jaas.config', `the login module is ${entry.loginModule}, it must be ${module}`)
  }
  return entry
}

function tokenValidatorOf(config: ListenerConfig, disk: Disk): TokenValidator {
  const options = jaasOf(config, OAUTHBEARER_MODULE)?.options ?? new Map<string, string>()
  const handler = config.text('sasl.server.callback.handler.class')
  const url = config.text('sasl.oauthbearer.jwks.endpoint.url')
  if (handler === UNSECURED_VALIDATOR) return unsecuredValidatorOf(config, options)
  if (handler !== undefined && handler !== SIGNED_VALIDATOR) {
    const known = `${SIGNED_VALIDATOR} checks signatures, ${UNSECURED_VALIDATOR} takes unsigned tokens`
    throw config.wrong('sasl.server.callback.handler.class', `${handler} is not here; ${known}`)
  }
  if (url === undefined) {
    const other = `or sasl.server.callback.handler.class=${UNSECURED_VALIDATOR}, with which anybody may call himself anything`
    throw config.wrong(
      'sasl.oauthbearer.jwks.endpoint.url',
      `OAUTHBEARER needs the keys that tokens are signed with, ${other}`,
    )
  }
  return signedTokenValidator({
    keys: readKeys(config, url, disk),
    audiences: config.list('sasl.oauthbearer.expected.audience'),
    issuer: config.text('sasl.oauthbearer.expected.issuer'),
    skewMs: config.number('sasl.oauthbearer.clock.skew.seconds') * 1000,
    subjectClaim: config.text('sasl.oauthbearer.sub.claim.name')!,
    scopeClaim: config.text('sasl.oauthbearer.scope.claim.name')!,
  })
}

function readKeys(config: ListenerConfig, url: string, disk: Disk) {
  try {
    return keysOf(disk.read(fileURLToPath(url)).toString())
  } catch (error) {
    throw config.wrong('sasl.oauthbearer.jwks.endpoint.url', `${url}: ${(error as Error).message}`)
  }
}

function unsecuredValidatorOf(config: ListenerConfig, options: ReadonlyMap<string, string>): TokenValidator {
  const option = (name: string) => options.get(`unsecuredValidator${name}`)?.trim() || undefined
  const skew = option('AllowableClockSkewMs') ?? '0'
  if (!/^\d{1,9}$/.test(skew)) {
    throw config.wrong(
      'sasl.jaas.config',
      `unsecuredValidatorAllowableClockSkewMs is no number of milliseconds: ${skew}`,
    )
  }
  return unsecuredTokenValidator({
    subjectClaim: option('PrincipalClaimName') ?? 'sub',
    scopeClaim: option('ScopeClaimName') ?? 'scope',
    requiredScope: option('RequiredScope')?.split(/\s+/) ?? [],
    skewMs: Number(skew),
  })
}
