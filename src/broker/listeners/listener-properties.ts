// The properties that secure listeners, under Kafka's names. Most can be set for one listener alone (`listener.name.secure.ssl.client.auth`),
// and those of a SASL mechanism for the mechanism on that listener (`listener.name.secure.plain.sasl.jaas.config`).

import { nearName } from '../../config/near-name.ts'
import type { ConfigDefinition } from '../config-definition.ts'
import { parseJaas } from '../security/jaas.ts'
import { principalMapping } from '../security/principal-mapping.ts'

const SASL_MECHANISMS = ['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512', 'OAUTHBEARER'] as const
export type SaslMechanismName = (typeof SASL_MECHANISMS)[number]

const PREFIX = 'listener.name.'

/** Only for the broker as a whole. */
const OF_BROKER: readonly ConfigDefinition[] = [
  {
    name: 'advertised.listeners',
    type: 'LIST',
    default: null,
    doc: 'The addresses that clients are told, NAME://host:port; absent: those of listeners. A port 0 stands for the one that was taken.',
  },
  {
    name: 'inter.broker.listener.name',
    type: 'STRING',
    default: null,
    doc: 'Checked to be one of the advertised listeners; a single broker has nobody to call on it.',
  },
  {
    name: 'listener.security.protocol.map',
    type: 'STRING',
    default: 'PLAINTEXT:PLAINTEXT,SSL:SSL,SASL_PLAINTEXT:SASL_PLAINTEXT,SASL_SSL:SASL_SSL',
    doc: 'The security protocol of each listener, NAME:PROTOCOL.',
  },
  {
    name: 'listeners',
    type: 'LIST',
    default: null,
    doc: 'Where the broker listens, NAME://host:port. No host: loopback (Kafka: every interface); port 0: any free one.',
  },
]

/** For the broker, or for one listener. */
const OF_LISTENER: readonly ConfigDefinition[] = [
  {
    name: 'connection.failed.authentication.delay.ms',
    type: 'INT',
    default: '100',
    min: 0,
    doc: 'How long a refused login waits for its answer, so that guessing is slow.',
  },
  {
    name: 'sasl.enabled.mechanisms',
    type: 'LIST',
    default: null,
    oneOf: SASL_MECHANISMS,
    doc: 'The SASL mechanisms of a SASL listener. Kafka: GSSAPI, which is not served here.',
  },
  {
    name: 'sasl.server.max.receive.size',
    type: 'INT',
    default: '524288',
    min: 1,
    doc: 'The largest frame of a client that has not logged in yet.',
  },
  {
    name: 'ssl.client.auth',
    type: 'STRING',
    default: 'none',
    oneOf: ['none', 'requested', 'required'],
    doc: 'Whether clients show a certificate. Of SASL_SSL listeners only the value with their prefix counts (KIP-684).',
  },
  {
    name: 'ssl.enabled.protocols',
    type: 'LIST',
    default: 'TLSv1.2,TLSv1.3',
    oneOf: ['TLSv1.2', 'TLSv1.3'],
    doc: 'The versions of TLS that are spoken.',
  },
  { name: 'ssl.key.password', type: 'PASSWORD', default: null, doc: 'The password of an encrypted private key.' },
  {
    name: 'ssl.keystore.certificate.chain',
    type: 'PASSWORD',
    default: null,
    doc: 'The certificate and those that signed it, PEM.',
  },
  { name: 'ssl.keystore.key', type: 'PASSWORD', default: null, doc: 'The private key, PEM (PKCS#8).' },
  {
    name: 'ssl.keystore.location',
    type: 'STRING',
    default: null,
    doc: 'A PEM file with the private key and the certificate chain.',
  },
  {
    name: 'ssl.keystore.type',
    type: 'STRING',
    default: 'JKS',
    doc: 'Only PEM is read; it must be said, since the default is Kafka’s.',
  },
  {
    name: 'ssl.principal.mapping.rules',
    type: 'STRING',
    default: 'DEFAULT',
    refuses: (rules) => complaintOf(() => principalMapping(rules)),
    doc: 'From the subject of a certificate to the name of a user: RULE:pattern/replacement/[LU], DEFAULT.',
  },
  {
    name: 'ssl.truststore.certificates',
    type: 'PASSWORD',
    default: null,
    doc: 'Who may sign the certificates of clients, PEM.',
  },
  { name: 'ssl.truststore.location', type: 'STRING', default: null, doc: 'The same from a PEM file.' },
  {
    name: 'ssl.truststore.type',
    type: 'STRING',
    default: 'JKS',
    doc: 'Only PEM is read; it must be said, since the default is Kafka’s.',
  },
]

