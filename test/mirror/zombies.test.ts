// Two that believe in the same work: one is stopped past its session and wakes up when another has gone on with it; and two that never
// heard of each other. Whatever they do, each record is on the target once.
import { describe, expect, test } from 'vitest'
import { buildBatch } from '../../src/records/batch-builder.ts'
import { expectCopied } from '../support/copied.ts'
import { eastAndWest } from '../support/east-west.ts'
import { appendBatch, endOffset, makeTopic, readAll, testPlatform, until } from '../support/log-content.ts'
import { MirrorProcess } from '../support/mirror-process.ts'

const { source, target, east, west } = await eastAndWest()

let number = 0
function write(topic: string, count: number): Promise<number> {
  const records = Array.from({ length: count }, () => {
    const value = `${number++}`
    return { timestamp: testPlatform.clock.now(), key: value, value }
  })
  return appendBatch(east, topic, 0, buildBatch(records))
}

async function copied(topic: string): Promise<void> {
  const remote = `${topic}.${topic}`
  const { length } = await readAll(east, topic, 0)
  await until(
    async () => (await endOffset(west, remote, 0)) > 0 && (await readAll(west, remote, 0)).length >= length,
    () => `${topic} has fewer than ${length}`,
    30_000,
  )
  await expectCopied({ client: east, topic }, { client: west, topic: remote })
}

describe.each([
  ['sequences', undefined],
  ['transactions', { commitIntervalMs: 100 }],
] as const)('with %s', (how, transactional) => {
  const start = (topic: string, shares: boolean) => {
    const flow = { name: `${topic}->west`, source: topic, topics: { include: [topic], exclude: [] }, transactional }
    return new MirrorProcess({ source: source.bootstrap, target: target.bootstrap, shares, flow })
  }

  test('one that was stopped past its session adds nothing when it wakes up', { timeout: 60_000 }, async () => {
    const topic = `stopped-${how}`
    await makeTopic(east, topic, 1)
    const zombie = start(topic, true)
    await write(topic, 5)
    await copied(topic)
    await until(
      async () => (await zombie.status()).state === 'running',
      () => 'it never got its share',
      20_000,
    )
    process.kill(zombie.pid, 'SIGSTOP')
    await write(topic, 7)
    const heir = start(topic, true)
    await copied(topic)
    await write(topic, 3)
    process.kill(zombie.pid, 'SIGCONT')
    for (let round = 0; round < 20; round++) await write(topic, 2)
    await copied(topic)
    expect((await zombie.kill('SIGTERM')).code).toBe(0)
    await write(topic, 2)
    await copied(topic)
    await heir.kill('SIGTERM')
  })

  test('two that both have all of it, and know nothing of each other, lose and double nothing', {
    timeout: 60_000,
  }, async () => {
    const topic = `twins-${how}`
    await makeTopic(east, topic, 1)
    await write(topic, 5)
    const twins = [start(topic, false), start(topic, false)]
    for (let round = 0; round < 60; round++) await write(topic, 1 + (round % 5))
    await copied(topic)
    await twins[0]!.kill()
    for (let round = 0; round < 10; round++) await write(topic, 2)
    await copied(topic)
    await twins[1]!.kill('SIGTERM')
  })
})
