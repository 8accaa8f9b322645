// Logins on the wire: what is answered, what is refused, and what a stranger cannot do.
import { connect as tlsConnect } from 'node:tls'
import { describe, expect, it } from 'vitest'
import { decodeResponse, encodeRequest } from '../../../src/protocol/codec.ts'
import { ErrorCode } from '../../../src/protocol/errors.ts'
import { apiVersions } from '../../../src/protocol/messages/api-versions.ts'
import { metadata } from '../../../src/protocol/messages/metadata.ts'
import { produce } from '../../../src/protocol/messages/produce.ts'
import { saslAuthenticate } from '../../../src/protocol/messages/sasl-authenticate.ts'
import { saslHandshake } from '../../../src/protocol/messages/sasl-handshake.ts'
import type { Api, RequestInput, Response } from '../../../src/protocol/schema.ts'
import { certificates, fourListeners, type SecuredCluster, securedCluster } from '../listeners/secured-cluster.ts'
import { type RawConnection, rawConnection, sized } from '../raw-connection.ts'
import { batchOf, makeTopic, produceOf } from '../requests.ts'

const tls = { ca: certificates.ca }
const sasl = { mechanism: 'plain', username: 'alice', password: 'secret' } as const

async function stranger(cluster: SecuredCluster, listener = 'SASL_PLAINTEXT'): Promise<RawConnection> {
  return rawConnection({ bootstrap: cluster.at(listener).bootstrap })
}

function frameOf<A extends Api>(api: A, version: number, request: RequestInput<A>): Buffer {
  return Buffer.concat(encodeRequest(api, version, { correlationId: 7, clientId: 'raw' }, request))
}

async function ask<A extends Api>(
  raw: RawConnection,
  api: A,
  version: number,
  request: RequestInput<A>,
): Promise<Response<A>> {
  raw.socket.write(frameOf(api, version, request))
  return decodeResponse(api, version, await raw.next())
}

const token = (text: string) => Buffer.from(text.replaceAll('|', '\0'))
const handshake = (raw: RawConnection, mechanism = 'PLAIN', version = 1) =>
  ask(raw, saslHandshake, version, { mechanism })
const authenticate = (raw: RawConnection, text: string, version = 2) =>
  ask(raw, saslAuthenticate, version, { authBytes: token(text) })

