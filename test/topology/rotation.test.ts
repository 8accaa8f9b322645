// Passwords and certificates that are rotated under a running daemon, by swapping their files. Nothing is restarted, nothing is lost or doubled;
// and files that are not fit for use change nothing but the log.
import { pbkdf2Sync } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { startCluster } from '../../src/broker/cluster.ts'
import { loadConfig } from '../../src/config/config.ts'
import { startDaemon } from '../../src/daemon.ts'
import { nodePlatform } from '../../src/platform/node-platform.ts'
import { alterUserScramCredentials } from '../../src/protocol/messages/alter-user-scram-credentials.ts'
import { batchOf } from '../broker/requests.ts'
import { type Certificate, makeCertificates } from '../support/certificate.ts'
import { expectCopied } from '../support/copied.ts'
import { appendBatch, clientOf, makeTopic, testPlatform, until } from '../support/log-content.ts'
import { grant, TokenIssuer, unsignedToken } from '../support/token-issuer.ts'

/** Logins are renewed just before. */
const LOGIN_MS = 1_500
const [before, after] = [makeCertificates(), makeCertificates()]
const together = ({ key, cert }: Certificate) => `${key}\n${cert}`

test('a password and both sides’ certificates are rotated while records flow', { timeout: 60_000 }, async () => {
  const directory = mkdtempSync(join(tmpdir(), 'heliostat-rotation-'))
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }))
  const write = (name: string, text: string) => writeFileSync(join(directory, name), text, { mode: 0o600 })
  const broker = (world: ReturnType<typeof makeCertificates>) => {
    write('server.pem', together(world.server))
    write('trusted.pem', world.ca)
  }
  const client = ({ cert, key }: Certificate) => {
    write('client.pem', cert)
    write('client.key', key)
  }
  broker(before)
  client(before.client)
  write('ca.pem', before.ca)
  write('password', 'first')
  const east = await startCluster(testPlatform, {
    name: 'east',
    addScram: ['SCRAM-SHA-512=[name=mirror,password=first]'],
    config: {
      listeners: 'PLAINTEXT://:0,SASL_PLAINTEXT://:0',
      'sasl.enabled.mechanisms': 'SCRAM-SHA-512',
      'connections.max.reauth.ms': LOGIN_MS,
    },
  })
  const west = await startCluster(testPlatform, {
    name: 'west',
    config: {
      listeners: 'PLAINTEXT://:0,SSL://:0',
      'ssl.keystore.type': 'PEM',
      'ssl.keystore.location': join(directory, 'server.pem'),
      'ssl.truststore.type': 'PEM',
      'ssl.truststore.location': join(directory, 'trusted.pem'),
      'listener.name.ssl.ssl.client.auth': 'required',
    },
  })
  const text = `
version: 1
clusters:
  east:
    bootstrap: ["${east.listeners['SASL_PLAINTEXT']!.bootstrap}"]
    sasl: { mechanism: scram-sha-512, username: mirror, password: { file: password } }
  west:
    bootstrap: ["${west.listeners['SSL']!.bootstrap}"]
    tls: { ca: { file: ca.pem }, cert: { file: client.pem }, key: { file: client.key } }
mirrors: [{ from: east, to: west, refresh: 100ms }]
server: { listen: 127.0.0.1:0, tokens: [{ file: token }] }
`
  write('token', 'first-token\n')
  const lines: string[] = []
  const platform = nodePlatform({ log: { level: 'debug', pretty: false, write: (line) => lines.push(line) } })
  const events = (event: string) => lines.filter((line) => line.includes(`"event":"${event}"`))
  const [source, copies] = [clientOf(east.bootstrap), clientOf(west.bootstrap)]
  await makeTopic(source, 'orders', 1)
  const daemon = await startDaemon(platform, loadConfig(text, 'test.yaml', {}).config, { version: 'test', directory })
  onTestFinished(async () => {
    await daemon.stop()
    source.close()
    copies.close()
    await Promise.all([east.stop(), west.stop()])
  })
  let record = 0
  const append = () => appendBatch(source, 'orders', 0, batchOf([`${record++}`]))
  const copied = async () => {
    for (const _ of [1, 2, 3]) await append()
    const what = () => lines.slice(-20).join('')
    await expectCopied(
      { client: source, topic: 'orders' },
      { client: copies, topic: 'east.orders' },
      { what, timeoutMs: 20_000 },
    )
  }
  const restarted = async (cluster: typeof east) => {
    await cluster.broker(1).stop()
    await cluster.broker(1).start()
    const isBack = (client: typeof source) =>
      client.refresh().then(
        () => true,
        () => false,
      )
    await until(
      async () => (await isBack(source)) && (await isBack(copies)),
      () => lines.slice(-30).join(''),
    )
  }
  await copied()

  // A password: the next renewal of each login takes it, on the same connection.
  const salt = Buffer.from('salt')
  const saltedPassword = pbkdf2Sync('second', salt, 4096, 64, 'sha512')
  const upsertions = [{ name: 'mirror', mechanism: 2, iterations: 4096, salt, saltedPassword }]
  write('password', 'second')
  await (await source.controller()).send(alterUserScramCredentials, { deletions: [], upsertions })
  const renewals = events('connection.renewed').length
  for (const end = performance.now() + 2 * LOGIN_MS; performance.now() < end; ) {
    await append()
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  expect(events('connection.renewed').length).toBeGreaterThan(renewals)
  expect(events('connection.not-renewed')).toEqual([])
  await copied()

  // A file that was emptied: what was read before serves new connections, too.
  write('password', '')
  await restarted(east)
  await copied()
  expect(events('secret.kept')[0]).toContain(`clusters.east.sasl.password (password) is empty`)

  // A certificate that is cut off in the middle: the same.
  write('client.pem', after.client.cert.slice(0, 100))
  await restarted(west)
  await copied()
  expect(events('secret.kept')[1]).toContain('clusters.west.tls.cert (client.pem) holds no PEM certificate')

  // Another authority on both sides, trusted beside the old one from before the change.
  write('ca.pem', before.ca + after.ca)
  client(after.client)
  broker(after)
  await restarted(west)
  await copied()
  expect(events('secret.kept')).toHaveLength(2)
  expect(daemon.flows.get('east->west')!.status().topics[0]!.partitions[0]!.state).toMatch(/running|catching-up/)

  const asked = (token: string) =>
    fetch(`${daemon.url}/api/v1/flows`, { headers: { authorization: `Bearer ${token}` } }).then(({ status }) => status)
  expect(await asked('first-token')).toBe(200)
  write('token', 'second-token\n')
  expect([await asked('first-token'), await asked('second-token')]).toEqual([401, 200])
})

