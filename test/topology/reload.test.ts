// A running daemon takes another configuration: all of it or nothing, and what it does not change never pauses.
import { expect, onTestFinished, test } from 'vitest'
import { loadConfig } from '../../src/config/config.ts'
import { type Daemon, startDaemon } from '../../src/daemon.ts'
import type { ReloadReport } from '../../src/daemon-reload.ts'
import { batchOf } from '../broker/requests.ts'
import { expectCopied } from '../support/copied.ts'
import { eastAndWest } from '../support/east-west.ts'
import { appendBatch, makeTopic, testPlatform, until } from '../support/log-content.ts'

const { source, target, east, west } = await eastAndWest()

const fileOf = (mirrors: readonly string[], server = 'listen: "127.0.0.1:0"') => `version: 1
clusters:
  east: { bootstrap: ["${source.bootstrap}"] }
  west: { bootstrap: ["${target.bootstrap}"] }
mirrors:
${mirrors.map((mirror) => `  - { refresh: 50ms, ${mirror} }\n`).join('')}server: { ${server} }
compat: { mm2Topics: false }
`

async function started(mirrors: readonly string[]): Promise<{ daemon: Daemon; change: (text: string) => void }> {
  let text = fileOf(mirrors)
  const load = () => loadConfig(text, 'reload.yaml', {}).config
  const daemon = await startDaemon(testPlatform, load(), { version: 'test', directory: '/nowhere', load })
  onTestFinished(() => daemon.stop())
  const change = (changed: string) => {
    text = changed
  }
  return { daemon, change }
}

const reload = async (daemon: Daemon, query = '') => {
  const response = await fetch(`${daemon.url}/api/v1/config/reload${query}`, { method: 'POST' })
  return { status: response.status, body: (await response.json()) as ReloadReport & { error?: string } }
}

const running = (daemon: Daemon, flow: string) =>
  until(
    () => daemon.flows.get(flow)!.status().state === 'running',
    () => JSON.stringify(daemon.flows.get(flow)!.status()),
  )

test('changes what is changed, at the same record, and the other flows keep their place', async () => {
  for (const topic of ['still-a', 'busy-a', 'busy-b']) await makeTopic(topic === 'still-a' ? east : west, topic, 1)
  const still = "from: east, to: west, topics: { include: ['still-.*'] }"
  const busy = (include: string) => `from: west, to: east, topics: { include: ['${include}'] }`
  const { daemon, change } = await started([still, busy('busy-a')])
  await appendBatch(east, 'still-a', 0, batchOf(['s']))
  await appendBatch(west, 'busy-a', 0, batchOf(['b0', 'b1']))
  await expectCopied({ client: east, topic: 'still-a' }, { client: west, topic: 'east.still-a' })
  await expectCopied({ client: west, topic: 'busy-a' }, { client: east, topic: 'west.busy-a' })
  await Promise.all([running(daemon, 'east->west'), running(daemon, 'west->east')])
  const before = new Map(daemon.flows)

  // A pause would show: as another place in the group, as a slot that is taken anew, or as records that wait.
  const watched = [source, target].map(({ faults }) =>
    faults.add({
      api: ['JoinGroup', 'SyncGroup', 'LeaveGroup', 'InitProducerId'],
      clientId: 'heliostat\\|east->west',
      delayMs: 1,
    }),
  )
  let longest = 0
  let isWriting = true
  const writing = (async () => {
    for (let record = 0; isWriting; record++) {
      const at = performance.now()
      await appendBatch(east, 'still-a', 0, batchOf([`s${record}`]))
      await until(
        () => daemon.flows.get('east->west')!.status().topics[0]?.partitions[0]?.upstream === record + 2,
        () => `record ${record} waits`,
      )
      longest = Math.max(longest, performance.now() - at)
    }
  })()
  change(fileOf([`${still}, rpo: { seconds: 3 }`, busy('busy-.*')]))
  const dry = await reload(daemon, '?dryRun=true')
  expect(dry).toMatchObject({ status: 200, body: { applied: false, added: [], removed: [], untouched: [] } })
  expect([...daemon.flows]).toEqual([...before])
  expect((await reload(daemon)).body).toEqual({
    applied: true,
    added: [],
    removed: [],
    restarted: [
      { flow: 'west->east', changes: [{ setting: 'topics.include', before: ['busy-a'], after: ['busy-.*'] }] },
    ],
    adjusted: [{ flow: 'east->west', changes: [{ setting: 'rpo.seconds', before: 10, after: 3 }] }],
    untouched: [],
    server: [],
  })
  await appendBatch(west, 'busy-a', 0, batchOf(['b2']))
  await appendBatch(west, 'busy-b', 0, batchOf(['c0']))
  await expectCopied({ client: west, topic: 'busy-a' }, { client: east, topic: 'west.busy-a' })
  await expectCopied({ client: west, topic: 'busy-b' }, { client: east, topic: 'west.busy-b' })
  isWriting = false
  await writing
  expect(watched.map(({ hits }) => hits)).toEqual([0, 0])
  for (const fault of watched) fault.remove()
  expect(longest).toBeLessThan(2_000)
  expect(daemon.flows.get('east->west')).toBe(before.get('east->west'))
  expect(daemon.flows.get('east->west')!.rpo.seconds).toBe(3)
  await expectCopied({ client: east, topic: 'still-a' }, { client: west, topic: 'east.still-a' })
  expect((await reload(daemon)).body).toMatchObject({ applied: false, untouched: ['east->west', 'west->east'] })
})