describe('a SASL listener', () => {
  it('serves who has logged in, over TLS and without', async () => {
    const cluster = await securedCluster(fourListeners)
    for (const [listener, login] of [
      ['SASL_PLAINTEXT', { sasl }],
      ['SASL_SSL', { tls, sasl }],
    ] as const) {
      const connection = await cluster.open(listener, login)
      await makeTopic(connection, listener)
      expect(await produceOf(connection, listener, batchOf(['x']))).toMatchObject({ errorCode: 0, baseOffset: 0 })
    }
  })

  it('takes the tokens of old clients without headers, and hears requests after them', async () => {
    const raw = await stranger(await securedCluster(fourListeners))
    expect(await handshake(raw, 'PLAIN', 0)).toEqual({ errorCode: ErrorCode.NONE, mechanisms: ['PLAIN'] })
    expect(await raw.ask(token('|alice|secret'))).toEqual(Buffer.alloc(0))
    expect((await ask(raw, metadata, 1, { topics: [] })).brokers).toHaveLength(1)
  })

  it('keeps users of one listener from another', async () => {
    const cluster = await securedCluster(fourListeners)
    const bob = { mechanism: 'plain', username: 'bob', password: 'hunter2' } as const
    await cluster.open('SASL_PLAINTEXT', { sasl: bob })
    await expect(cluster.open('SASL_SSL', { tls, sasl: bob })).rejects.toMatchObject({ code: 'HEL_AUTHENTICATION' })
  })

  it('refuses a wrong password with Kafka’s words, and closes', async () => {
    const cluster = await securedCluster(fourListeners)
    const raw = await stranger(cluster)
    await ask(raw, apiVersions, 3, { clientSoftwareName: 'raw', clientSoftwareVersion: '1' })
    await handshake(raw)
    expect(await authenticate(raw, '|alice|canary')).toMatchObject({
      errorCode: ErrorCode.SASL_AUTHENTICATION_FAILED,
      errorMessage: 'Authentication failed: Invalid username or password',
    })
    await raw.closed
    expect(cluster.logged.filter(({ level }) => level === 'warn')).toMatchObject([{ event: 'broker.login-refused' }])
    expect(JSON.stringify(cluster.logged)).not.toContain('canary')
  })

  it('lets a refused login wait for connection.failed.authentication.delay.ms', async () => {
    const cluster = await securedCluster({ ...fourListeners, 'connection.failed.authentication.delay.ms': 300 })
    const raw = await stranger(cluster)
    await handshake(raw)
    const before = performance.now()
    // What comes behind a refused login is not heard.
    raw.socket.write(frameOf(saslAuthenticate, 2, { authBytes: token('|alice|canary') }))
    await authenticate(raw, '|alice|secret')
    await raw.closed
    expect(performance.now() - before).toBeGreaterThanOrEqual(290)
  })

  it('names the mechanisms that it offers when it is asked for another', async () => {
    const raw = await stranger(await securedCluster(fourListeners))
    const refused = { errorCode: ErrorCode.UNSUPPORTED_SASL_MECHANISM, mechanisms: ['PLAIN'] }
    expect(await handshake(raw, 'GSSAPI')).toEqual(refused)
    await raw.closed
  })

  it('answers who is logged in and logs in again with ILLEGAL_SASL_STATE, and serves on', async () => {
    const connection = await (await securedCluster(fourListeners)).open('SASL_PLAINTEXT', { sasl })
    const shaken = await connection.send(saslHandshake, { mechanism: 'PLAIN' }, { version: 1 })
    expect(shaken).toEqual({ errorCode: ErrorCode.ILLEGAL_SASL_STATE, mechanisms: [] })
    const again = await connection.send(saslAuthenticate, { authBytes: token('|alice|secret') })
    expect(again).toMatchObject({
      errorCode: ErrorCode.ILLEGAL_SASL_STATE,
      errorMessage: 'SaslAuthenticate request received after successful authentication',
    })
    expect((await connection.send(metadata, { topics: [] })).brokers).toHaveLength(1)
  })

  it('answers a handshake with ILLEGAL_SASL_STATE where there is nothing to log in to', async () => {
    const connection = await (await securedCluster(fourListeners)).open('PLAINTEXT')
    const shaken = await connection.send(saslHandshake, { mechanism: 'PLAIN' }, { version: 1 })
    expect(shaken.errorCode).toBe(ErrorCode.ILLEGAL_SASL_STATE)
  })
})

describe('who has logged in', () => {
  it('is whom access rules speak of: the user of the login, or of the certificate', async () => {
    const cluster = await securedCluster({
      ...fourListeners,
      'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
      'super.users': 'User:alice;User:mirror-cert',
      'listener.name.ssl.ssl.client.auth': 'requested',
      'listener.name.ssl.ssl.principal.mapping.rules': 'RULE:^CN=(.*)$/$1-cert/',
    })
    const alice = await cluster.open('SASL_PLAINTEXT', { sasl })
    await makeTopic(alice, 't')
    const bob = { mechanism: 'plain', username: 'bob', password: 'hunter2' } as const
    const refused = ErrorCode.TOPIC_AUTHORIZATION_FAILED
    const ways = [
      [alice, ErrorCode.NONE],
      [await cluster.open('SASL_SSL', { tls, sasl }), ErrorCode.NONE],
      [await cluster.open('SASL_PLAINTEXT', { sasl: bob }), refused],
      [await cluster.open('SSL', { tls: { ...tls, ...certificates.client } }), ErrorCode.NONE],
      [await cluster.open('SSL', { tls }), refused],
      [await cluster.open('PLAINTEXT'), refused],
    ] as const
    for (const [connection, errorCode] of ways) {
      expect(await produceOf(connection, 't', batchOf(['x']))).toMatchObject({ errorCode })
    }
  })
})

const producing = () =>
  frameOf(produce, 7, {
    acks: 1,
    timeoutMs: 1000,
    topicData: [{ name: 't', partitionData: [{ index: 0, records: [batchOf(['intruder'])] }] }],
  })

