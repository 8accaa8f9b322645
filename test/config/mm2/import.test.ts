// Files of MirrorMaker 2 as configurations: what is written passes the lint and means the same, and every key of the file is answered.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { loadConfig } from '../../../src/config/config.ts'
import { importMirrorMaker } from '../../../src/config/mm2/import.ts'

/** The configuration that a file becomes; it must load. */
function imported(text: string, env: Record<string, string> = {}) {
  const { yaml, answers, remarks } = importMirrorMaker(text, 'mm2.properties')
  const { config } = loadConfig(yaml, 'imported.yaml', env)
  const of = (key: string) =>
    answers.filter((answer) => answer.key === key).map(({ verdict, message }) => `${verdict} ${message}`)
  return { config, yaml, answers, remarks, of }
}

const CLUSTERS = 'clusters = A, B\nA.bootstrap.servers = a1:9092, a2:9092\nB.bootstrap.servers = b1:9092\n'
const FLOW = `${CLUSTERS}A->B.enabled = true\n`

describe('a flow', () => {
  test('is mirrored as MirrorMaker would, defaults included', () => {
    const { config, remarks } = imported(FLOW)
    expect(config.clusters['A']!.bootstrap).toEqual([
      { host: 'a1', port: 9092 },
      { host: 'a2', port: 9092 },
    ])
    expect(config.mirrors).toMatchObject([
      {
        from: 'A',
        to: 'B',
        topics: { include: ['.*'], exclude: ['.*\\.replica'] },
        groups: { include: ['.*'], exclude: ['console-consumer-.*', 'connect-.*', '__.*'] },
        naming: 'prefix',
        sync: { topicConfigs: true, acls: true, groupOffsets: false },
        replicationFactor: 2,
        isolation: 'read_committed',
      },
    ])
    expect(remarks.join()).toContain('only what was committed is copied')
  })

  test('is there only when it is enabled, in each direction', () => {
    const names = (text: string) => imported(CLUSTERS + text).config.mirrors.map(({ name }) => name)
    expect(names('A->B.enabled = true\nB->A.enabled = true')).toEqual(['A->B', 'B->A'])
    expect(names('B->A.enabled = true\nA->B.enabled = false')).toEqual(['B->A'])
    expect(names('enabled = true')).toEqual(['A->B', 'B->A'])
  })

  test('takes its own key before that of its cluster, and that before the top level', () => {
    const topics = (text: string) => imported(FLOW + text).config.mirrors[0]!.topics.include
    expect(topics('topics = t1')).toEqual(['t1'])
    expect(topics('topics = t1\nA->B.topics = t2, t3')).toEqual(['t2', 't3'])
    // A client's setting counts where the cluster or the flow names it, and at the top level for nobody.
    const isolation = (text: string) => imported(FLOW + text).config.mirrors[0]!.isolation
    expect(isolation('consumer.isolation.level = read_uncommitted')).toBe('read_committed')
    expect(isolation('A.consumer.isolation.level = read_uncommitted')).toBe('read_uncommitted')
    expect(isolation('B.consumer.isolation.level = read_uncommitted')).toBe('read_committed')
    expect(
      isolation('A.consumer.isolation.level = read_uncommitted\nA->B.source.consumer.isolation.level = read_committed'),
    ).toBe('read_committed')
  })

  test('leaves out a name that is excluded, as MirrorMaker does', () => {
    const { config, of } = imported(`${FLOW}topics = orders, payments\ntopics.exclude = ord.*\n`)
    expect(config.mirrors[0]!.topics).toEqual({ include: ['payments'], exclude: ['ord.*'] })
    expect(of('topics')[0]).toContain('orders stands in both')
  })

  test('keeps names, separators and starts', () => {
    const { config } = imported(
      `${FLOW}replication.policy.class = org.apache.kafka.connect.mirror.IdentityReplicationPolicy
A->B.replication.policy.separator = _
A.consumer.auto.offset.reset = latest
A->B.source.consumer.client.rack = r1
replication.factor = -1
A->B.sync.group.offsets.enabled = true
sync.topic.acls.enabled = false
config.properties.exclude = retention\\\\..*, segment\\\\..*
use.defaults.from = source
sync.topic.configs.interval.seconds = 60
refresh.topics.interval.seconds = 30
`,
    )
    expect(config.clusters['A']!.rack).toBe('r1')
    expect(config.mirrors[0]).toMatchObject({
      naming: 'identity',
      separator: '_',
      start: 'latest',
      replicationFactor: 'target-default',
      refresh: 30_000,
      sync: {
        groupOffsets: true,
        acls: false,
        topicConfigs: { exclude: ['retention\\..*', 'segment\\..*'], useDefaultsFrom: 'source', every: 60_000 },
      },
    })
  })

  test('writes the topics of MirrorMaker unless none is wanted', () => {
    const mm2Topics = (text: string) => imported(FLOW + text).config.compat.mm2Topics
    expect(mm2Topics('emit.heartbeats.enabled = false')).toBe(true)
    const none = ['heartbeats', 'checkpoints', 'offset-syncs'].map((what) => `emit.${what}.enabled = false`)
    expect(mm2Topics(none.join('\n'))).toBe(false)
  })
})

