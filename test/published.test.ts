// The package as it is published: fewer files than the source has, at other depths, found by what they must find.
import { execFile } from 'node:child_process'
import { cpSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, it } from 'vitest'

const root = join(import.meta.dirname, '..')
const run = promisify(execFile)
const folder = mkdtempSync(join(tmpdir(), 'heliostat-published-'))
const program = (source: string) => run(process.execPath, ['--input-type=module', '-e', source], { cwd: folder })

beforeAll(async () => {
  await run(process.execPath, [join(root, 'node_modules', '.bin', 'rolldown'), '-c', '-d', join(folder, 'dist')], {
    cwd: root,
  })
  cpSync(join(root, 'package.json'), join(folder, 'package.json'))
  cpSync(join(root, 'src', 'server', 'dashboard'), join(folder, 'src', 'server', 'dashboard'), { recursive: true })
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'))
}, 60_000)

afterAll(() => rmSync(folder, { recursive: true }))

it('starts from the command line', async () => {
  const { version } = await import('../package.json', { with: { type: 'json' } }).then((module) => module.default)
  const { stdout } = await run(process.execPath, [join(folder, 'dist', 'cli', 'main.js'), 'version'])
  expect(stdout).toContain(version)
})

it('starts a topology, and a daemon with its page and its threads from the library', async () => {
  const { stdout } = await program(`
    import kafkajs from 'kafkajs'
    import { loadConfig, startDaemon } from 'heliostat'
    import { startTopology } from 'heliostat/embedded'
    const { Kafka, logLevel } = kafkajs
    const { clusters, stop } = await startTopology({ clusters: { a: {}, b: {} } })
    const config = loadConfig(JSON.stringify({
      version: 1,
      clusters: { a: { bootstrap: [clusters.a.bootstrap] }, b: { bootstrap: [clusters.b.bootstrap] } },
      mirrors: [{ from: 'a', to: 'b', refresh: '100ms' }],
      server: { listen: '127.0.0.1:0' },
      workers: 2,
    }))
    const daemon = await startDaemon(config)
    const page = await fetch(daemon.url)
    const kafka = new Kafka({ brokers: [clusters.a.bootstrap], logLevel: logLevel.NOTHING })
    const producer = kafka.producer()
    await producer.connect()
    await producer.send({ topic: 'orders', messages: [{ value: 'through a thread' }] })
    await producer.disconnect()
    const translated = () => daemon.flows.get('a->b').translate({ topic: 'orders', partition: 0, offset: 1 }).offset
    while (translated() !== 1) await new Promise((resolve) => setTimeout(resolve, 20))
    console.log(page.status, (await page.text()).includes('heliostat'))
    await daemon.stop()
    await stop()
  `)
  expect(stdout.trim()).toBe('200 true')
}, 60_000)
