// Many flows of one file between three embedded clusters: each shape a daemon as people run it, its copies compared record by record.
import '../support/least-rights.ts'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { type Cluster, startCluster } from '../../src/broker/cluster.ts'
import type { ClusterClient } from '../../src/client/cluster-client.ts'
import { loadConfig } from '../../src/config/config.ts'
import { type Daemon, startDaemon } from '../../src/daemon.ts'
import { decodeHeartbeat } from '../../src/mirror/heartbeat.ts'
import { replicationPolicy, upstreamHops } from '../../src/mirror/replication-policy.ts'
import { describeConfigs } from '../../src/protocol/messages/describe-configs.ts'
import { batchOf } from '../broker/requests.ts'
import { expectCopied } from '../support/copied.ts'
import { appendBatch, clientOf, endOffset, makeTopic, readAll, testPlatform, until } from '../support/log-content.ts'

const names = ['paris', 'tokyo', 'lima'] as const
type Name = (typeof names)[number]
const clusters = {} as Record<Name, Cluster>
const clients = {} as Record<Name, ClusterClient>

beforeAll(async () => {
  await Promise.all(
    names.map(async (name) => {
      clusters[name] = await startCluster(testPlatform, { name })
      clients[name] = clientOf(clusters[name].bootstrap)
      await clients[name].refresh()
    }),
  )
})

afterAll(async () => {
  for (const name of names) clients[name].close()
  await Promise.all(names.map((name) => clusters[name].stop()))
})

/** A daemon with these mirrors, each the text of its YAML mapping. */
async function mirrored(
  mirrors: readonly string[],
  { aliases, mm2Topics = false }: { aliases?: Readonly<Record<string, string>>; mm2Topics?: boolean } = {},
): Promise<Daemon> {
  const addresses = aliases ?? Object.fromEntries(names.map((name) => [name, clusters[name].bootstrap]))
  const text = [
    'version: 1\nclusters:',
    ...Object.entries(addresses).map(([name, bootstrap]) => `  ${name}: { bootstrap: ["${bootstrap}"] }`),
    'mirrors:',
    ...mirrors.map((mirror) => `  - { refresh: 50ms, ${mirror} }`),
    'server: { listen: "127.0.0.1:0" }\ncompat: { mm2Topics: MM2 }\n'.replace('MM2', String(mm2Topics)),
  ].join('\n')
  const { config } = loadConfig(text, 'flows.yaml', {})
  const daemon = await startDaemon(testPlatform, config, { version: 'test', directory: '.' })
  onTestFinished(() => daemon.stop())
  return daemon
}

const write = async (cluster: Name, topic: string, ...values: string[]) => {
  if (!clients[cluster].topics().has(topic)) await makeTopic(clients[cluster], topic, 1)
  await appendBatch(clients[cluster], topic, 0, batchOf(values))
}

async function expectCopy([from, original]: [Name, string], [to, copy]: [Name, string]): Promise<void> {
  await clients[to].refresh()
  await expectCopied({ client: clients[from], topic: original }, { client: clients[to], topic: copy })
}

async function topicsOf(cluster: Name, word: string): Promise<string[]> {
  await clients[cluster].refresh()
  return [...clients[cluster].topics().keys()].filter((topic) => topic.includes(word)).sort()
}

const pause = (ms: number) => new Promise<void>((resolve) => testPlatform.clock.setTimer(ms, resolve))

