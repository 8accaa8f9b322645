import { createPrivateKey } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { startCluster } from '../../../src/broker/cluster.ts'
import { nodePlatform } from '../../../src/platform/node-platform.ts'
import { ErrorCode } from '../../../src/protocol/errors.ts'
import { describeCluster } from '../../../src/protocol/messages/describe-cluster.ts'
import { describeConfigs } from '../../../src/protocol/messages/describe-configs.ts'
import { findCoordinator } from '../../../src/protocol/messages/find-coordinator.ts'
import { metadata } from '../../../src/protocol/messages/metadata.ts'
import { makeCertificates } from '../../support/certificate.ts'
import { embeddedCluster } from '../embedded-cluster.ts'
import { certificates, fourListeners, keystore, type Login, PLAIN_MODULE, securedCluster } from './secured-cluster.ts'

const platform = nodePlatform({ log: { level: 'silent' } })
const tls = { ca: certificates.ca }
const sasl = { mechanism: 'plain', username: 'alice', password: 'secret' } as const

describe('listeners', () => {
  it('answer with the address of the listener that the request came through', async () => {
    const cluster = await securedCluster(fourListeners)
    const ways: readonly [string, Login][] = [
      ['PLAINTEXT', {}],
      ['SSL', { tls }],
      ['SASL_PLAINTEXT', { sasl }],
      ['SASL_SSL', { tls, sasl }],
    ]
    const ports = new Set<number>()
    for (const [listener, login] of ways) {
      const { host, port, bootstrap } = cluster.at(listener)
      const connection = await cluster.open(listener, login)
      expect((await connection.send(metadata, { topics: [] })).brokers).toMatchObject([{ nodeId: 1, host, port }])
      expect(
        (await connection.send(describeCluster, { includeClusterAuthorizedOperations: false })).brokers,
      ).toMatchObject([{ brokerId: 1, host, port }])
      const { coordinators } = await connection.send(findCoordinator, { coordinatorKeys: ['g'] })
      expect(coordinators).toMatchObject([{ nodeId: 1, host, port }])
      expect(cluster.listeners[listener]).toEqual({
        securityProtocol: listener,
        bootstrap,
        nodes: { 1: bootstrap },
        via: {},
      })
      ports.add(port)
    }
    expect(ports.size).toBe(4)
    expect(cluster.bootstrap).toBe(cluster.at('PLAINTEXT').bootstrap)
  })

  it('are told to people with the address that is advertised, and not at all when it is not', async () => {
    const cluster = await embeddedCluster({
      config: {
        listeners: 'INSIDE://:0,OUTSIDE://:0',
        'listener.security.protocol.map': 'INSIDE:PLAINTEXT,OUTSIDE:PLAINTEXT',
        'advertised.listeners': 'OUTSIDE://kafka.example:9999',
      },
    })
    expect(cluster.listeners).toEqual({
      OUTSIDE: {
        securityProtocol: 'PLAINTEXT',
        bootstrap: 'kafka.example:9999',
        nodes: { 1: 'kafka.example:9999' },
        via: {},
      },
    })
  })

  it('hide passwords and keys when the broker is described', async () => {
    const config = { ...fourListeners, 'listener.name.ssl.ssl.client.auth': 'requested' }
    const cluster = await securedCluster(config)
    const connection = await cluster.open('PLAINTEXT')
    const users = 'listener.name.sasl_ssl.plain.sasl.jaas.config'
    const own = 'listener.name.ssl.ssl.client.auth'
    const keys = ['ssl.keystore.key', 'sasl.enabled.mechanisms', 'listeners', users, own]
    const resources = [{ resourceType: 4, resourceName: '1', configurationKeys: keys }]
    const { results } = await connection.send(describeConfigs, { resources, includeSynonyms: true })
    const shown = Object.fromEntries(results[0]!.configs.map((config) => [config.name, config]))
    expect(shown['ssl.keystore.key']).toMatchObject({ value: null, isSensitive: true, synonyms: [{ value: null }] })
    expect(shown['sasl.enabled.mechanisms']).toMatchObject({ value: 'PLAIN', isSensitive: false })
    expect(shown[users]).toMatchObject({ value: null, isSensitive: true, synonyms: [{ name: users, value: null }] })
    // The listener's own value stands before that of the broker.
    expect(shown[own]!.synonyms.map(({ name, value }) => [name, value])).toEqual([
      [own, 'requested'],
      ['ssl.client.auth', 'none'],
    ])
    expect(JSON.stringify([results, cluster.logged])).not.toMatch(/PRIVATE KEY|secret|hunter2/)
  })
})

