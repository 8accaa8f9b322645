import { describe, expect, it } from 'vitest'
import { type ClusterConfig, loadConfig, loadTopology } from '../../src/config/config.ts'
import { ConfigError } from '../../src/config/problem.ts'
import { revealSecret } from '../../src/config/secret.ts'
import { topologyPlan } from '../../src/config/topology-config.ts'

const clusters = `version: 1
clusters:
  east: { bootstrap: [127.0.0.1:9092] }
  west: { bootstrap: [127.0.0.1:9192] }
`

const passwordOf = ({ sasl }: ClusterConfig) => (sasl && 'password' in sasl ? sasl.password : undefined)

/** The problems of a file, as `line:col rule message`. */
function problemsOf(
  text: string,
  env: Record<string, string> = {},
  loader: typeof loadConfig | typeof loadTopology = loadConfig,
) {
  try {
    return loader(text, 'h.yaml', env).warnings.map((p) => `${p.line}:${p.column} ${p.rule} ${p.message}`)
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    return error.problems.map((p) => `${p.line}:${p.column} ${p.rule} ${p.message}`)
  }
}

describe('a mirror configuration', () => {
  it('needs only clusters and a mirror; the rest has defaults', () => {
    const { config, warnings } = loadConfig(`${clusters}mirrors: [{ from: east, to: west }]\n`, 'h.yaml', {})
    expect(warnings).toEqual([])
    expect(config.mirrors[0]).toMatchObject({
      name: 'east->west',
      naming: 'prefix',
      separator: '.',
      isolation: 'read_committed',
      onDataLoss: 'stop',
      refresh: 5_000,
      topics: { include: ['.*'], exclude: [] },
    })
    expect(config.server.listen).toEqual({ host: '127.0.0.1', port: 8642 })
  })

  it('names every problem at once, each at its place, with a near name where there is one', () => {
    const text = `version: 1
clusters:
  east: { bootstrapServers: [127.0.0.1:9092] }
  west:
    bootstrap: [kafka.west.example]
    sasl: { mechanism: scram-sha-51, username: m, password: \${NOPE} }
mirrors:
  - from: east
    to: west
    refresh: 5
    topics: { include: 7 }
    namin: prefix
    bootstrap: x
    naming: identiy
    start: { timestamp: yesterday }
    groups: { include: ["a("] }
    rpo: { seconds: -1 }
`
    expect(problemsOf(text)).toEqual([
      '3:9 missing clusters.east.bootstrap: is required',
      '3:11 unknown-key clusters.east.bootstrapServers: unknown key; did you mean bootstrap?',
      '5:17 wrong-value clusters.west.bootstrap[0]: "kafka.west.example" is not an address; write host:port',
      '6:24 wrong-value clusters.west.sasl.mechanism: expected plain | scram-sha-256 | scram-sha-512 | oauthbearer, found text; did you mean scram-sha-512?',
      '6:61 variable the environment variable NOPE is not set; ${NOPE:-default} gives a default',
      '10:14 wrong-value mirrors[0].refresh: 5 is not a duration; write a number with a unit: 500ms, 30s, 5m, 2h, 7d',
      '11:24 wrong-value mirrors[0].topics.include: expected text | a list, found the number 7',
      '12:5 unknown-key mirrors[0].namin: unknown key; did you mean naming?',
      '13:5 unknown-key mirrors[0].bootstrap: unknown key; bootstrap belongs under clusters.<name>',
      '14:13 wrong-value mirrors[0].naming: expected prefix | identity, found "identiy"; did you mean identity?',
      '15:25 wrong-value mirrors[0].start.timestamp: write a time such as 2026-01-31T12:00:00Z',
      '16:27 wrong-value mirrors[0].groups.include[0]: not a regular expression, at character 2: this group is not closed',
      '17:21 wrong-value mirrors[0].rpo.seconds: must be a number above 0',
    ])
  })

  it('refuses a mirror between clusters that are not there or are one and the same', () => {
    const text = `version: 1
clusters:
  east: { bootstrap: [127.0.0.1:9092] }
  west: { bootstrap: [127.0.0.1:9092] }
mirrors:
  - { from: eat, to: west }
  - { from: west, to: west }
`
    expect(problemsOf(text)).toEqual([
      '4:23 same-cluster clusters.west and clusters.east are the same cluster: both name 127.0.0.1:9092',
      '6:13 undefined-cluster mirrors[0].from: there is no cluster eat; did you mean east?',
      '7:23 same-cluster mirrors[1]: from and to are both west',
    ])
  })

  it('refuses identity names in a ring and shows the ring', () => {
    const mirrors =
      'mirrors:\n  - { from: east, to: west, naming: identity }\n  - { from: west, to: east, naming: identity }\n'
    expect(problemsOf(clusters + mirrors)).toEqual([
      '6:37 ring mirrors[0]: records would go round for ever: east -> west -> east, as for a topic "a"; prefix all names of the ring, with one separator, or leave out what comes back',
    ])
  })

  it('points at the character of a pattern that is at fault, however it is quoted', () => {
    const topics = [
      'include: [orders.*, "a\\\\.b(c"]',
      "include: ['it''s(']",
      'include: "orders, pay*ments**, x"',
      'include: [a\\yb]',
    ]
    const mirrors = topics.map(
      (text, at) => `  - { from: east, to: west, name: m${at}, progress: p${at}, topics: { ${text} } }\n`,
    )
    const found = problemsOf(`${clusters}mirrors:\n${mirrors.join('')}`)
    expect(found.map((problem) => problem.replace(/ mirrors.*: /, ' '))).toEqual([
      `6:${mirrors[0]!.indexOf('(') + 1} wrong-value this group is not closed`,
      `7:${mirrors[1]!.indexOf('(') + 1} wrong-value this group is not closed`,
      `8:${mirrors[2]!.indexOf('**') + 2} wrong-value there is nothing before * to repeat`,
      `9:${mirrors[3]!.indexOf('\\') + 1} wrong-value \\y means nothing here`,
    ])
  })

  it('takes names with commas between them, as MirrorMaker does', () => {
    const text = `${clusters}mirrors: [{ from: east, to: west, topics: { include: "orders.*, payments ,audit" } }]\n`
    expect(loadConfig(text, 'h.yaml', {}).config.mirrors[0]!.topics.include).toEqual(['orders.*', 'payments', 'audit'])
  })

  it('lets several mirrors go between two clusters, each with a progress of its own', () => {
    const second = (more: string) =>
      `${clusters}mirrors:\n  - { from: east, to: west, topics: { exclude: [audit] } }\n  - { from: east, to: west, name: audit, topics: { include: [audit] }${more} }\n`
    expect(problemsOf(second(''))).toEqual([
      '7:5 duplicate-pair mirrors[1] and mirrors[0] would both keep their progress in heliostat.east.progress.internal; give this one a word of its own: progress: audit',
    ])
    expect(problemsOf(second(', progress: audit'))).toEqual([])
    const both = second(', progress: audit').replace('exclude: [audit]', 'include: [audit]')
    expect(problemsOf(both)[0]).toContain(
      'one-target-topic mirrors[0] takes topics of mirrors[1] too, as for one called "east.audit" on west',
    )
  })

  it('tells what sources that are merged into one topic have to do without', () => {
    const merging = `${clusters}  south: { bootstrap: [localhost:9094] }
mirrors:
  - { from: south, to: west, naming: identity, delivery: transactional }
  - { from: east, to: west, naming: identity, delivery: { transactional: { commitInterval: 2s } } }
`
    const warned = (text: string) => loadConfig(text, 'h.yaml', {}).warnings.map(({ rule, message }) => [rule, message])
    expect(warned(merging)).toEqual([
      ['merged-topic', expect.stringContaining('have the configs that east->west brings')],
    ])
    const [rule] = warned(merging.replace('delivery: transactional', 'delivery: exactly-once'))[0]!
    expect(rule).toBe('one-target-topic')
  })

  it('refuses a replacement that names a group which is not there', () => {
    const text = `${clusters}mirrors: [{ from: east, to: west, naming: { rename: { match: "(.*)", replace: "dr.$2" } } }]\n`
    expect(problemsOf(text)[0]).toMatch(/^5:83 .*not a replacement, at character 4: there is no group 2/)
  })

  it('refuses to serve its API to other machines in the clear', () => {
    const text = `${clusters}mirrors: [{ from: east, to: west }]\nserver: { listen: "0.0.0.0:8642" }\n`
    expect(problemsOf(text)[0]).toMatch(/^6:19 not-loopback /)
    const tls = 'tls: { cert: { file: c }, key: { file: k } }'
    const given = (more: string) => problemsOf(text.replace('8642"', `8642", ${more}`))
    expect(given(tls)[0]).toMatch(/not-loopback /)
    expect(given('tokens: [t]')[0]).toMatch(/not-loopback /)
    expect(given(`${tls}, tokens: [t]`)).toEqual([])
  })

  it('expands variables inside values only, also in flow style, and never echoes a value', () => {
    const text = (password: string) =>
      `${clusters.replace(
        'west: { bootstrap: [127.0.0.1:9192] }',
        `west: { bootstrap: [127.0.0.1:9192], tls: true, sasl: { mechanism: plain, username: m, password: ${password} } }`,
      )}mirrors: [{ from: east, to: west }]\n`
    const secretOf = (password: string, env: Record<string, string>) =>
      passwordOf(loadConfig(text(password), 'h.yaml', env).config.clusters['west']!)
    expect(secretOf('${P}', { P: 'a: {b}, "c"' })).toBe('a: {b}, "c"')
    expect(secretOf('${P:-x,y}', {})).toBe('x,y')
    expect(secretOf('a$$b', {})).toBe('a$b')
    expect(problemsOf(text('${P:?ask the vault}'))[0]).toContain('variable P is not set: ask the vault')
    expect(problemsOf(text('${P}'), { P: 'top\nsecret' })[0]).toContain('holds a line break')
    expect(problemsOf(text('${P}'), { P: 'top\nsecret' })[0]).not.toContain('secret')
  })

  it('takes a token, or an endpoint that gives tokens, and nothing by halves', () => {
    const login = (sasl: string) =>
      `${clusters.replace('[127.0.0.1:9192] }', `[127.0.0.1:9192], tls: true, sasl: { mechanism: oauthbearer, ${sasl} } }`)}mirrors: [{ from: east, to: west }]\n`
    const of = (sasl: string) => problemsOf(login(sasl))
    const endpoint = (url: string, more = '') =>
      `tokenEndpoint: { url: "${url}", clientId: mirror, clientSecret: { file: s }${more} }`
    expect(of('token: { file: /run/token }')).toEqual([])
    expect(
      of(`${endpoint('https://login.example/token', ', scope: kafka')}, extensions: { logicalCluster: lkc-1 }`),
    ).toEqual([])
    expect(of(endpoint('http://127.0.0.1:8080/token'))).toEqual([])
    const either = ['4:57 wrong-value clusters.west.sasl: oauthbearer takes either token or tokenEndpoint']
    expect(of('extensions: {}')).toEqual(either)
    expect(of(`token: t, ${endpoint('https://login.example/token')}`)).toEqual(either)
    expect(of('token: t, username: mirror')).toEqual([
      '4:93 unknown-key clusters.west.sasl.username: does not go with what else stands here',
    ])
    const wrong = (url: string) => of(endpoint(url))[0]!.replace(/^.*?: /, '')
    expect(wrong('login.example/token')).toBe('write https://host/path')
    expect(wrong('http://login.example/token')).toBe('secrets go there, so it takes https:// beyond this machine')
    expect(wrong('https://mirror:canary@login.example/token')).toBe(
      'no user and password in it: clientId and clientSecret',
    )
    expect(of('token: t, extensions: { auth: x }')[0]).toContain('the name of an extension is letters, and not auth')
  })

  it.each([
    '*canary',
    '!canary',
    '&canary x',
    '%canary',
    '@canary',
    '"canary"x',
    '1234567',
    '[canary]',
    '"\\canary"',
    '"canary',
  ])('shows nothing of a secret that is written as YAML has it otherwise: %s', (password) => {
    const sasl = `sasl: { mechanism: plain, username: m, password: ${password} }`
    const text = clusters.replace('[127.0.0.1:9192] }', `[127.0.0.1:9192], tls: true, ${sasl} }`)
    expect(problemsOf(`${text}mirrors: [{ from: east, to: west }]\n`).join('\n')).not.toMatch(/canary|1234567/)
  })

  it('does not show an address that a login is written into', () => {
    const text = `${clusters.replace('127.0.0.1:9192', 'mirror:hunter2@kafka.west:9093')}mirrors: [{ from: east, to: west }]\n`
    expect(problemsOf(text)).toEqual([
      '4:23 wrong-value clusters.west.bootstrap[0]: an address is host:port; who logs in stands under sasl',
    ])
  })

  it('tells a MirrorMaker 2 file for what it is', () => {
    expect(problemsOf('clusters = A, B\nA->B.enabled = true\n')[0]).toContain('properties file of MirrorMaker 2')
  })

  it('says of threads, limits and the queue what may stand there', () => {
    const of = (more: string) => problemsOf(`${clusters}mirrors: [{ from: east, to: west }]\n${more}\n`)
    for (const workers of ['0', '-1', '65', '1.5', 'four', '"2x"', '[2]', 'true'])
      expect(of(`workers: ${workers}`)).toEqual([
        '6:10 wrong-value workers: must be a whole number from 1 to 64, or auto',
      ])
    expect(of('workers: ${W:-2}')).toEqual([])
    expect(of('queue: { url: redis://h:6379 }')[1]).toContain('allowed here: prefix, redis, tls')
    expect(of('queue: redis://h:6379')).toEqual([
      '6:8 wrong-type queue: expected a mapping with redis, tls, prefix, found text',
    ])
    expect(of('worker: 2')).toEqual(['6:1 unknown-key worker: unknown key; did you mean workers?'])
    const form = 'write redis://host:port, redis://user:password@host:port/db, or rediss:// for TLS'
    for (const redis of [
      '127.0.0.1:6379',
      'http://h:6379',
      'redis://',
      'redis://:canary#1@h:6379',
      'redis://h:6379/x',
      '6379',
    ]) {
      const [problem] = of(`queue: { redis: "${redis}" }`)
      expect(problem).toMatch(/^6:17 wrong-value queue\.redis: /)
      expect(problem).toContain(form)
      expect(problem).not.toContain('canary')
    }
    for (const redis of ['redis://h', 'rediss://u:p%23@h:6379/2', 'redis://[::1]:6379'])
      expect(of(`queue: { redis: "${redis}" }`)).toEqual([])
    expect(of('queue: { redis: "redis://h:6379", tls: { ca: { file: ca.pem } } }')).toEqual([
      '6:40 no-tls queue.tls: queue.redis says redis:, which is not encrypted; write rediss:',
    ])
  })

  it('warns of a login without TLS', () => {
    const sasl = 'sasl: { mechanism: plain, username: m, password: p }'
    const text = clusters.replace('[127.0.0.1:9192] }', `[127.0.0.1:9192], ${sasl} }`)
    expect(problemsOf(`${text}mirrors: [{ from: east, to: west }]\n`)).toEqual([
      '4:46 no-tls clusters.west: sasl without tls sends the login in the clear',
    ])
  })
})