describe('a secured cluster', () => {
  const secured = `${FLOW}A.security.protocol = SASL_SSL
A.sasl.mechanism = SCRAM-SHA-512
A.sasl.jaas.config = org.apache.kafka.common.security.scram.ScramLoginModule required \\
    username="mirror" password="s3cr\\"et";
A.ssl.truststore.type = PEM
A.ssl.truststore.location = /etc/ca.pem
`

  test('keeps its login, and no secret is printed', () => {
    const { config, yaml, answers } = imported(secured)
    expect(config.clusters['A']).toMatchObject({
      tls: { ca: { file: '/etc/ca.pem' } },
      sasl: { mechanism: 'scram-sha-512', username: 'mirror', password: { file: 'A.password' } },
    })
    expect(yaml + JSON.stringify(answers)).not.toContain('s3cr')
    expect(JSON.stringify(answers)).toContain('put the secret into the file A.password')
  })

  test('takes what providers give from where they take it', () => {
    const login = (password: string) =>
      `${FLOW}security.protocol = SASL_PLAINTEXT\nsasl.mechanism = PLAIN\nsasl.jaas.config = x required username="u" password="${password}";\n`
    const passwordOf = (text: string) => {
      const { sasl } = imported(login(text), { PW: 'from-env' }).config.clusters['A']!
      return sasl && 'password' in sasl ? sasl.password : undefined
    }
    expect(passwordOf('${env:PW}')).toBe('from-env')
    expect(passwordOf('${directory:/run/secrets/east:password}')).toEqual({ file: '/run/secrets/east/password' })
    expect(passwordOf('${file:/etc/kafka.properties:pw}')).toEqual({ file: 'A.password' })
  })

  test('gets its tokens where MirrorMaker gets them', () => {
    const login = (more: string) =>
      imported(`${FLOW}A.security.protocol = SASL_SSL\nA.sasl.mechanism = OAUTHBEARER\n${more}`, { PW: 'from-env' })
    const module = 'org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required'
    const url = 'A.sasl.oauthbearer.token.endpoint.url'
    const { config, yaml, answers } = login(`${url} = https://login.example/token
A.sasl.jaas.config = ${module} clientId="mirror" clientSecret="s3cret" scope="kafka" extension_logicalCluster="lkc-1";
`)
    expect(config.clusters['A']!.sasl).toEqual({
      mechanism: 'oauthbearer',
      tokenEndpoint: {
        url: 'https://login.example/token',
        clientId: 'mirror',
        clientSecret: { file: 'A.client-secret' },
        scope: 'kafka',
        headerUrlencode: false,
      },
      extensions: { logicalCluster: 'lkc-1' },
    })
    expect(yaml + JSON.stringify(answers)).not.toContain('s3cret')
    const credentials = 'A.sasl.oauthbearer.client.credentials.client'
    const later = login(
      `${url} = https://login.example/token\n${credentials}.id = m\n${credentials}.secret = \${env:PW}\n`,
    )
    expect(later.config.clusters['A']!.sasl).toMatchObject({
      tokenEndpoint: { clientId: 'm', clientSecret: 'from-env' },
    })
    expect(later.of(`${credentials}.secret`)[0]).toMatch(/^mapped /)
    expect(login(`${url} = file:///run/token`).config.clusters['A']!.sasl).toMatchObject({
      token: { file: '/run/token' },
    })
    expect(login('').of('A.sasl.mechanism')[0]).toMatch(/^refused without sasl.oauthbearer.token.endpoint.url/)
  })

  test('is refused by name what cannot be had: key stores of Java, Kerberos, code', () => {
    const { of } = imported(`${FLOW}A.security.protocol = SASL_SSL
A.sasl.mechanism = GSSAPI
A.ssl.truststore.location = /etc/trust.jks
replication.policy.class = com.example.Policy
topic.filter.class = com.example.Filter
transforms = route
A->B.transforms.route.type = org.apache.kafka.connect.transforms.RegexRouter
`)
    expect(of('A.sasl.mechanism')[0]).toMatch(/^refused GSSAPI/)
    expect(of('A.ssl.truststore.location')[0]).toMatch(/^refused only PEM/)
    for (const key of ['replication.policy.class', 'topic.filter.class', 'transforms', 'A->B.transforms.route.type'])
      expect([key, of(key)[0]]).toEqual([key, expect.stringMatching(/^refused /)])
  })
})

