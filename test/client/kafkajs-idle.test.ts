// kafkajs looked at its empty request queues every millisecond; here a connection that has nothing to send is at rest.
import { expect, test, vi } from 'vitest'
import { startCluster } from '../../src/broker/cluster.ts'
import { makeKafkajs } from '../../src/client/kafkajs.ts'
import { testPlatform } from '../support/log-content.ts'

test('an idle kafkajs connection sets no timer for a moment that has passed', async () => {
  const cluster = await startCluster(testPlatform, { name: 'idle' })
  const [host, port] = cluster.bootstrap.split(':')
  const bootstrap = [{ host: host!, port: Number(port) }]
  const admin = (await makeKafkajs(testPlatform, { bootstrap, clientId: 'idle' })).admin()
  const timers = vi.spyOn(globalThis, 'setTimeout')
  await admin.connect()
  await Promise.all(Array.from({ length: 20 }, () => admin.listTopics()))
  await new Promise<void>((resolve) => testPlatform.clock.setTimer(50, resolve))
  const past = timers.mock.calls.filter(([, delayMs]) => (delayMs ?? 0) < 0)
  timers.mockRestore()
  await admin.disconnect()
  await cluster.stop()
  expect(past).toEqual([])
})