describe('one file', () => {
  // Every cluster has a topic of the shape's word; what is listed is all that there may be of that word besides, and from where.
  test.each<[string, string[], Record<Name, Record<string, Name>>]>([
    ['oneway', ['paris tokyo'], { paris: {}, tokyo: { 'paris.oneway': 'paris' }, lima: {} }],
    [
      'bothways',
      ['paris tokyo', 'tokyo paris'],
      { paris: { 'tokyo.bothways': 'tokyo' }, tokyo: { 'paris.bothways': 'paris' }, lima: {} },
    ],
    [
      'fanin',
      ['paris lima', 'tokyo lima'],
      { paris: {}, tokyo: {}, lima: { 'paris.fanin': 'paris', 'tokyo.fanin': 'tokyo' } },
    ],
    [
      'fanout',
      ['paris tokyo', 'paris lima'],
      { paris: {}, tokyo: { 'paris.fanout': 'paris' }, lima: { 'paris.fanout': 'paris' } },
    ],
    [
      'chain',
      ['paris tokyo', 'tokyo lima'],
      { paris: {}, tokyo: { 'paris.chain': 'paris' }, lima: { 'tokyo.chain': 'tokyo', 'tokyo.paris.chain': 'paris' } },
    ],
    [
      'ring',
      ['paris tokyo', 'tokyo lima', 'lima paris'],
      {
        paris: { 'lima.ring': 'lima', 'lima.tokyo.ring': 'tokyo' },
        tokyo: { 'paris.ring': 'paris', 'paris.lima.ring': 'lima' },
        lima: { 'tokyo.ring': 'tokyo', 'tokyo.paris.ring': 'paris' },
      },
    ],
    [
      'mesh',
      ['paris tokyo', 'tokyo paris', 'paris lima', 'lima paris', 'tokyo lima', 'lima tokyo'],
      {
        paris: { 'tokyo.mesh': 'tokyo', 'lima.mesh': 'lima' },
        tokyo: { 'paris.mesh': 'paris', 'lima.mesh': 'lima' },
        lima: { 'paris.mesh': 'paris', 'tokyo.mesh': 'tokyo' },
      },
    ],
  ])('makes a %s', async (word, pairs, copies) => {
    for (const name of names) await write(name, word, `${name} 1`, `${name} 2`)
    // A mesh takes only what was written where it is read: else each topic would come on two ways.
    const include = word === 'mesh' ? word : `(.*\\.)?${word}`
    await mirrored(
      pairs.map((pair) => {
        const [from, to] = pair.split(' ')
        return `from: ${from}, to: ${to}, topics: { include: ['${include}'] }`
      }),
    )
    for (const name of names)
      for (const [copy, origin] of Object.entries(copies[name])) await expectCopy([origin, word], [name, copy])
    for (const name of names) await write(name, word, `${name} 3`)
    for (const name of names)
      for (const [copy, origin] of Object.entries(copies[name])) await expectCopy([origin, word], [name, copy])
    await pause(200)
    for (const name of names)
      expect([name, await topicsOf(name, word)]).toEqual([name, [word, ...Object.keys(copies[name])].sort()])
  })

  test('keeps names both ways where no topic goes both ways', async () => {
    await write('paris', 'eu-a', 'a1', 'a2')
    await write('tokyo', 'jp-a', 'b1')
    await mirrored([
      "from: paris, to: tokyo, naming: identity, topics: { include: ['eu-.*'] }",
      "from: tokyo, to: paris, naming: identity, topics: { include: ['jp-.*'] }",
    ])
    await expectCopy(['paris', 'eu-a'], ['tokyo', 'eu-a'])
    await expectCopy(['tokyo', 'jp-a'], ['paris', 'jp-a'])
    await pause(200)
    expect(await readAll(clients.paris, 'eu-a', 0)).toHaveLength(2)
    expect(await readAll(clients.tokyo, 'jp-a', 0)).toHaveLength(1)
  })

  test('sends several mirrors between two clusters, each with its names, start and place', async () => {
    await write('paris', 'two-a', 'old')
    await write('paris', 'two-b.v1', 'old')
    await write('paris', 'two-c', 'old')
    const mirrors = [
      "from: paris, to: tokyo, topics: { include: 'two-a, two-c' }, start: latest, startByTopic: [{ topics: 'two-c', start: earliest }]",
      "from: paris, to: tokyo, name: second, progress: second, naming: { rename: { match: '(.*)\\.v1', replace: 'kept.$1' } }, topics: { include: 'two-b.*' }",
    ]
    const daemon = await mirrored(mirrors)
    await expectCopy(['paris', 'two-b.v1'], ['tokyo', 'kept.two-b'])
    await expectCopy(['paris', 'two-c'], ['tokyo', 'paris.two-c'])
    await until(
      () =>
        daemon.flows
          .get('paris->tokyo')!
          .status()
          .topics.find(({ topic }) => topic === 'two-a')?.partitions[0]?.upstream === 1,
      () => JSON.stringify(daemon.flows.get('paris->tokyo')!.status()),
    )
    await write('paris', 'two-a', 'new')
    await until(
      async () => (await endOffset(clients.tokyo, 'paris.two-a', 0)) === 1,
      () => 'two-a is not mirrored from its end on',
    )
    await daemon.stop()
    await write('paris', 'two-b.v1', 'later')
    await mirrored(mirrors)
    await expectCopy(['paris', 'two-b.v1'], ['tokyo', 'kept.two-b'])
    expect(await topicsOf('tokyo', 'heliostat.paris.second')).toEqual(['heliostat.paris.second.progress.internal'])
  })
})