/** For the broker, for one listener, or for a mechanism on a listener. */
const OF_MECHANISM: readonly ConfigDefinition[] = [
  {
    name: 'connections.max.reauth.ms',
    type: 'LONG',
    default: '0',
    doc: 'How long a login holds before the client must log in anew on the same connection (KIP-368); 0: for ever.',
  },
  {
    name: 'sasl.jaas.config',
    type: 'PASSWORD',
    default: null,
    refuses: (text) => complaintOf(() => parseJaas(text)),
    doc: 'Login module and options; only with the prefix of a listener and a mechanism.',
  },
  {
    name: 'sasl.oauthbearer.clock.skew.seconds',
    type: 'INT',
    default: '30',
    min: 0,
    doc: 'How far the clock of who issued a token may be from ours.',
  },
  {
    name: 'sasl.oauthbearer.expected.audience',
    type: 'LIST',
    default: '',
    doc: 'A token must be meant for one of these; absent: it must name no audience.',
  },
  { name: 'sasl.oauthbearer.expected.issuer', type: 'STRING', default: null, doc: 'Who must have issued a token.' },
  {
    name: 'sasl.oauthbearer.jwks.endpoint.url',
    type: 'STRING',
    default: null,
    refuses: (url) => (url.startsWith('file:') ? undefined : 'only a file: URL is read here'),
    doc: 'The keys that tokens are signed with, a JSON Web Key Set. Read at the start.',
  },
  {
    name: 'sasl.oauthbearer.scope.claim.name',
    type: 'STRING',
    default: 'scope',
    doc: 'The claim that holds the scope of a token.',
  },
  {
    name: 'sasl.oauthbearer.sub.claim.name',
    type: 'STRING',
    default: 'sub',
    doc: 'The claim that holds the name of the user.',
  },
  {
    name: 'sasl.server.callback.handler.class',
    type: 'CLASS',
    default: null,
    doc: 'Of OAUTHBEARER: which of Kafka’s two validators judges tokens. Without it a key set must be given.',
  },
]

export const LISTENER_CONFIGS: readonly ConfigDefinition[] = [...OF_BROKER, ...OF_LISTENER, ...OF_MECHANISM]

const overridable = new Map([...OF_LISTENER, ...OF_MECHANISM].map((definition) => [definition.name, definition]))
const ofMechanism = new Set(OF_MECHANISM.map(({ name }) => name))
const mechanisms: readonly string[] = SASL_MECHANISMS.map((name) => name.toLowerCase())

/** `listener.name.secure.plain.sasl.jaas.config` in its parts; undefined when the name has no such form. */
export interface ListenerOverride {
  readonly listener: string
  readonly property: string
  readonly definition: ConfigDefinition | undefined
}

export function listenerOverride(name: string): ListenerOverride | undefined {
  const [, listener, rest] = /^listener\.name\.([^.]+)\.(.+)$/.exec(name) ?? []
  if (listener === undefined || rest === undefined) return undefined
  const mechanism = mechanisms.find((one) => rest.startsWith(`${one}.`))
  const property = mechanism === undefined ? rest : rest.slice(mechanism.length + 1)
  const known = mechanism === undefined || ofMechanism.has(property)
  const definition = known ? overridable.get(property) : undefined
  return { listener, property, definition: definition && { ...definition, name } }
}

/** The override that was probably meant. */
export function nearOverride(name: string, { listener, property }: ListenerOverride): string | undefined {
  const near = nearName(property, overridable.keys())
  if (near === undefined) return undefined
  return near === property ? `${PREFIX}${listener}.${near}` : name.slice(0, name.length - property.length) + near
}

/** From the nearest to the farthest: the mechanism on the listener, the listener, the broker. */
export function namesOf(listener: string, property: string, mechanism?: string): string[] {
  const prefix = `${PREFIX}${listener.toLowerCase()}.`
  const ofListener = `${prefix}${property}`
  return mechanism === undefined
    ? [ofListener, property]
    : [`${prefix}${mechanism.toLowerCase()}.${property}`, ofListener, property]
}

function complaintOf(parse: () => unknown): string | undefined {
  try {
    parse()
    return undefined
  } catch (error) {
    return (error as Error).message
  }
}
