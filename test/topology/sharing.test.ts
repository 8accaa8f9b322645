// Instances that share a flow must run it with the same settings: who comes with others gets no work, is told the difference, and takes
// over when those who have the work are gone.
import { expect, onTestFinished, test } from 'vitest'
import { loadConfig } from '../../src/config/config.ts'
import { type Daemon, startDaemon } from '../../src/daemon.ts'
import type { MirrorStatus } from '../../src/mirror/status.ts'
import type { Platform, Socket } from '../../src/platform/platform.ts'
import { batchOf } from '../broker/requests.ts'
import { expectCopied } from '../support/copied.ts'
import { eastAndWest } from '../support/east-west.ts'
import { appendBatch, makeTopic, testPlatform, until } from '../support/log-content.ts'

const { source, target, east, west } = await eastAndWest()

/** A machine whose network can be cut off without a word: what is sent either way is lost from then on. */
function severed() {
  const { network } = testPlatform
  const sockets = new Set<Socket>()
  let isCut = false
  const connect: typeof network.connect = (address, handler, tls) => {
    const socket = network.connect(
      address,
      {
        opened: () => handler.opened?.(),
        readInto: () => handler.readInto(),
        didRead: (length) => isCut || handler.didRead(length),
        drained: () => handler.drained?.(),
        closed: (error) => {
          sockets.delete(socket)
          handler.closed(error)
        },
      },
      tls,
    )
    sockets.add(socket)
    return {
      remote: socket.remote,
      get bytesQueued() {
        return socket.bytesQueued
      },
      write: (buffers) => isCut || socket.write(buffers),
      pause: () => socket.pause(),
      resume: () => socket.resume(),
      end: () => socket.end(),
      destroy: (error) => socket.destroy(error),
      reset: () => socket.reset(),
    }
  }
  const listen: typeof network.listen = (address, accept, tls) => network.listen(address, accept, tls)
  return {
    platform: { ...testPlatform, network: { connect, listen } },
    cut: () => {
      isCut = true
    },
    heal: () => {
      isCut = false
      for (const socket of [...sockets]) socket.reset()
    },
  }
}

async function started(mirror: string, platform: Platform = testPlatform): Promise<Daemon> {
  const text = `version: 1
clusters:
  east: { bootstrap: ["${source.bootstrap}"] }
  west: { bootstrap: ["${target.bootstrap}"] }
mirrors: [{ from: east, to: west, refresh: 50ms, ${mirror} }]
server: { listen: "127.0.0.1:0" }
compat: { mm2Topics: false }
`
  const { config } = loadConfig(text, 'sharing.yaml', {})
  const daemon = await startDaemon(platform, config, { version: 'test', directory: '.' })
  onTestFinished(() => daemon.stop())
  return daemon
}

const statusOf = (daemon: Daemon) => daemon.flows.get('east->west')!.status()
/** The partitions that are its own. */
const held = (daemon: Daemon) =>
  statusOf(daemon).topics.flatMap(({ topic, partitions }) => partitions.map(({ partition }) => `${topic}-${partition}`))
const reaches = (daemon: Daemon, state: MirrorStatus['state']) =>
  until(
    () => statusOf(daemon).state === state,
    () => JSON.stringify(statusOf(daemon)),
  )

test('other settings for one flow are refused with the difference, until those who have the work are gone', async () => {
  await makeTopic(east, 'shared-a', 4)
  await appendBatch(east, 'shared-a', 0, batchOf(['a0']))
  const first = await started("topics: { include: ['shared-.*'] }")
  await reaches(first, 'running')
  const same = await started("topics: { include: ['shared-.*'] }, rpo: { seconds: 99 }, buffer: 8MiB")
  const other = await started("topics: { include: ['shared-.*', 'more'] }, naming: identity")
  await reaches(other, 'stopped')
  expect(statusOf(other).reason).toBe(
    'the instance at 127.0.0.1 runs this flow with other settings: topics.include is ["shared-.*","more"] here and ["shared-.*"] there; naming is "identity" here and "prefix" there',
  )
  expect(await (await fetch(`${other.url}/readyz?verbose`)).text()).toContain('naming is "identity" here')
  await until(
    () => statusOf(same).topics.length > 0 && statusOf(first).topics.length > 0,
    () => JSON.stringify([statusOf(first), statusOf(same)]),
  )
  expect([statusOf(first).reason, statusOf(same).reason]).toEqual([undefined, undefined])

  await west.refresh()
  expect(west.topics().has('shared-a')).toBe(false)

  await Promise.all([first.stop(), same.stop()])
  await makeTopic(east, 'more', 1)
  await appendBatch(east, 'more', 0, batchOf(['m0', 'm1']))
  await reaches(other, 'running')
  expect(statusOf(other).reason).toBeUndefined()
  await expectCopied({ client: east, topic: 'more' }, { client: west, topic: 'more' })
})

