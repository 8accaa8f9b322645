// `listeners` and what belongs to it: where a broker listens, how each listener is secured, and which address it tells clients.

import { nearName } from '../../config/near-name.ts'
import type { Address } from '../../platform/platform.ts'

/** In the order of their numbers in messages. */
export const SECURITY_PROTOCOLS = ['PLAINTEXT', 'SSL', 'SASL_PLAINTEXT', 'SASL_SSL'] as const
export type SecurityProtocol = (typeof SECURITY_PROTOCOLS)[number]

export interface Endpoint {
  /** Upper case. */
  readonly listener: string
  readonly securityProtocol: SecurityProtocol
  /** Where it listens; port 0 takes a free one. */
  readonly bind: Address
  /** What clients are told; port 0 stands for the port that was taken. Absent: this listener is not told to anybody. */
  readonly advertised: Address | undefined
}

export interface EndpointProperties {
  readonly listeners: string
  readonly advertisedListeners?: string
  readonly protocolMap: string
  readonly interBrokerListener?: string
}

/** Where `listeners` names no host. Kafka takes every interface of the machine; an embedded broker is for this machine alone. */
const LOOPBACK = '127.0.0.1'

const UNROUTABLE = ['0.0.0.0', '::']

/** In the order of `listeners`. Throws an Error that says what is wrong. */
export function endpointsOf(properties: EndpointProperties): Endpoint[] {
  const protocols = protocolsOf(properties.protocolMap)
  const bound = addressesOf('listeners', properties.listeners)
  if (bound.size === 0) throw new Error('listeners is empty')
  refuseSharedPorts(bound)
  const advertised = advertisedOf(properties.advertisedListeners, bound)
  if (advertised.size === 0) throw new Error('advertised.listeners is empty')
  const { interBrokerListener } = properties
  if (interBrokerListener !== undefined && !advertised.has(interBrokerListener.toUpperCase())) {
    throw new Error(`inter.broker.listener.name ${interBrokerListener} is none of ${[...advertised.keys()].join(', ')}`)
  }
  return [...bound].map(([listener, bind]) => {
    const securityProtocol = protocols.get(listener)
    if (!securityProtocol) {
      throw new Error(
        `no security protocol is defined for listener ${listener}; listener.security.protocol.map gives it`,
      )
    }
    return { listener, securityProtocol, bind, advertised: advertised.get(listener) }
  })
}

export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(?:\.\d{1,3}){3}$/.test(host)
}

export function isEncrypted(protocol: SecurityProtocol): boolean {
  return protocol === 'SSL' || protocol === 'SASL_SSL'
}

export function asksLogin(protocol: SecurityProtocol): boolean {
  return protocol === 'SASL_PLAINTEXT' || protocol === 'SASL_SSL'
}

function protocolsOf(map: string): Map<string, SecurityProtocol> {
  const protocols = new Map<string, SecurityProtocol>()
  for (const entry of itemsOf(map)) {
    const [name = '', protocol = ''] = entry.split(':').map((part) => part.trim().toUpperCase())
    const known = SECURITY_PROTOCOLS.find((one) => one === protocol)
    if (name === '' || !known) {
      const near = nearName(protocol, SECURITY_PROTOCOLS)
      const hint = near === undefined ? `one of ${SECURITY_PROTOCOLS.join(', ')}` : `did you mean ${near}?`
      throw new Error(`listener.security.protocol.map: "${entry}" is not NAME:PROTOCOL; ${hint}`)
    }
    if (protocols.has(name)) throw new Error(`listener.security.protocol.map names ${name} twice`)
    protocols.set(name, known)
  }
  return protocols
}

/** `NAME://host:port`; an IPv6 host stands in brackets. */
function addressesOf(property: string, list: string): Map<string, Address> {
  const addresses = new Map<string, Address>()
  for (const item of itemsOf(list)) {
    const [, name, bracketed, plain, port] = /^([\w.-]+):\/\/(?:\[([^\]]*)\]|([^:[\]/]*)):(\d{1,5})$/.exec(item) ?? []
    if (name === undefined || Number(port) > 65_535) throw new Error(`${property}: "${item}" is not NAME://host:port`)
    const listener = name.toUpperCase()
    if (addresses.has(listener)) throw new Error(`each listener must have a different name, ${property}: ${list}`)
    const host = bracketed || plain || LOOPBACK
    addresses.set(listener, { host, port: Number(port) })
  }
  return addresses
}

function refuseSharedPorts(bound: ReadonlyMap<string, Address>): void {
  const seen = new Set<number>()
  for (const [listener, { port }] of bound) {
    if (port !== 0 && seen.has(port))
      throw new Error(`each listener must have a different port, ${listener} shares ${port}`)
    seen.add(port)
  }
}

function advertisedOf(list: string | undefined, bound: ReadonlyMap<string, Address>): Map<string, Address> {
  const advertised = list === undefined ? new Map(bound) : addressesOf('advertised.listeners', list)
  for (const [listener, address] of advertised) {
    if (!bound.has(listener)) {
      const known = [...bound.keys()]
      const near = nearName(listener, known)
      const hint = near === undefined ? `there are ${known.join(', ')}` : `did you mean ${near}?`
      throw new Error(`advertised.listeners names ${listener}, which listeners does not; ${hint}`)
    }
    if (UNROUTABLE.includes(address.host)) {
      throw new Error(
        `advertised.listeners cannot use the nonroutable meta-address ${address.host} of ${listener}. Use a routable IP address.`,
      )
    }
  }
  return advertised
}

function itemsOf(list: string): string[] {
  return list
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '')
}
