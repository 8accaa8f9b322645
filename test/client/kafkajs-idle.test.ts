// kafkajs looked at its empty request queues every millisecond, and for overdue answers ten times a second; here a connection that has
// nothing to send and waits for nothing is at rest.
import { expect, test, vi } from 'vitest'
import { startCluster } from '../../src/broker/cluster.ts'
import { makeKafkajs } from '../../src/client/kafkajs.ts'
import { testPlatform } from '../support/log-content.ts'

const LOOK_FOR_OVERDUE_MS = 100

test('an idle kafkajs connection sets no timer for a moment that has passed, and none that repeats', async () => {
  const cluster = await startCluster(testPlatform, { name: 'idle' })
  const [host, port] = cluster.bootstrap.split(':')
  const bootstrap = [{ host: host!, port: Number(port) }]
  const admin = (await makeKafkajs(testPlatform, { bootstrap, clientId: 'idle' })).admin()
  const timers = vi.spyOn(globalThis, 'setTimeout')
  const repeating = vi.spyOn(globalThis, 'setInterval')
  const ended = vi.spyOn(globalThis, 'clearInterval')
  await admin.connect()
  await Promise.all(Array.from({ length: 20 }, () => admin.listTopics()))
  await new Promise<void>((resolve) => testPlatform.clock.setTimer(50, resolve))
  const past = timers.mock.calls.filter(([, delayMs]) => (delayMs ?? 0) < 0)
  const looks = repeating.mock.results.flatMap(({ value }, call) =>
    repeating.mock.calls[call]![1] === LOOK_FOR_OVERDUE_MS ? [value] : [],
  )
  const running = looks.filter((look) => !ended.mock.calls.some(([timer]) => timer === look))
  for (const spy of [timers, repeating, ended]) spy.mockRestore()
  await admin.disconnect()
  await cluster.stop()
  expect(past).toEqual([])
  expect(looks.length, 'what is asked is looked after').toBeGreaterThan(0)
  expect(running).toEqual([])
})