describe('a TLS listener', () => {
  it('takes its certificates from files too, as these are when a client connects', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'heliostat-tls-'))
    onTestFinished(() => rmSync(directory, { recursive: true, force: true }))
    const write = ({ ca, server }: typeof certificates) => {
      writeFileSync(join(directory, 'server.pem'), server.key + server.cert)
      writeFileSync(join(directory, 'ca.pem'), ca)
    }
    write(certificates)
    const cluster = await securedCluster({
      listeners: 'SSL://:0',
      'ssl.keystore.type': 'PEM',
      'ssl.keystore.location': join(directory, 'server.pem'),
      'ssl.truststore.type': 'PEM',
      'ssl.truststore.location': join(directory, 'ca.pem'),
      'ssl.client.auth': 'required',
    })
    const old = { tls: { ...tls, ...certificates.client } }
    const open = await cluster.open('SSL', old)
    const next = makeCertificates()
    write(next)
    const renewed = { tls: { ca: next.ca, ...next.client } }
    await cluster.open('SSL', renewed)
    await expect(cluster.open('SSL', old)).rejects.toMatchObject({ code: 'HEL_TLS' })
    await open.send(metadata, { topics: [] })
    // What is half written leaves what was read before in use.
    writeFileSync(join(directory, 'server.pem'), next.server.key)
    await cluster.open('SSL', renewed)
    expect(cluster.logged.filter(({ event }) => event === 'secret.kept')).toMatchObject([
      {
        msg: expect.stringContaining('listener.name.ssl.ssl.keystore.location: there is no PEM certificate in it'),
      },
    ])
  })

  it('opens an encrypted key with its password, and says so when it does not', async () => {
    const key = createPrivateKey(certificates.server.key)
    const form = { type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'open sesame' } as const
    const config = { ...keystore, listeners: 'SSL://:0', 'ssl.keystore.key': key.export(form).toString() }
    const cluster = await securedCluster({ ...config, 'ssl.key.password': form.passphrase })
    await cluster.open('SSL', { tls })
    for (const wrong of [{}, { 'ssl.key.password': 'canary' }]) {
      const error = await securedCluster({ ...config, ...wrong }).catch((reason) => reason)
      expect(error).toMatchObject({
        code: 'HEL_CONFIG',
        message: expect.stringMatching(/ssl\.key\.password does not open/),
      })
      expect(error.message).not.toContain('canary')
    }
  })

  it('that asks for a certificate takes one, and none; that requires one does not take none; neither takes a stranger’s', async () => {
    const stranger = makeCertificates().client
    for (const clientAuth of ['requested', 'required']) {
      const cluster = await securedCluster({ ...keystore, listeners: 'SSL://:0', 'ssl.client.auth': clientAuth })
      await cluster.open('SSL', { tls: { ...tls, ...certificates.client } })
      await expect(cluster.open('SSL', { tls: { ...tls, ...stranger } })).rejects.toThrow()
      const none = cluster.open('SSL', { tls })
      if (clientAuth === 'requested') await none
      else await expect(none).rejects.toThrow()
    }
  })

  it('closes on a certificate that no rule gives a user', async () => {
    const rules = 'RULE:^CN=someone-else$/x/'
    const config = { ...keystore, listeners: 'SSL://:0', 'ssl.client.auth': 'required' }
    const cluster = await securedCluster({ ...config, 'ssl.principal.mapping.rules': rules })
    await expect(cluster.open('SSL', { tls: { ...tls, ...certificates.client } })).rejects.toThrow()
    expect(cluster.logged).toContainEqual(expect.objectContaining({ event: 'broker.login-refused' }))
  })

  it('with SASL asks for a certificate only where the listener itself says so (KIP-684)', async () => {
    const { 'listener.name.sasl_ssl.plain.sasl.jaas.config': users } = fourListeners
    const config = {
      ...keystore,
      listeners: 'SASL_SSL://:0',
      'sasl.enabled.mechanisms': 'PLAIN',
      'listener.name.sasl_ssl.plain.sasl.jaas.config': users,
    }
    const lenient = await securedCluster({ ...config, 'ssl.client.auth': 'required' })
    await lenient.open('SASL_SSL', { tls, sasl })
    const strict = await securedCluster({ ...config, 'listener.name.sasl_ssl.ssl.client.auth': 'required' })
    await expect(strict.open('SASL_SSL', { tls, sasl })).rejects.toThrow()
    await strict.open('SASL_SSL', { tls: { ...tls, ...certificates.client }, sasl })
  })

  it('speaks the versions of TLS that are enabled', async () => {
    const cluster = await securedCluster({ ...keystore, listeners: 'SSL://:0', 'ssl.enabled.protocols': 'TLSv1.2' })
    await cluster.open('SSL', { tls })
    await expect(cluster.open('SSL', { tls: { ...tls, minVersion: 'TLSv1.3' } })).rejects.toMatchObject({
      code: 'HEL_TLS',
    })
  })
})