describe('a topic is refused alone', () => {
  const refusals = (daemon: Daemon, flow: string) =>
    Object.fromEntries(
      daemon.flows
        .get(flow)!
        .sync()
        .refusedTopics.map(({ topic, reason }) => [topic, reason]),
    )

  test('when its name on the target is too long, impossible, or the same as that of another', async () => {
    const long = `one-${'x'.repeat(240)}`
    for (const topic of [long, 'one-a.v1', 'one-a.v2', 'one-b.v1', 'one-gone']) await write('paris', topic, topic)
    const daemon = await mirrored([
      "from: paris, to: lima, naming: { rename: { match: '(?:one-gone()|(one-.)\\.v.|(one-x.*))', replace: '$2$3' } }, topics: { include: ['one-.*'], exclude: ['one-x.*'] }",
      `from: paris, to: tokyo, topics: { include: ['${long}', 'one-b.v1'] }`,
    ])
    await expectCopy(['paris', 'one-a.v1'], ['lima', 'one-a'])
    await expectCopy(['paris', 'one-b.v1'], ['lima', 'one-b'])
    await expectCopy(['paris', 'one-b.v1'], ['tokyo', 'paris.one-b.v1'])
    expect(refusals(daemon, 'paris->lima')).toEqual({
      'one-a.v2': 'one-a.v2 is not mirrored: one-a.v1 has the name one-a on the target',
      'one-gone': 'one-gone is not mirrored: its name on the target would be empty',
    })
    expect(refusals(daemon, 'paris->tokyo')[long]).toContain('would have 250 characters, and Kafka takes 249')
  })

  test('and the one that is mirrored already stays, whatever names come before it', async () => {
    await write('paris', 'mine.v2', 'second')
    const mirror =
      "from: paris, to: lima, naming: { rename: { match: '(mine)\\.v.', replace: '$1' } }, topics: { include: ['mine.*'] }"
    const first = await mirrored([mirror])
    await expectCopy(['paris', 'mine.v2'], ['lima', 'mine'])
    await first.stop()
    await write('paris', 'mine.v1', 'first by name')
    await write('paris', 'mine.v2', 'third')
    const second = await mirrored([mirror])
    await expectCopy(['paris', 'mine.v2'], ['lima', 'mine'])
    expect(refusals(second, 'paris->lima')['mine.v1']).toContain('mine.v2 has the name mine on the target')
  })

  test('when another source has its name on the target', async () => {
    await write('paris', 'both', 'of paris')
    await write('tokyo', 'only-tokyo', 'of tokyo')
    const daemon = await mirrored([
      "from: paris, to: lima, naming: identity, topics: { include: ['both'] }",
      "from: tokyo, to: lima, naming: identity, topics: { include: ['both', 'only-tokyo'] }",
    ])
    await expectCopy(['paris', 'both'], ['lima', 'both'])
    await write('tokyo', 'both', 'of tokyo')
    await expectCopy(['tokyo', 'only-tokyo'], ['lima', 'only-tokyo'])
    await until(
      () => refusals(daemon, 'tokyo->lima')['both'] !== undefined,
      () => 'the second source is not refused',
    )
    expect(refusals(daemon, 'tokyo->lima')['both']).toContain('both on the target is the copy of the flow paris->lima')
    await expectCopy(['paris', 'both'], ['lima', 'both'])
  })
})