describe('every key', () => {
  test('of MirrorMaker 4.3 is answered by name, and none as unknown', () => {
    const text = readFileSync(join(import.meta.dirname, 'every-key.properties'), 'utf8')
    const { answers } = imported(text)
    expect(answers.filter(({ verdict }) => verdict === 'unknown')).toEqual([])
    const keys = text.split('\n').flatMap((line) => /^([^#\s=]+)\s*=/.exec(line)?.[1] ?? [])
    expect(keys.length).toBeGreaterThan(120)
    expect(keys.filter((key) => !answers.some((answer) => answer.key === key && answer.message !== ''))).toEqual([])
  })

  test('that MirrorMaker ignores too is told so', () => {
    const { of } = imported(`${FLOW}topics.whitelist = a\nfoo.bar = 1\nC->D.topics = x\n`)
    for (const key of ['topics.whitelist', 'foo.bar', 'C->D.topics'])
      expect([key, of(key)[0]]).toEqual([key, expect.stringMatching(/^unknown /)])
  })
})

describe('other forms', () => {
  test("connectors of Connect, by one's config or many together", () => {
    const base = {
      'source.cluster.alias': 'A',
      'target.cluster.alias': 'B',
      'source.cluster.bootstrap.servers': 'a:9092',
      'target.cluster.bootstrap.servers': 'b:9092',
    }
    const source = {
      ...base,
      'connector.class': 'org.apache.kafka.connect.mirror.MirrorSourceConnector',
      topics: 'orders.*',
      'tasks.max': '4',
    }
    const checkpoint = {
      name: 'cp',
      config: {
        ...base,
        'connector.class': 'org.apache.kafka.connect.mirror.MirrorCheckpointConnector',
        'sync.group.offsets.enabled': 'true',
      },
    }
    const { config, of } = imported(JSON.stringify([source, checkpoint]))
    expect(config.mirrors).toMatchObject([
      { name: 'A->B', topics: { include: ['orders.*'] }, sync: { groupOffsets: true } },
    ])
    expect(config.clusters['B']!.bootstrap).toEqual([{ host: 'b', port: 9092 }])
    expect(of('tasks.max')[0]).toMatch(/^none /)
    expect(imported(JSON.stringify({ name: 'src', config: source })).config.mirrors).toHaveLength(1)
  })

  test("Strimzi's KafkaMirrorMaker2, with its secrets as mounted files", () => {
    const { config, of } = imported(`apiVersion: kafka.strimzi.io/v1beta2
kind: KafkaMirrorMaker2
metadata: { name: mm2 }
spec:
  connectCluster: west
  clusters:
    - alias: east
      bootstrapServers: east-kafka:9093
      tls: { trustedCertificates: [{ secretName: east-ca, certificate: ca.crt }] }
      authentication: { type: scram-sha-512, username: mm2, passwordSecret: { secretName: mm2-user, password: password } }
    - { alias: west, bootstrapServers: "west-kafka:9092", config: { config.storage.replication.factor: 1 } }
  mirrors:
    - sourceCluster: east
      targetCluster: west
      sourceConnector: { tasksMax: 5, config: { replication.factor: 3, sync.topic.acls.enabled: "false" } }
      checkpointConnector: { config: { sync.group.offsets.enabled: true } }
      topicsPattern: "orders|payments"
      groupsPattern: "app-.*"
`)
    expect(config.clusters['east']).toMatchObject({
      tls: { ca: { file: '/run/secrets/east-ca/ca.crt' } },
      sasl: { mechanism: 'scram-sha-512', username: 'mm2', password: { file: '/run/secrets/mm2-user/password' } },
    })
    expect(config.mirrors).toMatchObject([
      {
        from: 'east',
        to: 'west',
        topics: { include: ['orders|payments'] },
        groups: { include: ['app-.*'] },
        replicationFactor: 3,
        sync: { acls: false, groupOffsets: true },
      },
    ])
    expect(of('west.config.config.storage.replication.factor')[0]).toMatch(/^none there is no Connect/)
  })

  test('a file that is none of them is refused, and one without addresses, too', () => {
    expect(() => importMirrorMaker('a = 1\n', 'x')).toThrow('this is no file of MirrorMaker 2')
    expect(() => importMirrorMaker('clusters = A, B\nA.bootstrap.servers = a:1\n', 'x')).toThrow(
      'B.bootstrap.servers is missing',
    )
  })
})