const plainUsers = { 'listener.name.sasl_plaintext.plain.sasl.jaas.config': `${PLAIN_MODULE} required;` }
const plainLogin = { listeners: 'SASL_PLAINTEXT://:0', 'sasl.enabled.mechanisms': 'PLAIN' }

const WRONG: readonly [string, object, RegExp][] = [
  [
    'a plain listener beyond this machine',
    { listeners: 'PLAINTEXT://0.0.0.0:0', 'advertised.listeners': 'PLAINTEXT://h:1' },
    /PLAINTEXT on 0\.0\.0\.0.*allowInsecure/,
  ],
  [
    'a property of a listener that is not there',
    { 'listener.name.plaintxt.ssl.client.auth': 'none' },
    /did you mean listener\.name\.plaintext/,
  ],
  [
    'a property of a listener with a slip',
    { 'listener.name.plaintext.ssl.client.outh': 'none' },
    /did you mean listener\.name\.plaintext\.ssl\.client\.auth\?/,
  ],
  [
    'a property of a mechanism with a slip',
    { 'listener.name.plaintext.plain.sasl.jas.config': '' },
    /did you mean listener\.name\.plaintext\.plain\.sasl\.jaas\.config\?/,
  ],
  [
    'a property of the broker for one listener',
    { 'listener.name.plaintext.num.partitions': 1 },
    /unknown broker property/,
  ],
  ['TLS without a certificate', { listeners: 'SSL://:0' }, /needs a certificate and its key/],
  ['a keystore of Java', { listeners: 'SSL://:0', 'ssl.keystore.location': '/k.jks' }, /it is JKS, only PEM is read/],
  [
    'a certificate without its key',
    { listeners: 'SSL://:0', ...keystore, 'ssl.keystore.key': undefined },
    /no ssl\.keystore\.key/,
  ],
  [
    'a key that is none',
    { listeners: 'SSL://:0', ...keystore, 'ssl.keystore.key': 'canary' },
    /listener SSL: .*ssl\.keystore\.key: there is no PEM private key/,
  ],
  [
    'another key',
    { listeners: 'SSL://:0', ...keystore, 'ssl.keystore.key': certificates.client.key },
    /does not belong to the certificate/,
  ],
  [
    'client certificates that nobody could have signed',
    { listeners: 'SSL://:0', ...keystore, 'ssl.client.auth': 'required', 'ssl.truststore.certificates': undefined },
    /needs ssl\.truststore\.certificates/,
  ],
  ['a rule that is none', { 'ssl.principal.mapping.rules': 'RULE:(/x/' }, /is no regular expression/],
  ['SASL without a mechanism', { listeners: 'SASL_PLAINTEXT://:0' }, /offers at least one of PLAIN/],
  ['a mechanism that is not here', { 'sasl.enabled.mechanisms': 'GSSAPI' }, /must be one of: PLAIN, SCRAM/],
  [
    'PLAIN without users',
    plainLogin,
    /listener\.name\.sasl_plaintext\.plain\.sasl\.jaas\.config: PLAIN needs its users/,
  ],
  [
    'the login module of another mechanism',
    {
      ...plainLogin,
      'listener.name.sasl_plaintext.plain.sasl.jaas.config':
        'org.apache.kafka.common.security.scram.ScramLoginModule required;',
    },
    /it must be .*PlainLoginModule/,
  ],
  [
    'users that cannot be read',
    {
      ...plainLogin,
      'listener.name.sasl_plaintext.plain.sasl.jaas.config': `${PLAIN_MODULE} required user_a="canary"`,
    },
    /\[hidden\].*semicolon/,
  ],
  [
    'users for no mechanism',
    { ...plainLogin, ...plainUsers, 'sasl.jaas.config': `${PLAIN_MODULE} required;` },
    /only for a listener and a mechanism/,
  ],
]

it.each(WRONG)('a broker does not start with %s, and says why', async (_what, given, message) => {
  const config = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined))
  const error = await startCluster(platform, { name: 'test', config }).then(
    (cluster) => cluster.stop(),
    (reason: Error) => reason,
  )
  expect(error).toMatchObject({ code: 'HEL_CONFIG', message: expect.stringMatching(message) })
  expect((error as Error).message).not.toContain('canary')
})

it('a plain listener leaves this machine when that is meant', async () => {
  const config = { listeners: 'PLAINTEXT://0.0.0.0:0', 'advertised.listeners': 'PLAINTEXT://localhost:0' }
  const cluster = await embeddedCluster({ config, allowInsecure: true })
  const { errorCode } = await (await cluster.connect()).send(metadata, { topics: [] })
  expect(errorCode).toBe(ErrorCode.NONE)
})

it('a port and listeners together are refused: one of them would be ignored', async () => {
  const both = startCluster(platform, { name: 'test', port: 9092, config: { listeners: 'PLAINTEXT://:0' } })
  await expect(both).rejects.toThrow(/listeners says every port by itself/)
})
