// A secret in every place of a configuration where there can be one, with logins that succeed and logins that fail; and then everything that
// anybody gets to see is searched for them: answers of commands, the log at its most talkative, the API, the metrics, what Redis holds, what the
// members of the sharing group tell one another.
import { createPrivateKey } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { expect, onTestFinished, test, vi } from 'vitest'
import { type Cluster, startCluster } from '../../src/broker/cluster.ts'
import { acls } from '../../src/cli/acls.ts'
import { check } from '../../src/cli/check.ts'
import { explain } from '../../src/cli/explain.ts'
import { gaps } from '../../src/cli/gaps.ts'
import { groups } from '../../src/cli/groups.ts'
import { lint } from '../../src/cli/lint.ts'
import { plan } from '../../src/cli/plan.ts'
import { status } from '../../src/cli/status.ts'
import { translate } from '../../src/cli/translate.ts'
import { loadConfig } from '../../src/config/config.ts'
import { startDaemon } from '../../src/daemon.ts'
import { nodePlatform } from '../../src/platform/node-platform.ts'
import { describeGroups } from '../../src/protocol/messages/describe-groups.ts'
import { batchOf } from '../broker/requests.ts'
import { makeCertificates } from '../support/certificate.ts'
import { appendBatch, clientOf, makeTopic, testPlatform, until } from '../support/log-content.ts'
import { redisUnavailable, startRedis } from '../support/redis.ts'
import { grant, TokenIssuer, unsignedToken } from '../support/token-issuer.ts'

const SECURITY = 'org.apache.kafka.common.security'
const VALIDATOR = `${SECURITY}.oauthbearer.internals.unsecured.OAuthBearerUnsecuredValidatorCallbackHandler`
const SECRETS = {
  PASSWORD: 'canary-password-1',
  WRONG: 'canary-wrong-2',
  CLIENT: 'canary-client-3',
  API: 'canary-api-4',
  REDIS: 'canary-redis-5',
  TOKEN: unsignedToken(600_000, 'canary'),
  EXPIRED: unsignedToken(-600_000, 'canary'),
}

/** A secret, and as it would look in a header or an address. */
const disguises = (secret: string) => [
  secret,
  Buffer.from(secret).toString('base64').replace(/=+$/, ''),
  encodeURIComponent(secret),
]

