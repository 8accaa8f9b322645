// A limit of bytes per second, from the configuration to the wire: for a mirror, and for a cluster that several mirrors share.
import { expect, onTestFinished, test } from 'vitest'
import { startCluster } from '../../src/broker/cluster.ts'
import { loadConfig } from '../../src/config/config.ts'
import { startDaemon } from '../../src/daemon.ts'
import { buildBatch } from '../../src/records/batch-builder.ts'
import { eventually } from '../compatibility/gathering.ts'
import { expectCopied } from '../support/copied.ts'
import { appendBatch, clientOf, endOffset, makeTopic, testPlatform } from '../support/log-content.ts'

const BATCHES = 10
const VALUE = 'x'.repeat(30_000)

test('what a mirror copies, and what a cluster gives to all mirrors, stays below the limit', async () => {
  const [source, target] = await Promise.all(['east', 'west'].map((name) => startCluster(testPlatform, { name })))
  const [east, west] = [clientOf(source!.bootstrap), clientOf(target!.bootstrap)]
  onTestFinished(async () => {
    east.close()
    west.close()
    await Promise.all([source!.stop(), target!.stop()])
  })
  await Promise.all([east.refresh(), west.refresh()])
  const topics = ['own', 'shared-a', 'shared-b']
  for (const topic of topics) {
    await makeTopic(east, topic, 1)
    for (let index = 0; index < BATCHES; index++)
      await appendBatch(east, topic, 0, buildBatch([{ timestamp: index, key: String(index), value: VALUE }]))
  }
  const bootstrap = `bootstrap: ["${source!.bootstrap}"]`
  const mirror = (from: string, topic: string, more = '') =>
    `  - { name: ${topic}, from: ${from}, to: west, progress: ${topic}, naming: prefix, topics: { include: [${topic}] }, refresh: 100ms${more} }`
  const configOf = (limit: string, mirrors: string[]) => `
version: 1
clusters:
  east: { ${bootstrap}${limit} }
  west: { bootstrap: ["${target!.bootstrap}"] }
mirrors:
${mirrors.join('\n')}
server: { listen: 127.0.0.1:0 }
`
  const took = async (yaml: string, copied: string[]) => {
    const began = performance.now()
    const daemon = await startDaemon(testPlatform, loadConfig(yaml, 'test.yaml', {}).config, {
      version: 'test',
      directory: '.',
    })
    for (const topic of copied)
      await eventually(async () => expect(await endOffset(west, `east.${topic}`, 0)).toBe(BATCHES))
    const ms = performance.now() - began
    const metrics = await (await fetch(`${daemon.url}/metrics`)).text()
    for (const topic of copied) {
      const bytes = Number(
        new RegExp(`bytes_total\\{flow="${topic}",topic="${topic}",direction="fetched"\\} (\\d+)`).exec(metrics)![1],
      )
      expect(bytes).toBeGreaterThanOrEqual(BATCHES * VALUE.length)
      await expectCopied({ client: east, topic }, { client: west, topic: `east.${topic}` })
    }
    await daemon.stop()
    return ms
  }
  // 300 kB at 200 kB/s, of which the first answer comes at once: a second at least.
  const own = await took(configOf('', [mirror('east', 'own', ', limits: { bytesPerSecond: 200kB }')]), ['own'])
  expect(own).toBeGreaterThan(500)
  // Twice that through a cluster's 400 kB/s.
  const both = configOf(', limits: { bytesPerSecond: 200kB }', [mirror('east', 'shared-a'), mirror('east', 'shared-b')])
  expect(await took(both, ['shared-a', 'shared-b'])).toBeGreaterThan(1_500)
})