test('an issuer of tokens that answers garbage, and then not at all, is recovered from', {
  timeout: 60_000,
}, async () => {
  const issuer = await TokenIssuer.start()
  const good = () => grant(unsignedToken(2_500))
  issuer.answer = good
  const security = 'org.apache.kafka.common.security.oauthbearer'
  const east = await startCluster(testPlatform, {
    name: 'east',
    config: {
      listeners: 'PLAINTEXT://:0,SASL_PLAINTEXT://:0',
      'sasl.enabled.mechanisms': 'OAUTHBEARER',
      'listener.name.sasl_plaintext.oauthbearer.sasl.jaas.config': `${security}.OAuthBearerLoginModule required unsecuredLoginStringClaim_sub="broker";`,
      'listener.name.sasl_plaintext.oauthbearer.sasl.server.callback.handler.class': `${security}.internals.unsecured.OAuthBearerUnsecuredValidatorCallbackHandler`,
      'connections.max.reauth.ms': 60_000,
    },
  })
  // Both ways: what shares the work logs in with tokens, too.
  const { bootstrap } = east.listeners['SASL_PLAINTEXT']!
  const west = await startCluster(testPlatform, { name: 'west' })
  const text = `
version: 1
clusters:
  east:
    bootstrap: ["${bootstrap}"]
    sasl: { mechanism: oauthbearer, tokenEndpoint: { url: "${issuer.url}", clientId: m, clientSecret: s, ca: ${JSON.stringify(issuer.ca)} } }
  west: { bootstrap: ["${west.bootstrap}"] }
mirrors: [{ from: east, to: west, refresh: 100ms }, { from: west, to: east, refresh: 100ms }]
server: { listen: 127.0.0.1:0 }
`
  const { config } = loadConfig(text, 'test.yaml', {})
  const lines: string[] = []
  const platform = nodePlatform({ log: { level: 'info', pretty: false, write: (line) => lines.push(line) } })
  const [here, there] = [clientOf(east.bootstrap), clientOf(west.bootstrap)]
  await makeTopic(here, 'orders', 1)
  await makeTopic(there, 'bills', 1)
  const daemon = await startDaemon(platform, config, { version: 'test', directory: '.' })
  onTestFinished(async () => {
    await daemon.stop()
    for (const client of [here, there]) client.close()
    await Promise.all([east.stop(), west.stop(), issuer.stop()])
  })
  const copied = async () => {
    await appendBatch(here, 'orders', 0, batchOf(['a', 'b']))
    await appendBatch(there, 'bills', 0, batchOf(['c']))
    const options = { what: () => lines.slice(-20).join(''), timeoutMs: 20_000 }
    await expectCopied({ client: here, topic: 'orders' }, { client: there, topic: 'east.orders' }, options)
    await expectCopied({ client: there, topic: 'bills' }, { client: here, topic: 'west.bills' }, options)
  }
  const told = (what: string) =>
    until(
      () => lines.join('').includes(what),
      () => `the log does not say ${what}: ${lines.slice(-20).join('')}`,
    )
  await copied()
  issuer.answer = () => ({ body: '<html>' })
  await told('its answer is not a JSON object; the one before holds until')
  await issuer.stop()
  // The token in hand has ended, and logins with it.
  await told('connection refused')
  await new Promise((resolve) => setTimeout(resolve, 1_000))
  await issuer.restart()
  issuer.answer = good
  await copied()
  expect(daemon.flows.get('east->west')!.gaps()).toEqual([])
})
