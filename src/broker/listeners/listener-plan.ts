// What a listener is to be, decided before anything is opened: every mistake of the configuration is found here.

import { nearName } from '../../config/near-name.ts'
import { HeliostatError } from '../../platform/errors.ts'
import type { Address, Platform, TlsSource } from '../../platform/platform.ts'
import type { BrokerConfig } from '../broker-config.ts'
import { type PrincipalMapping, principalMapping } from '../security/principal-mapping.ts'
import { type MechanismGround, type SaslMechanisms, saslMechanismsOf } from '../security/sasl/mechanisms.ts'
import { asksLogin, type Endpoint, endpointsOf, isEncrypted, isLoopback } from './endpoint.ts'
import { ListenerConfig } from './listener-config.ts'
import { listenerOverride } from './listener-properties.ts'
import { listenerTls } from './tls.ts'

export interface ListenerPlan {
  readonly endpoint: Endpoint
  /** Absent: the connection is not encrypted. */
  readonly tls: TlsSource | undefined
  /** Absent: nobody logs in. */
  readonly sasl: SaslPlan | undefined
  /** Whom a certificate stands for. */
  readonly userOfSubject: PrincipalMapping
  /** For the other nodes of the cluster: who logs in there may everything. */
  readonly isInternal?: boolean
  /** Whose clients come to it, instead of to which listener. Absent: clients come directly. */
  readonly approached?: { readonly by: Approach; readonly insteadOf: string; readonly host: string }
}

/**
 * A way to the brokers of a cluster that does not lead to their listeners directly, such as a link from another datacenter. Clients
 * that take it are told its addresses.
 */
export interface Approach {
  /** What its clients have in common: their datacenter. */
  readonly name: string
  /** Opens the way to one listener of one broker; resolves to the address at which clients enter it. */
  open(way: ApproachedListener): Promise<Address>
}

export interface ApproachedListener {
  readonly nodeId: number
  /** The listener that clients without an approach come to. */
  readonly listener: string
  /** The host that those are told. */
  readonly host: string
  /** Whether what is said there cannot be read on the way. */
  readonly isEncrypted: boolean
  /** Where the way leads. */
  readonly target: Address
}

interface SaslPlan {
  readonly mechanisms: SaslMechanisms
  /** The largest frame before the login. */
  readonly maxReceiveBytes: number
  readonly failedLoginDelayMs: number
}

export interface PlanOptions {
  /** Where the one listener is when `listeners` is not given. */
  readonly address: Address
  /** Whether unencrypted listeners may leave this machine. */
  readonly allowInsecure: boolean
  /** Where certificates and keys lie: the machine's disk, also when the logs are in memory. */
  readonly files: Pick<Platform, 'disk' | 'log'>
}

/** Nobody but an approach, which is of this machine, comes to it. */
const ANY_PORT: Address = { host: '127.0.0.1', port: 0 }

/** Throws HEL_CONFIG. */
export function listenerPlans(
  config: BrokerConfig,
  options: PlanOptions,
  logins: Omit<MechanismGround, 'disk'>,
): ListenerPlan[] {
  const ground: MechanismGround = { ...logins, disk: options.files.disk }
  const endpoints = endpointsIn(config, options.address)
  refuseStrangers(config, endpoints)
  for (const endpoint of endpoints) if (!options.allowInsecure) refuseInsecure(endpoint)
  return endpoints.map((endpoint) => {
    const own = new ListenerConfig(config, endpoint.listener)
    const { securityProtocol } = endpoint
    const withLogin = asksLogin(securityProtocol)
    return {
      endpoint,
      tls: isEncrypted(securityProtocol) ? listenerTls(own, options.files, withLogin) : undefined,
      sasl: withLogin ? saslPlan(own, ground) : undefined,
      userOfSubject: principalMapping(own.text('ssl.principal.mapping.rules')!),
    }
  })
}

/**
 * For each listener that clients are told of one more, of the same kind, for those who come by an approach: so the broker knows
 * which addresses to tell them. Its name is the listener's and the approach's: `PLAINTEXT-OREGON`.
 */
export function approachedPlans(plans: readonly ListenerPlan[], approaches: readonly Approach[]): ListenerPlan[] {
  return approaches.flatMap((by) =>
    plans.flatMap((plan) => {
      const { listener: insteadOf, advertised } = plan.endpoint
      if (advertised === undefined) return []
      const listener = `${insteadOf}-${by.name.toUpperCase()}`
      if (plans.some(({ endpoint }) => endpoint.listener === listener)) {
        throw wrong('listeners', `listener ${listener} has the name of the one that clients from ${by.name} need`)
      }
      const endpoint = { ...plan.endpoint, listener, bind: ANY_PORT, advertised: undefined }
      return { ...plan, endpoint, approached: { by, insteadOf, host: advertised.host } }
    }),
  )
}

function endpointsIn(config: BrokerConfig, { host, port }: Address): Endpoint[] {
  const simple = `PLAINTEXT://${host.includes(':') ? `[${host}]` : host}:${port}`
  const whole = new ListenerConfig(config, '')
  const given = whole.text('listeners')
  if (given !== undefined && port !== 0) {
    throw wrong('listeners', `a port (${port}) and listeners are given; listeners says every port by itself`)
  }
  try {
    return endpointsOf({
      listeners: given ?? simple,
      advertisedListeners: whole.text('advertised.listeners'),
      protocolMap: whole.text('listener.security.protocol.map')!,
      interBrokerListener: whole.text('inter.broker.listener.name'),
    })
  } catch (error) {
    throw wrong('listeners', (error as Error).message)
  }
}

/** A property of a listener that is not there would be obeyed by nobody. */
function refuseStrangers(config: BrokerConfig, endpoints: readonly Endpoint[]): void {
  const known = endpoints.map(({ listener }) => listener.toLowerCase())
  for (const name of config.staticNames) {
    const listener = listenerOverride(name)?.listener
    if (listener !== undefined && !known.includes(listener)) {
      const near = nearName(listener, known)
      const hint = near === undefined ? `there are ${known.join(', ')}` : `did you mean listener.name.${near}?`
      throw wrong(name, `${name}: there is no listener ${listener} (its name stands in lower case); ${hint}`)
    }
    if (/(^|listener\.name\.[^.]+\.)sasl\.jaas\.config$/.test(name)) {
      const [{ listener: first = '' } = {}] = endpoints
      const form = `listener.name.${(listener ?? first).toLowerCase()}.plain.sasl.jaas.config`
      throw wrong(name, `${name}: a broker reads it only for a listener and a mechanism, as in ${form}`)
    }
  }
}

function refuseInsecure({ listener, securityProtocol, bind }: Endpoint): void {
  if (isEncrypted(securityProtocol) || isLoopback(bind.host)) return
  const secure = securityProtocol === 'PLAINTEXT' ? 'SSL' : 'SASL_SSL'
  throw wrong(
    'listeners',
    `listener ${listener} would speak ${securityProtocol} on ${bind.host}, where others can listen in; use ${secure}, or say allowInsecure if that is meant`,
  )
}

function saslPlan(own: ListenerConfig, ground: MechanismGround): SaslPlan {
  return {
    mechanisms: saslMechanismsOf(own, ground),
    maxReceiveBytes: own.number('sasl.server.max.receive.size'),
    failedLoginDelayMs: own.number('connection.failed.authentication.delay.ms'),
  }
}

function wrong(property: string, message: string): HeliostatError {
  return new HeliostatError('HEL_CONFIG', message, { where: { property } })
}