describe('YAML that is not ours', () => {
  const cases: [string, string, RegExp][] = [
    ['an empty file', '', /^1:1 empty /],
    ['a comment only', '# nothing\n', /^1:1 empty /],
    ['NUL bytes', 'v\0e', /^1:1 encoding /],
    ['two documents', 'version: 1\n---\nversion: 1\n', /two-documents/],
    ['a duplicate key', 'version: 1\nversion: 2\n', /^2:1 duplicate-key /],
    ['a tab as indent', 'clusters:\n\teast: 1\n', /^2:\d+ yaml .*indent with blanks/],
    ['a foreign tag', 'version: !!js/function 1\n', /yaml Unresolved tag; tags are not read here/],
    ['a forbidden key', '__proto__: 1\nversion: 1\n', /^1:1 unknown-key/],
    ['deep nesting', '['.repeat(10_000), /too-deep/],
    ['deep indentation', Array.from({ length: 400 }, (_, i) => `${' '.repeat(i)}a:`).join('\n'), /too-deep/],
    ['a list', '- a\n', /wrong-type expected a mapping, found a list/],
  ]
  it.each(cases)('%s is refused with its place', (_, text, expected) => {
    expect(problemsOf(text).join('\n')).toMatch(expected)
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined()
  })

  it('an alias bomb is refused before it unfolds', () => {
    const bomb = ['a: &a [x, x, x, x, x, x, x, x, x, x]']
    for (const [name, of] of [...'bcdefgh'].map((c, i) => [c, 'abcdefg'[i]!] as const)) {
      bomb.push(`${name}: &${name} [${Array(10).fill(`*${of}`).join(', ')}]`)
    }
    expect(problemsOf(bomb.join('\n')).join('\n')).toContain('alias')
  })

  it('the words no, on and 1:30 stay text', () => {
    const text = `${clusters}mirrors: [{ from: east, to: west, topics: { include: [no, on, 1:30] } }]\n`
    expect(loadConfig(text, 'h.yaml', {}).config.mirrors[0]!.topics.include).toEqual(['no', 'on', '1:30'])
  })

  it('a file with a BOM and CRLF reads like any other', () => {
    const text = `\ufeff${clusters}mirrors: [{ from: east, to: west }]\n`.replaceAll('\n', '\r\n')
    expect(loadConfig(text, 'h.yaml', {}).config.mirrors).toHaveLength(1)
  })

  it('a hundred wrong keys are cut at twenty lines', () => {
    const keys = Array.from({ length: 100 }, (_, i) => `wrong${i}: 1`).join('\n')
    const problems = problemsOf(`${clusters}mirrors: [{ from: east, to: west }]\n${keys}\n`)
    expect(problems).toHaveLength(21)
    expect(problems.at(-1)).toContain('and 80 more problems')
  })
})