/** Each is sent by somebody who has not logged in. */
const INTRUSIONS: Readonly<Record<string, () => Buffer>> = {
  'a request before the login': () => frameOf(metadata, 1, { topics: [] }),
  'records before the login': producing,
  'a token before the handshake': () => frameOf(saslAuthenticate, 2, { authBytes: token('|alice|secret') }),
  'records during the login': () => Buffer.concat([frameOf(saslHandshake, 1, { mechanism: 'PLAIN' }), producing()]),
  'a token without header after a handshake with': () =>
    Buffer.concat([frameOf(saslHandshake, 1, { mechanism: 'PLAIN' }), sized(token('|alice|secret'))]),
  'a frame over the limit before the login': () => Buffer.from('00080001', 'hex'),
  'a frame of 2 GB': () => Buffer.from('7fffffff00000000', 'hex'),
  'a frame of negative size': () => Buffer.from('ffffffff', 'hex'),
  'an empty frame': () => Buffer.alloc(4),
  'an API that is not served': () => sized(Buffer.from('03e70000000000010000', 'hex')),
  'a handshake of a version that is not served': () => sized(Buffer.from('0011000900000001ffff', 'hex')),
  'a handshake cut short': () => sized(Buffer.from('001100010000000100000009504c', 'hex')),
  HTTP: () => Buffer.from('GET / HTTP/1.1\r\nHost: kafka\r\n\r\n'),
  'an SSH banner': () => Buffer.from('SSH-2.0-OpenSSH_9.6\r\n'),
  'a TLS hello': () => Buffer.from('16030100f8010000f40303', 'hex'),
}

describe('a stranger that sends', () => {
  for (const [what, bytes] of Object.entries(INTRUSIONS)) {
    it(`${what} is closed on with one line in the log; nothing is served, and others are`, async () => {
      const cluster = await securedCluster(fourListeners)
      const bystander = await cluster.open('SASL_PLAINTEXT', { sasl })
      await makeTopic(bystander, 't')
      const raw = await stranger(cluster)
      raw.socket.write(bytes())
      await raw.closed
      expect(cluster.logged.filter(({ level }) => level === 'warn' || level === 'error')).toHaveLength(1)
      expect(await produceOf(bystander, 't', batchOf(['x']))).toMatchObject({ errorCode: 0, baseOffset: 0 })
    })
  }

  it('half a frame and no more is closed on like any idle client', async () => {
    const cluster = await securedCluster({ ...fourListeners, 'connections.max.idle.ms': 100 })
    const raw = await stranger(cluster)
    // A byte now and then does not count: only a request does.
    const drip = setInterval(() => raw.socket.write(Buffer.from([0])), 20)
    raw.socket.write(Buffer.from('00001000', 'hex'))
    await raw.closed
    clearInterval(drip)
  })

  it.each(['SSL', 'SASL_SSL'])('plain bytes to the %s port is closed on, and others are served', async (listener) => {
    const cluster = await securedCluster(fourListeners)
    const login = listener === 'SSL' ? { tls } : { tls, sasl }
    const bystander = await cluster.open(listener, login)
    for (const bytes of [frameOf(metadata, 1, { topics: [] }), Buffer.from('GET / HTTP/1.1\r\n\r\n')]) {
      const raw = await stranger(cluster, listener)
      raw.socket.write(bytes)
      await raw.closed
    }
    expect(cluster.logged.filter(({ event }) => event === 'network.tls.refused')).toHaveLength(2)
    expect((await bystander.send(metadata, { topics: [] })).brokers).toHaveLength(1)
  })

  it('a request before the login under TLS is closed on', async () => {
    const cluster = await securedCluster(fourListeners)
    const { host, port } = cluster.at('SASL_SSL')
    const socket = tlsConnect({ host, port, ca: certificates.ca })
    socket.write(producing())
    await new Promise((resolve) => socket.on('error', resolve).once('close', resolve).resume())
    expect(cluster.logged).toContainEqual(expect.objectContaining({ event: 'broker.login-refused' }))
  })
})