test('adds and removes flows, in the order of the file', async () => {
  await makeTopic(east, 'more-a', 1)
  await appendBatch(east, 'more-a', 0, batchOf(['a']))
  const first = "from: east, to: west, topics: { include: ['nothing'] }"
  const { daemon, change } = await started([first, "from: west, to: east, topics: { include: ['nothing'] }"])
  change(fileOf(["from: east, to: west, name: more, progress: more, topics: { include: ['more-.*'] }", first]))
  expect((await reload(daemon)).body).toMatchObject({
    added: ['more'],
    removed: ['west->east'],
    untouched: ['east->west'],
  })
  expect([...daemon.flows.keys()]).toEqual(['more', 'east->west'])
  await expectCopied({ client: east, topic: 'more-a' }, { client: west, topic: 'east.more-a' })
})

test('what was paused stays paused under its new settings, until it is resumed', async () => {
  await makeTopic(east, 'kept-a', 1)
  const mirror = "from: east, to: west, topics: { include: ['kept-.*'] }"
  const { daemon, change } = await started([mirror])
  await running(daemon, 'east->west')
  const ask = (verb: string) => fetch(`${daemon.url}/api/v1/flows/east->west/${verb}`, { method: 'POST' })
  await ask('pause?topic=kept-a')
  await ask('pause')
  change(fileOf([`${mirror}, buffer: 8MiB`]))
  expect((await reload(daemon)).body.restarted).toHaveLength(1)
  const stateOf = () => daemon.flows.get('east->west')!.status()
  expect(stateOf().state).toBe('paused')
  await ask('resume')
  const partition = () => stateOf().topics[0]?.partitions[0]?.state
  await until(
    () => partition() === 'paused' && stateOf().state !== 'paused',
    () => JSON.stringify(stateOf()),
  )
  await appendBatch(east, 'kept-a', 0, batchOf(['k']))
  await ask('resume?topic=kept-a')
  await expectCopied({ client: east, topic: 'kept-a' }, { client: west, topic: 'east.kept-a' })
})

test('changes nothing at all when something is wrong', async () => {
  const mirror = "from: east, to: west, topics: { include: ['nothing'] }"
  const { daemon, change } = await started([mirror])
  const before = [...daemon.flows]
  const refused = async (text: string) => {
    change(text)
    const { status, body } = await reload(daemon)
    expect([status, [...daemon.flows]]).toEqual([409, before])
    return body.error
  }
  expect(await refused(fileOf([`${mirror}, naming: prefx`]))).toContain('reload.yaml:6:')
  expect(await refused(fileOf([mirror], 'listen: "127.0.0.1:8642"'))).toContain('server.listen')
  expect(await refused(fileOf([mirror], 'listen: "127.0.0.1:0", tokens: [{ file: token }]'))).toBe(
    'server.tokens[0]: /nowhere/token cannot be read (ENOENT)',
  )
  expect(daemon.flows.get('east->west')!.status().state).not.toBe('stopped')
  change(fileOf([mirror], 'listen: "127.0.0.1:0", tokens: [s3cret]'))
  expect((await reload(daemon)).body).toMatchObject({ applied: true, untouched: ['east->west'] })
  expect((await fetch(`${daemon.url}/api/v1/flows`)).status).toBe(401)
  const allowed = await fetch(`${daemon.url}/api/v1/flows`, { headers: { authorization: 'Bearer s3cret' } })
  expect(allowed.status).toBe(200)
})

test('a topic that comes later is mirrored without anything else being touched', async () => {
  for (const topic of ['calm-a', 'calm-b']) await makeTopic(east, topic, 1)
  const { daemon } = await started([
    "from: east, to: west, name: calm, progress: calm, topics: { include: ['calm-.*'] }",
  ])
  const write = async (topic: string) => {
    await appendBatch(east, topic, 0, batchOf([topic]))
    await expectCopied({ client: east, topic }, { client: west, topic: `east.${topic}` })
  }
  for (const topic of ['calm-a', 'calm-b']) await write(topic)
  await running(daemon, 'calm')
  // What a pause takes: to join the group anew, to be a producer anew.
  const watched = [source, target].map(({ faults }) =>
    faults.add({
      api: ['JoinGroup', 'SyncGroup', 'LeaveGroup', 'InitProducerId'],
      clientId: 'heliostat\\|calm',
      delayMs: 1,
    }),
  )
  await makeTopic(east, 'calm-c', 1)
  for (const topic of ['calm-c', 'calm-a', 'calm-b']) await write(topic)
  // Of the new topic's slot alone, if nobody had it yet.
  expect(watched.map(({ hits }) => hits)).toEqual([0, 0])
  for (const fault of watched) fault.remove()
})
