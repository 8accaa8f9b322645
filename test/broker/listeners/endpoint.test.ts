import { expect, it } from 'vitest'
import { endpointsOf } from '../../../src/broker/listeners/endpoint.ts'

const protocolMap = 'PLAINTEXT:PLAINTEXT,SSL:SSL,SASL_PLAINTEXT:SASL_PLAINTEXT,SASL_SSL:SASL_SSL'

it('reads listeners in their order, with protocols by name and by the map', () => {
  const endpoints = endpointsOf({
    listeners: 'PLAINTEXT://:0, internal://localhost:9093,EXTERNAL://[::1]:9094',
    protocolMap: `${protocolMap},INTERNAL:ssl,EXTERNAL:SASL_SSL`,
  })
  expect(endpoints).toEqual([
    at('PLAINTEXT', 'PLAINTEXT', '127.0.0.1', 0),
    at('INTERNAL', 'SSL', 'localhost', 9093),
    at('EXTERNAL', 'SASL_SSL', '::1', 9094),
  ])
})

it('tells other addresses than those where it listens, and only those that are to be told', () => {
  const [inside, outside] = endpointsOf({
    listeners: 'IN://127.0.0.1:9092,OUT://0.0.0.0:9093',
    advertisedListeners: 'OUT://kafka.example:19093',
    protocolMap: 'IN:PLAINTEXT,OUT:SSL',
    interBrokerListener: 'OUT',
  })
  expect(inside!.advertised).toBeUndefined()
  expect(outside!.advertised).toEqual({ host: 'kafka.example', port: 19093 })
})

const WRONG: readonly [string, Partial<Parameters<typeof endpointsOf>[0]>, RegExp][] = [
  ['no listener', { listeners: ' , ' }, /listeners is empty/],
  ['no port', { listeners: 'PLAINTEXT://localhost' }, /"PLAINTEXT:\/\/localhost" is not NAME:\/\/host:port/],
  ['a port that is none', { listeners: 'PLAINTEXT://:65536' }, /is not NAME/],
  ['the same name twice', { listeners: 'SSL://:1,ssl://:2' }, /different name/],
  ['the same port twice', { listeners: 'SSL://:9092,PLAINTEXT://:9092' }, /different port.*9092/],
  ['a name without a protocol', { listeners: 'OUTSIDE://:1' }, /no security protocol is defined for listener OUTSIDE/],
  ['a protocol with a slip', { protocolMap: 'PLAINTEXT:PLAINTEXTS' }, /did you mean PLAINTEXT\?/],
  ['a protocol that is none', { protocolMap: 'PLAINTEXT:QUIC' }, /one of PLAINTEXT, SSL/],
  ['a name twice in the map', { protocolMap: 'A:SSL,a:SSL' }, /names A twice/],
  ['an advertised name that does not listen', { advertisedListeners: 'PLAINTXT://:1' }, /did you mean PLAINTEXT\?/],
  [
    'an advertised address that leads nowhere',
    { advertisedListeners: 'PLAINTEXT://0.0.0.0:1' },
    /nonroutable meta-address/,
  ],
  ['every interface and nothing advertised', { listeners: 'PLAINTEXT://0.0.0.0:1' }, /nonroutable meta-address/],
  ['nothing advertised at all', { advertisedListeners: '' }, /advertised.listeners is empty/],
  ['a listener between brokers that is none', { interBrokerListener: 'INSIDE' }, /INSIDE is none of PLAINTEXT/],
]

it.each(WRONG)('refuses %s', (_what, properties, message) => {
  expect(() => endpointsOf({ listeners: 'PLAINTEXT://:9092', protocolMap, ...properties })).toThrow(message)
})

function at(listener: string, securityProtocol: string, host: string, port: number) {
  return { listener, securityProtocol, bind: { host, port }, advertised: { host, port } }
}