test('two with the same file share its partitions, also of topics that come later, and one that goes leaves its own to the other', async () => {
  await makeTopic(east, 'fair-a', 8)
  const mirror = "topics: { include: ['fair-.*'] }, progress: fair"
  const [one, other] = [await started(mirror), await started(mirror)]
  const all = (topics: readonly string[]) =>
    topics.flatMap((topic) => Array.from({ length: 8 }, (_, partition) => `${topic}-${partition}`)).sort()
  const share = (topics: readonly string[]) =>
    until(
      () =>
        held(one).length > 0 &&
        held(other).length > 0 &&
        [...held(one), ...held(other)].sort().join() === all(topics).join(),
      () => JSON.stringify([held(one), held(other)]),
    )
  await share(['fair-a'])
  await makeTopic(east, 'fair-b', 8)
  await share(['fair-a', 'fair-b'])
  const write = async (value: string) => {
    for (const topic of ['fair-a', 'fair-b'])
      for (let partition = 0; partition < 8; partition++) await appendBatch(east, topic, partition, batchOf([value]))
  }
  await write('by both')
  await other.stop()
  await write('by one')
  await until(
    () => held(one).sort().join() === all(['fair-a', 'fair-b']).join(),
    () => JSON.stringify(held(one)),
  )
  for (const topic of ['fair-a', 'fair-b'])
    for (let partition = 0; partition < 8; partition++)
      await expectCopied({ client: east, topic, partition }, { client: west, topic: `east.${topic}`, partition })
})

test('one that falls silent leaves its partitions to the other, whose own go on meanwhile', {
  timeout: 60_000,
}, async () => {
  await makeTopic(east, 'mute-a', 8)
  const mirror = "topics: { include: ['mute-.*'] }, progress: mute"
  const { platform, cut, heal } = severed()
  const one = await started(mirror)
  const other = await started(mirror, platform)
  onTestFinished(heal)
  await until(
    () => held(one).length > 0 && held(other).length > 0 && held(one).length + held(other).length === 8,
    () => JSON.stringify([held(one), held(other)]),
  )
  const [own, orphaned] = [one, other].map((daemon) => Number(held(daemon)[0]!.replace('mute-a-', ''))) as [
    number,
    number,
  ]
  const copied = (partition: number) =>
    expectCopied(
      { client: east, topic: 'mute-a', partition },
      { client: west, topic: 'east.mute-a', partition },
      { timeoutMs: 20_000 },
    )
  for (const partition of [own, orphaned]) {
    await appendBatch(east, 'mute-a', partition, batchOf(['before']))
    await copied(partition)
  }
  cut()
  await appendBatch(east, 'mute-a', orphaned, batchOf(['left behind']))
  let isTakenOver = false
  const takenOver = copied(orphaned).finally(() => {
    isTakenOver = true
  })
  // Had the others to wait for the session of the one that is gone, there would be one copy before its end.
  let meanwhile = 0
  while (!isTakenOver) {
    await appendBatch(east, 'mute-a', own, batchOf([`${meanwhile}`]))
    await copied(own)
    meanwhile++
    await new Promise<void>((resolve) => testPlatform.clock.setTimer(100, resolve))
  }
  await takenOver
  expect(meanwhile).toBeGreaterThan(2)
  // Who wakes up finds its work with another, and doubles nothing.
  heal()
  await appendBatch(east, 'mute-a', orphaned, batchOf(['after']))
  await copied(orphaned)
})