describe('a topology', () => {
  it('gives each cluster a broker in memory on a free port', () => {
    const { config } = loadTopology('version: 1\nclusters: { east: {} }\n', 't.yaml', {})
    expect(config.clusters).toEqual({ east: { brokers: 1, port: 0, via: {}, config: {}, allowInsecure: false } })
  })

  it('refuses two clusters on one port', () => {
    const text = 'version: 1\nclusters:\n  east: { port: 9092 }\n  west: { port: 9092 }\n'
    expect(problemsOf(text, {}, loadTopology)).toEqual([
      '4:17 port-taken clusters.west.port and clusters.east.port both want port 9092',
    ])
    const via = 'version: 1\nclusters:\n  a: { datacenter: x, port: 9092 }\n  b: { datacenter: y, via: { x: 9092 } }\n'
    expect(problemsOf(via, {}, loadTopology)).toEqual([
      '4:33 port-taken clusters.b.via.x and clusters.a.port both want port 9092',
    ])
    const runs = 'version: 1\nclusters:\n  a: { brokers: 3, port: 9092 }\n  b: { internalPort: 9094 }\n'
    expect(problemsOf(runs, {}, loadTopology)).toEqual([
      '4:22 port-taken clusters.b.internalPort and clusters.a.port both want port 9094',
    ])
  })

  const datacenters = 'version: 1\nclusters:\n  east: { datacenter: virginia }\n  west: { datacenter: oregon }\n'

  it('has links with units, both ways or one, as startTopology takes them', () => {
    const text = `${datacenters}links:
  virginia->oregon: { latency: 35ms, jitter: 2ms, bandwidth: 1Gbit }
  oregon->virginia: { bandwidth: 256kbit }
`
    const { links } = topologyPlan(loadTopology(text, 't.yaml', {}).config)
    expect(links).toEqual({
      'virginia->oregon': { latencyMs: 35, jitterMs: 2, bitsPerSecond: 1_000_000_000 },
      'oregon->virginia': { latencyMs: undefined, jitterMs: undefined, bitsPerSecond: 256_000 },
    })
  })

  it('names links and entrances that cannot be, each with its place', () => {
    const text = `version: 1
clusters:
  east: { datacenter: virginia, via: { virginia: 1, oergon: 2 } }
  west: { datacenter: oregon }
links:
  virgina<->oregon: { latency: 35ms }
  virginia-oregon: {}
  virginia->virginia: {}
  virginia<->oregon: {}
  oregon->virginia: {}
`
    expect(problemsOf(text, {}, loadTopology)).toEqual([
      '3:40 undefined-datacenter clusters.east.via.virginia: its clients there pass no link',
      '3:53 undefined-datacenter clusters.east.via.oergon: there is no datacenter oergon; did you mean oregon?',
      '6:3 undefined-datacenter links.virgina<->oregon: there is no datacenter virgina; did you mean virginia?',
      '7:3 undefined-datacenter links.virginia-oregon: a link is named a<->b, or a->b for one way',
      '8:3 undefined-datacenter links.virginia->virginia: a link joins two datacenters',
      '10:3 duplicate-link links.oregon->virginia: virginia<->oregon says oregon->virginia already',
    ])
  })

  it('wants units, and names that exist, in its links', () => {
    const text = `${datacenters}links:
  virginia<->oregon: { latncy: 35ms, jitter: 2, bandwidth: 1Gb }
  oregon->virginia: { bandwidth: 10bit }
`
    expect(problemsOf(text, {}, loadTopology)).toEqual([
      '6:24 unknown-key links.virginia<->oregon.latncy: unknown key; did you mean latency?',
      '6:46 wrong-value links.virginia<->oregon.jitter: 2 is not a duration; write a number with a unit: 500ms, 30s, 5m, 2h, 7d',
      '6:60 wrong-value links.virginia<->oregon.bandwidth: "1Gb" is not a bandwidth; write bits a second with a unit: 256kbit, 10Mbit, 1Gbit',
      '7:34 wrong-value links.oregon->virginia.bandwidth: a link has at least 1kbit',
    ])
  })
})

describe('a secret', () => {
  it('is the text itself, or the content of a file without its last line break', () => {
    expect(revealSecret('p', () => '')).toBe('p')
    expect(revealSecret({ file: 'f' }, (path) => `${path}!\n`)).toBe('f!')
  })
})