test('sources are merged into one topic by mirrors that all say so', async () => {
  const rolls = { paris: '1111111', tokyo: '2222222' }
  for (const from of ['tokyo', 'paris'] as const) {
    await makeTopic(clients[from], 'merged', 1, { 'segment.ms': rolls[from] })
    await write(from, 'merged', `${from} 1`, `${from} 2`)
  }
  const mirror = (from: Name) =>
    `from: ${from}, to: lima, name: ${from}-merged, progress: merged, naming: identity, delivery: { transactional: { commitInterval: 100ms } }, sync: { topicConfigs: { every: 100ms } }, topics: { include: ['merged'] }`
  const daemon = await mirrored([mirror('tokyo'), mirror('paris')])
  const values = async () => (await readAll(clients.lima, 'merged', 0)).map(({ value }) => value?.toString())
  const arrived = async (count: number) => {
    await clients.lima.refresh()
    return clients.lima.topics().has('merged') && (await values()).length >= count
  }
  await until(
    () => arrived(4),
    () => 'not all of both is there',
  )
  for (const from of ['tokyo', 'paris'] as const) await write(from, 'merged', `${from} 3`)
  await until(
    () => arrived(6),
    () => 'what came later is not there',
  )
  // The configs are those of one source, the first by its flow's name, pass after pass.
  const roll = async () => {
    const { results } = await clients.lima.send(describeConfigs, {
      resources: [{ resourceType: 2, resourceName: 'merged', configurationKeys: ['segment.ms'] }],
    })
    return results[0]!.configs[0]?.value
  }
  await until(
    async () => (await roll()) === '1111111',
    () => 'the configs of paris are not brought',
  )
  const jobs = () =>
    daemon.flows
      .get('tokyo-merged')!
      .jobs()
      .find(({ name }) => name.endsWith('topic-configs'))!
  const passes = jobs().runs
  await until(
    () => jobs().runs >= passes + 2,
    () => JSON.stringify(jobs()),
  )
  expect(await roll()).toBe('1111111')
  const merged = await values()
  for (const from of ['paris', 'tokyo'])
    expect(merged.filter((value) => value?.startsWith(from))).toEqual([1, 2, 3].map((at) => `${from} ${at}`))
  expect(merged).toHaveLength(6)
})

test('heartbeats that are written at the source too cross, and tell how many mirrors away it is', async () => {
  const mirror = (from: Name, to: Name) => `from: ${from}, to: ${to}, heartbeats: both, topics: { include: ['none'] }`
  await mirrored([mirror('paris', 'tokyo'), mirror('tokyo', 'lima')], { mm2Topics: true })
  await expectBeats('lima', 'tokyo.paris.heartbeats')
  const policy = replicationPolicy({ naming: 'prefix', source: 'tokyo' })
  await clients.lima.refresh()
  const hops = upstreamHops(policy, clients.lima.topics().keys())
  expect(Object.fromEntries(hops)).toEqual({ tokyo: 1, paris: 2 })
  const [first] = await readAll(clients.lima, 'tokyo.paris.heartbeats', 0)
  // As in MirrorMaker, a beat at the source is that of the pair the other way.
  expect(decodeHeartbeat(first!)).toMatchObject({ sourceAlias: 'tokyo', targetAlias: 'paris' })
})

async function expectBeats(cluster: Name, topic: string): Promise<void> {
  await until(
    async () => {
      await clients[cluster].refresh()
      return (await endOffset(clients[cluster], topic, 0)) > 0
    },
    () => `${cluster} has no beats in ${topic}`,
  )
}

test('two names of one cluster are told, and the second is used nowhere', async () => {
  await write('paris', 'alias-a', 'a')
  const daemon = await mirrored(
    [
      "from: here, to: tokyo, topics: { include: ['alias-.*'] }",
      "from: tokyo, to: there, topics: { include: ['.*alias-.*'] }",
    ],
    {
      aliases: {
        here: clusters.paris.bootstrap,
        tokyo: clusters.tokyo.bootstrap,
        there: clusters.paris.bootstrap.replace('127.0.0.1', 'localhost'),
      },
    },
  )
  await expectCopy(['paris', 'alias-a'], ['tokyo', 'here.alias-a'])
  await until(
    () => daemon.flows.get('tokyo->there')!.status().state === 'stopped',
    () => JSON.stringify(daemon.flows.get('tokyo->there')!.status()),
  )
  expect(daemon.flows.get('tokyo->there')!.status().reason).toMatch(
    /^here and there are one cluster, .{22}: name it once$/,
  )
  const summaries = (await (await fetch(`${daemon.url}/api/v1/flows`)).json()) as { flow: string; reason?: string }[]
  expect(summaries.map(({ reason }) => reason)).toEqual([
    undefined,
    expect.stringContaining('here and there are one cluster'),
  ])
  const ready = await fetch(`${daemon.url}/readyz?verbose`)
  expect([ready.status, await ready.text()]).toEqual([
    503,
    expect.stringContaining('flow tokyo->there is stopped: here and there are one cluster'),
  ])
  await pause(200)
  expect(await topicsOf('paris', 'alias')).toEqual(['alias-a'])
})