test('no secret is shown, whatever is asked and whatever fails', { timeout: 60_000 }, async () => {
  const directory = mkdtempSync(join(tmpdir(), 'heliostat-secrets-'))
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }))
  const write = (name: string, text: string) => writeFileSync(join(directory, name), text, { mode: 0o600 })
  const { client } = makeCertificates()
  const key = createPrivateKey(client.key).export({ type: 'pkcs8', format: 'pem' }).toString()
  const canaries = [...Object.values(SECRETS).flatMap(disguises), ...key.split('\n').slice(1, -2)]
  const issuer = await TokenIssuer.start()
  issuer.answer = () => grant(SECRETS.TOKEN)
  const refusing = await TokenIssuer.start()
  // The worst that an endpoint can do.
  refusing.answer = ({ authorization, body }) => ({
    status: 401,
    body: JSON.stringify({ error: 'invalid_client', error_description: `${authorization} ${SECRETS.CLIENT} ${body}` }),
  })
  const redis = redisUnavailable() ? undefined : await startRedis()
  const keys = redis && new Redis(redis.url)
  await keys?.config('SET', 'requirepass', SECRETS.REDIS)
  const redisUrl = redis?.url.replace('//', `//:${SECRETS.REDIS}@`) ?? `redis://:${SECRETS.REDIS}@127.0.0.1:1`
  const secured = (name: string) =>
    startCluster(testPlatform, {
      name,
      config: {
        listeners: 'PLAINTEXT://:0,SASL_PLAINTEXT://:0',
        'sasl.enabled.mechanisms': 'PLAIN,OAUTHBEARER',
        'listener.name.sasl_plaintext.plain.sasl.jaas.config': `${SECURITY}.plain.PlainLoginModule required user_mirror="${SECRETS.PASSWORD}";`,
        'listener.name.sasl_plaintext.oauthbearer.sasl.jaas.config': `${SECURITY}.oauthbearer.OAuthBearerLoginModule required unsecuredLoginStringClaim_sub="broker";`,
        'listener.name.sasl_plaintext.oauthbearer.sasl.server.callback.handler.class': VALIDATOR,
        'connection.failed.authentication.delay.ms': 1,
      },
    })
  const [east, west] = (await Promise.all(['east', 'west'].map(secured))) as [Cluster, Cluster]
  const [source, target] = [clientOf(east.bootstrap), clientOf(west.bootstrap)]
  const door = (cluster: Cluster, host = '127.0.0.1') =>
    `["${cluster.listeners['SASL_PLAINTEXT']!.bootstrap.replace('127.0.0.1', host)}"]`
  write('password', SECRETS.PASSWORD)
  write('client-secret', SECRETS.CLIENT)
  write('client.pem', client.cert)
  write('client.key', key)
  write('ca.pem', issuer.ca)
  write('refusing.pem', refusing.ca)
  write('expired', SECRETS.EXPIRED)
  write('redis', redisUrl)
  write('empty', '')
  const endpoint = (of: TokenIssuer, trusted: string) =>
    `tokenEndpoint: { url: "${of.url}", clientId: mirror, clientSecret: { file: client-secret }, ca: { file: ${trusted} } }`
  const text = (password: string, more = '') => `
version: 1
clusters:
  east: { bootstrap: ${door(east)}, sasl: { mechanism: plain, username: mirror, password: ${password} } }
  west: { bootstrap: ${door(west)}, sasl: { mechanism: oauthbearer, ${endpoint(issuer, 'ca.pem')} } }
  wrong: { bootstrap: ${door(east, 'localhost')}, sasl: { mechanism: plain, username: mirror, password: "\${WRONG}" } }
  refused: { bootstrap: ${door(west, 'localhost')}, sasl: { mechanism: oauthbearer, ${endpoint(refusing, 'refusing.pem')} } }
  late: { bootstrap: ${door(west, '127.1')}, sasl: { mechanism: oauthbearer, token: { file: expired } } }
  shown: { bootstrap: ["127.0.0.3:1"], tls: { ca: { file: ca.pem }, cert: { file: client.pem }, key: { file: client.key } } }
mirrors:
  - { from: east, to: west, refresh: 100ms }
  - { from: wrong, to: refused, refresh: 100ms }
  - { from: late, to: shown, refresh: 100ms }
queue: { redis: { file: redis } }
server: { listen: 127.0.0.1:0, tokens: ["\${API}"] }
${more}`
  const file = join(directory, 'heliostat.yaml')
  write('heliostat.yaml', text('{ file: password }'))
  for (const [name, secret] of Object.entries(SECRETS)) vi.stubEnv(name, secret)
  await makeTopic(source, 'orders', 1)
  await appendBatch(source, 'orders', 0, batchOf(['a']))

  const shown: string[] = []
  const log: string[] = []
  const load = (yaml: string) => loadConfig(yaml, file, SECRETS).config
  let next = text('{ file: password }')
  const daemon = await startDaemon(
    nodePlatform({ log: { level: 'debug', pretty: false, write: (line) => log.push(line) } }),
    load(next),
    { version: 'test', directory, load: () => load(next) },
  )
  onTestFinished(async () => {
    vi.unstubAllEnvs()
    await daemon.stop()
    for (const one of [source, target]) one.close()
    keys?.disconnect()
    await Promise.all([east.stop(), west.stop(), issuer.stop(), refusing.stop(), redis?.stop()])
  })
  const ask = async (path: string, method = 'GET') => {
    const answer = await fetch(daemon.url + path, { method, headers: { authorization: `Bearer ${SECRETS.API}` } })
    const body = await answer.text()
    shown.push(`${path}: ${body}`)
    return body
  }
  const copied = () => daemon.flows.get('east->west')!.status().topics[0]?.partitions[0]?.upstream === 1
  await until(copied, () => log.slice(-20).join(''), 30_000)
  for (const reason of [
    'gets no token from',
    'Authentication failed',
    'sasl.token (expired) expired on',
    '127.0.0.3:1',
  ])
    await until(
      () => log.join('').includes(reason),
      () => `the log does not say: ${reason}`,
    )
  const flows = [...daemon.flows.keys()].map((flow) => `/api/v1/flows/${encodeURIComponent(flow)}`)
  const paths = flows.flatMap((flow) =>
    ['', '/topics', '/groups', '/gaps', '/sync', '/explain?name=orders'].map((path) => flow + path),
  )
  for (const path of ['/', '/readyz?verbose', '/metrics', '/api/v1/flows', '/api/v1/jobs', ...paths]) await ask(path)
  // What its cluster is asked fails for another reason while the login is put off.
  await until(
    async () => (await ask('/api/v1/flows/wrong-%3Erefused/explain?name=orders')).includes('gets no token from'),
    () => 'no answer says why',
  )
  for (next of [
    text('"${PASSWORD}"'),
    text('{ file: empty }'),
    text('{ file: nowhere }'),
    text('1234567'),
    text('"${WRONG}"'),
  ])
    await ask('/api/v1/config/reload?dryRun=true', 'POST')

  const streams = (['stdout', 'stderr'] as const).map((stream) =>
    vi.spyOn(process[stream], 'write').mockImplementation((chunk) => shown.push(String(chunk)) > 0),
  )
  try {
    const [table, url] = [{ output: 'table' } as const, { url: daemon.url, output: 'json' } as const]
    const commands: readonly (() => unknown)[] = [
      () => lint([file], { ...table, denyWarnings: false }),
      () => acls(file, { output: 'yaml' }),
      () => check(file, table),
      () => status(undefined, { ...url, token: SECRETS.WRONG }),
      () => status(undefined, { ...url, token: SECRETS.API }),
      ...['east->west', 'wrong->refused', 'late->shown'].flatMap((flow) => [
        () => explain('orders', file, { ...table, url: '', flow }),
        () => translate(file, { ...table, flow, topic: 'orders', partition: 0, offset: 0, reverse: false }),
        () => gaps(file, { ...table, url: '', flow }),
        () => groups(file, { ...table, url: '', flow }),
      ]),
      () => plan(file, { ...table, detailedExitcode: false }),
      () => status(file, { ...table, url: '' }),
    ]
    // Side by side: those that cannot reach a cluster take their time.
    await Promise.all(
      commands.map(async (command) => command()).map((run) => run.catch((error) => shown.push(String(error.stack)))),
    )
  } finally {
    for (const stream of streams) stream.mockRestore()
  }
  const connection = await target.coordinator('group', 'heliostat.east->west')
  const described = await connection.send(describeGroups, {
    groups: ['heliostat.east->west'],
    includeAuthorizedOperations: false,
  })
  shown.push(
    described.groups.flatMap(({ members }) => members.map(({ memberMetadata }) => memberMetadata.toString())).join(),
  )
  if (keys) {
    await keys.auth(SECRETS.REDIS)
    const held = await keys.keys('*')
    expect(held.length).toBeGreaterThan(0)
    for (const name of held) shown.push(name, (await keys.dumpBuffer(name))?.toString('latin1') ?? '')
  }
  const everything = [...shown, ...log].join('\n')
  expect(canaries.filter((canary) => everything.includes(canary))).toEqual([])
})
