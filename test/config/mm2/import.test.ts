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
    // Defaults that stand in no file, and are others here, are told.
    for (const told of ['only what was committed is copied', 'before 4.0', 'groupOffsets: true', 'heartbeats: both'])
      expect(remarks.join()).toContain(told)
    const all = [
      'A.consumer.isolation.level = read_committed',
      'topics.exclude = x',
      'sync.group.offsets.enabled = false',
      'emit.heartbeats.enabled = true',
    ]
    expect(imported(`${FLOW}${all.join('\n')}\n`).remarks).toHaveLength(1)
  })

  test('is there only when it is enabled, in each direction', () => {
    const names = (text: string) => imported(CLUSTERS + text).config.mirrors.map(({ name }) => name)
    expect(names('A->B.enabled = true\nB->A.enabled = true')).toEqual(['A->B', 'B->A'])
    expect(names('B->A.enabled = true\nA->B.enabled = false')).toEqual(['B->A'])
    expect(names('enabled = true')).toEqual(['A->B', 'B->A'])
    // Without heartbeats nothing runs but the flows that say so themselves.
    expect(names('enabled = true\nemit.heartbeats.enabled = false\nA->B.enabled = true')).toEqual(['A->B'])
    const { of } = imported(`${FLOW}B->A.topics = x\nA->A.topics = x\n`)
    expect(of('B->A.topics')).toEqual(['none B->A is not enabled'])
    expect(of('A->A.topics')).toEqual(['none a cluster is not mirrored to itself'])
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
    expect(isolation('A->B.consumer.isolation.level = read_uncommitted')).toBe('read_uncommitted')
    // Connect keeps this prefix for the consumers of sinks.
    expect(isolation('A->B.consumer.override.isolation.level = read_uncommitted')).toBe('read_committed')
    const { of } = imported(`${FLOW}consumer.isolation.level = read_uncommitted\n`)
    expect(of('consumer.isolation.level')[0]).toMatch(/^none MirrorMaker gives it to nobody/)
  })

  test('leaves out a name that is excluded, as MirrorMaker does', () => {
    const { config, of } = imported(`${FLOW}topics = orders, payments\ntopics.exclude = ord.*\n`)
    expect(config.mirrors[0]!.topics).toEqual({ include: ['payments'], exclude: ['ord.*'] })
    expect(of('topics')[0]).toContain('orders stands in both')
    // By default, and always, it leaves out what is internal.
    const topics = (text: string) => imported(`${FLOW}${text}\n`).config.mirrors[0]!.topics.include
    expect(topics('topics = orders, __schemas, mm2-x')).toEqual(['orders', 'mm2-x'])
    expect(topics('topics = orders, __schemas\ntopics.exclude = tmp')).toEqual(['orders'])
    // As a pattern it means other topics, too.
    expect(topics('topics = a.b, c\ntopics.exclude = a\\\\.b')).toEqual(['(?:a.b)', 'c'])
  })

  test('has the patterns that the parts of a list make together, and nothing for an empty list', () => {
    const topics = (text: string) => imported(`${FLOW}topics = ${text}\n`).config.mirrors[0]!.topics.include
    expect(topics('(orders, payments)')).toEqual(['(orders|payments)'])
    expect(topics('^orders$, pay.*')).toEqual(['^orders$', 'pay.*'])
    expect(topics('')).toEqual([])
    const { answers } = importMirrorMaker(`${FLOW}topics = ok, (broken\n`, 'x')
    expect(answers.find(({ key }) => key === 'topics')).toMatchObject({
      verdict: 'refused',
      message: expect.stringContaining('not a regular expression, at character'),
    })
  })

  test('that is to copy no heartbeats copies none, unless they are named', () => {
    const filter = (text: string) =>
      imported(`${FLOW}heartbeats.replication.enabled = false\n${text}`).config.mirrors[0]!.topics
    expect(filter('topics = orders\n').exclude).toEqual(['.*\\.replica', '(.*\\.)?heartbeats'])
    expect(filter('topics = .*\n').exclude).toEqual(['.*\\.replica'])
  })

  test('brings over no groups where MirrorMaker has nothing to do it by', () => {
    const groups = (text: string) =>
      imported(`${FLOW}sync.group.offsets.enabled = true\n${text}`).config.mirrors[0]!.sync.groupOffsets
    expect(groups('')).toBe(true)
    expect(groups('emit.checkpoints.enabled = false\n')).toBe(false)
  })

  test('never syncs where an interval says never', () => {
    const { config } = imported(
      `${FLOW}sync.topic.configs.interval.seconds = -1\nsync.topic.acls.interval.seconds = -1\n`,
    )
    expect(config.mirrors[0]!.sync).toMatchObject({ topicConfigs: false, acls: false })
  })

  test('is refused what no value can mean, by key and with what is meant', () => {
    const wrong = {
      'replication.factor': 'two',
      'refresh.topics.interval.seconds': '0',
      'sync.topic.acls.enabled': 'yes',
      'use.defaults.from': 'nobody',
      'A.consumer.isolation.level': 'read_all',
      'A.consumer.auto.offset.reset': 'none',
      'A.security.protocol': 'TLS',
      'replication.policy.separator': 'x',
      'value.converter': 'org.apache.kafka.connect.json.JsonConverter',
      'A.ssl.endpoint.identification.algorithm': '',
      'A->B.source.cluster.bootstrap.servers': 'elsewhere:1',
      'A.consumer.security.protocol': 'SSL',
      'A->B.source.cluster.alias': 'C',
      'A->B.producer.override.sasl.mechanism': 'PLAIN',
      'B->A.enabled': 'true     # disabled by default',
      'A.producer.interceptor.classes': 'com.example.Spy',
    }
    const text = Object.entries(wrong).map(([key, value]) => `${key} = ${value}\n`)
    const { of } = imported(FLOW + text.join(''))
    for (const key of Object.keys(wrong)) expect([key, of(key)[0]]).toEqual([key, expect.stringMatching(/^refused ./)])
    const said = imported(
      `${FLOW}A->B.producer.override.bootstrap.servers = b1:9092\nA.admin.security.protocol = plaintext\n`,
    )
    expect(said.of('A->B.producer.override.bootstrap.servers')).toEqual(['same all clients of a cluster log in alike'])
  })

  test('keeps names, separators and starts', () => {
    const { config, of } = imported(
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
replication.policy.internal.topic.separator.enabled = false
`,
    )
    expect(of('replication.policy.internal.topic.separator.enabled')[0]).toMatch(/^refused internal topics are named/)
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
    expect(passwordOf('${PW}')).toBe('from-env')
    expect(passwordOf('${directory:/run/secrets/east:password}')).toEqual({ file: '/run/secrets/east/password' })
    expect(passwordOf('${file:/etc/kafka.properties:pw}')).toEqual({ file: 'A.password' })
    // A provider is what its class is, whatever it is called.
    const { config } = imported(
      `${login('${vars:PW}')}config.providers = vars
config.providers.vars.class = org.apache.kafka.common.config.provider.EnvVarConfigProvider
A->B.topics = \${vars:TOPICS}
`,
      { PW: 'from-env', TOPICS: 'a, b' },
    )
    expect(config.clusters['A']!.sasl).toMatchObject({ password: 'from-env' })
    expect(config.mirrors[0]!.topics.include).toEqual(['a', 'b'])
    expect(imported(`${FLOW}topics = \${file:/x:topics}\n`).of('topics')[0]).toMatch(
      /^refused write what file for topics of \/x gives/,
    )
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
    const { of: ofAws } = imported(`${FLOW}A.security.protocol = SASL_SSL
A.sasl.mechanism = AWS_MSK_IAM
A.sasl.jaas.config = software.amazon.msk.auth.iam.IAMLoginModule required;
A.sasl.client.callback.handler.class = software.amazon.msk.auth.iam.IAMClientCallbackHandler
`)
    expect(ofAws('A.sasl.mechanism')[0]).toMatch(/^refused AWS_MSK_IAM/)
    expect(ofAws('A.sasl.jaas.config')[0]).toMatch(/^refused it belongs to AWS_MSK_IAM/)
    expect(ofAws('A.sasl.client.callback.handler.class')[0]).toMatch(/^refused code in Java/)
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
    expect(of('[0].tasks.max')[0]).toMatch(/^none /)
    expect(of('[1].config.sync.group.offsets.enabled')[0]).toMatch(/^mapped /)
    expect(imported(JSON.stringify({ name: 'src', config: source })).config.mirrors).toHaveLength(1)
    const lines = Object.entries(source).map(([key, value]) => `${key} = ${value}\n`)
    expect(imported(lines.join('')).config.mirrors).toMatchObject([{ topics: { include: ['orders.*'] } }])
    const resource = { kind: 'KafkaConnector', spec: { class: source['connector.class'], tasksMax: 2, config: source } }
    expect(imported(JSON.stringify(resource)).of('spec.tasksMax')[0]).toMatch(/^none /)
  })

  test('of connectors the one whose word it is counts, and a second source connector is a mirror of its own', () => {
    const connector = (kind: string, more: object) => ({
      'connector.class': `Mirror${kind}Connector`,
      'source.cluster.alias': 'A',
      'target.cluster.alias': 'B',
      'source.cluster.bootstrap.servers': 'a:1',
      'target.cluster.bootstrap.servers': 'b:1',
      ...more,
    })
    const all = {
      'of-orders': {
        info: { config: connector('Source', { topics: 'orders.*', 'replication.factor': '3' }), tasks: [] },
      },
      'of-logs': { info: { config: connector('Source', { topics: 'logs.*', groups: 'not-mine' }) } },
      checkpoints: { info: { config: connector('Checkpoint', { topics: 'orders.eu', groups: 'app' }) } },
      sink: { info: { config: { 'connector.class': 'JdbcSinkConnector', topics: 'x' } } },
    }
    const { config, of } = imported(JSON.stringify(all))
    expect(config.mirrors).toMatchObject([
      { name: 'A->B', topics: { include: ['orders.*'] }, groups: { include: ['app'] }, replicationFactor: 3 },
      { name: 'of-logs', progress: 'of-logs', topics: { include: ['logs.*'] }, groups: { include: ['app'] } },
    ])
    expect(of('checkpoints.info.config.topics')[0]).toMatch(/^refused the source connector's word counts/)
    expect(of('of-logs.info.config.groups')[0]).toMatch(/^none /)
    expect(of('sink.info.config')).toEqual(['none it is no connector of MirrorMaker'])
    const off = imported(
      JSON.stringify([connector('Source', {}), connector('Checkpoint', { enabled: 'false', groups: 'x' })]),
    )
    expect(off.of('[1].groups')).toEqual(['none its connector is not enabled'])
    const other = connector('Heartbeat', { 'source.cluster.bootstrap.servers': 'elsewhere:1' })
    expect(
      imported(JSON.stringify([connector('Source', {}), other])).of('[1].source.cluster.bootstrap.servers')[0],
    ).toMatch(/^refused \[0\]\.source\.cluster\.bootstrap\.servers in line 1 says otherwise of A/)
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
    expect(of('spec.clusters[1].config.config.storage.replication.factor')[0]).toMatch(/^none there is no Connect/)
  })

  test("Strimzi's newer form, with every field answered at its line", () => {
    const text = `apiVersion: v1
kind: List
items:
- kind: Secret
  metadata: { name: x }
- kind: KafkaMirrorMaker2
  spec:
    version: 4.2.0
    replicas: 3
    resources: { limits: { cpu: 1 } }
    target:
      alias: west
      bootstrapServers: west:9093
      groupId: mm2
      tls:
        trustedCertificates:
        - { secretName: ca, pattern: "*.crt" }
        - { secretName: old-ca, certificate: ca.crt }
      authentication:
        type: tls
        certificateAndKey: { secretName: me, certificate: me.crt, key: me.key }
    mirrors:
    - source:
        alias: east
        bootstrapServers: east:9092
        authentication:
          type: oauth
          tokenEndpointUri: https://login.example/token
          clientId: mirror
          clientSecret: { secretName: login, key: secret }
          refreshToken: { secretName: login, key: refresh }
        config: { ssl.protocol: TLSv1.3 }
      sourceConnector:
        tasksMax: 5
        autoRestart: { enabled: true }
        config:
          consumer.isolation.level: read_uncommitted
          foo: 1
      topicsPattern: orders
      groupsPattern: app
      surprise: 1
`
    const { config, of, answers } = imported(text)
    expect(config.clusters).toMatchObject({
      west: {
        tls: {
          ca: { file: 'west-ca.pem' },
          cert: { file: '/run/secrets/me/me.crt' },
          key: { file: '/run/secrets/me/me.key' },
        },
      },
      east: {
        sasl: {
          mechanism: 'oauthbearer',
          tokenEndpoint: { clientId: 'mirror', clientSecret: { file: '/run/secrets/login/secret' } },
        },
      },
    })
    expect(config.mirrors).toMatchObject([
      { from: 'east', to: 'west', isolation: 'read_uncommitted', sync: { groupOffsets: false } },
    ])
    const spec = 'items[1].spec'
    for (const [key, answer] of [
      ['items[0].kind', /^none a Secret says nothing/],
      [`${spec}.replicas`, /^none .*Kubernetes/],
      [`${spec}.resources.limits.cpu`, /^none .*Kubernetes/],
      [`${spec}.target.groupId`, /^none there is no Connect/],
      [
        `${spec}.target.tls.trustedCertificates[0]`,
        /^mapped .*put what directory for \*\.crt of .*into the file west-ca\.pem/,
      ],
      [`${spec}.target.tls.trustedCertificates[1]`, /^refused one file is trusted/],
      [`${spec}.mirrors[0].source.authentication.clientSecret`, /^mapped /],
      [`${spec}.mirrors[0].source.authentication.refreshToken`, /^refused /],
      [`${spec}.mirrors[0].sourceConnector.tasksMax`, /^none /],
      [`${spec}.mirrors[0].sourceConnector.autoRestart.enabled`, /^none /],
      [`${spec}.mirrors[0].sourceConnector.config.foo`, /^unknown /],
      [`${spec}.mirrors[0].topicsPattern`, /^mapped /],
      [`${spec}.mirrors[0].groupsPattern`, /^none without a checkpointConnector/],
      [`${spec}.mirrors[0].surprise`, /^unknown Strimzi/],
    ] as const)
      expect([key, of(key)[0]]).toEqual([key, expect.stringMatching(answer)])
    expect(answers.find(({ key }) => key.endsWith('.topicsPattern'))!.line).toBe(39)
  })

  test('a file that is none of them is refused, and one without addresses, too', () => {
    expect(() => importMirrorMaker('a = 1\n', 'x')).toThrow('this is no file of MirrorMaker 2')
    expect(() => importMirrorMaker('clusters = A, B\nA.bootstrap.servers = a:1\n', 'x')).toThrow(
      'x:1:1 error missing the addresses of the cluster B are missing',
    )
    const connector = { 'connector.class': 'MirrorSourceConnector', 'source.cluster.alias': 'A' }
    expect(() =>
      importMirrorMaker(JSON.stringify({ ...connector, 'source.cluster.bootstrap.servers': '' }), 'x'),
    ).toThrow('the addresses of the cluster A are missing')
  })

  test('a file that is broken is told where', () => {
    for (const [text, says] of [
      ['', 'x:1:1 error mirrormaker the file is empty'],
      ['\0\0\0', 'x:1:1 error encoding the file holds NUL bytes'],
      ['a'.repeat(2 ** 20 + 1), 'x:1:1 error too-large'],
      ['clusters = A\nA.x = \\u12\n', 'x:2:1 error properties malformed'],
      ['{\n "connector.class": "MirrorSourceConnector",\n "topics" "x"\n}', 'x:3:'],
      ['{\n "topics": "a",\n "topics": "b"\n}', 'x:3:2 error duplicate-key'],
      ['kind: KafkaMirrorMaker2\nspec:\n  clusters:\n   - alias: a\n  - alias: b\n', 'x:5:'],
      ['kind: KafkaMirrorMaker2\nspec:\n  clusters: *nowhere\n', 'x:'],
      [`{"a": ${'['.repeat(200)}`, 'x:1:1 error too-deep'],
    ] as const)
      expect(() => importMirrorMaker(text, 'x'), text.slice(0, 80)).toThrow(says)
  })
})
