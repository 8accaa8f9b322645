// The commands as a person meets them: as processes, by their output and exit code.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { ClusterClient } from '../../src/client/cluster-client.ts'
import { commitPositions } from '../../src/offset-translation/group-offsets.ts'
import { buildBatch } from '../../src/records/batch-builder.ts'
import { expectCopied } from '../support/copied.ts'
import { ExternalProcess, runExternal } from '../support/external-process.ts'
import { appendBatch, clientOf, makeTopic, until } from '../support/log-content.ts'

const main = join(import.meta.dirname, '..', '..', 'src', 'cli', 'main.ts')
const folder = mkdtempSync(join(tmpdir(), 'heliostat-cli-'))
const heliostat = (...args: string[]) => runExternal(process.execPath, [main, ...args])
const file = (name: string, text: string) => {
  const path = join(folder, name)
  writeFileSync(path, text)
  return path
}
/** Nothing listens there: the port is reserved and no test can be given it. */
const deaf = '127.0.0.1:1'
const configOf = (east: string, west: string) => `version: 1
clusters:
  east: { bootstrap: ["${east}"] }
  west: { bootstrap: ["${west}"] }
mirrors: [{ from: east, to: west, refresh: 200ms }]
server: { listen: "127.0.0.1:0" }
`

afterAll(() => rmSync(folder, { recursive: true, force: true }))

describe('heliostat', () => {
  it('prints its version and its help on stdout', async () => {
    expect(await heliostat('version')).toMatchObject({ code: 0, stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/) })
    const help = await heliostat('--help')
    expect(help.code).toBe(0)
    for (const command of [
      'run',
      'broker',
      'fault',
      'demo',
      'lint',
      'create',
      'acls',
      'import',
      'status',
      'translate',
    ]) {
      expect(help.stdout).toContain(`  ${command}`)
    }
  })

  it('turns a file of MirrorMaker 2 into one that lints, tells what became of each key, and ends with 1 when something is not to be had', async () => {
    const flow = `clusters = A, B\nA.bootstrap.servers = ${deaf}\nB.bootstrap.servers = localhost:2\nA->B.enabled = true\n`
    const plain = await heliostat('import', file('mm2.properties', `${flow}tasks.max = 4\n`))
    expect(plain).toMatchObject({ code: 0, stderr: expect.stringMatching(/mm2\.properties:5 none tasks\.max: /) })
    expect(await heliostat('lint', file('imported.yaml', plain.stdout))).toMatchObject({ code: 0, stdout: '' })
    const refused = await heliostat('import', file('smt.properties', `${flow}transforms = x\n`))
    expect(refused).toMatchObject({ code: 1, stdout: plain.stdout.replace('mm2.properties', 'smt.properties') })
    expect((await heliostat('import', file('no.properties', 'a = 1\n'))).code).toBe(78)
  })

  it('answers wrong usage with 2 and a hint, on stderr alone', async () => {
    for (const args of [
      ['rnu'],
      ['run'],
      ['broker', '--port', 'many'],
      ['translate', file('u.yaml', configOf(deaf, deaf))],
      ['run', file('near.yaml', configOf(deaf, 'localhost:2')), '--clusters', 'nowhere'],
    ]) {
      const { code, stdout, stderr } = await heliostat(...args)
      expect([args, code, stdout]).toEqual([args, 2, ''])
      expect(stderr).not.toBe('')
    }
  })

  it('lints what it creates, and names what is wrong with its place', async () => {
    const { stdout } = await heliostat('create')
    expect(await heliostat('lint', file('created.yaml', stdout))).toMatchObject({ code: 0, stdout: '' })
    const bad = file('bad.yaml', configOf(deaf, deaf).replace('mirrors', 'mirors'))
    const lint = await heliostat('lint', bad)
    expect(lint.code).toBe(78)
    expect(lint.stdout).toContain(`${bad}:5:1 error unknown-key mirors: unknown key; did you mean mirrors?\n`)
    const run = await heliostat('run', bad)
    expect(run.code).toBe(78)
    expect(run.stderr).toContain('did you mean mirrors?')
    expect(await heliostat('run', join(folder, 'nowhere.yaml'))).toMatchObject({
      code: 78,
      stderr: expect.stringContaining('there is no such file'),
    })
  })

  it('says where it looked when no daemon answers', async () => {
    const { code, stderr } = await heliostat('status', '--url', `http://${deaf}`)
    expect(code).toBe(4)
    expect(stderr).toContain(`no daemon answers at http://${deaf}`)
  })

  it('plays the scripted demo and accounts for every record', async () => {
    const { code, stdout } = await heliostat('demo', '--scripted', '--seconds', '1')
    expect(stdout).toContain('Every record is accounted for.')
    expect(code).toBe(0)
  })
})

describe('heliostat run', () => {
  let brokers: ExternalProcess
  let east: ClusterClient
  let west: ClusterClient
  let config: string
  const daemons: Daemon[] = []

  beforeAll(async () => {
    const topology = file('topology.yaml', 'version: 1\nclusters: { east: {}, west: {} }\n')
    brokers = new ExternalProcess(process.execPath, [main, 'broker', topology, '--log-level', 'warn'])
    await brokers.until(({ stdout }) => stdout.includes('\n'), 'a ready line')
    const { ready, clusters } = JSON.parse(brokers.stdout)
    expect(ready).toBe(true)
    expect(Object.keys(clusters)).toEqual(['east', 'west'])
    expect(clusters.east).toMatchObject({
      clusterId: expect.stringMatching(/^[\w-]{22}$/),
      nodes: { 1: clusters.east.bootstrap },
      listeners: { PLAINTEXT: { securityProtocol: 'PLAINTEXT', bootstrap: clusters.east.bootstrap } },
    })
    east = clientOf(clusters.east.bootstrap)
    west = clientOf(clusters.west.bootstrap)
    config = file('run.yaml', configOf(clusters.east.bootstrap, clusters.west.bootstrap))
    await makeTopic(east, 'orders', 2)
  })

  afterEach(async () => {
    for (const daemon of daemons.splice(0)) await daemon.process.kill()
  })

  afterAll(async () => {
    east.close()
    west.close()
    expect(await brokers.kill('SIGTERM')).toEqual({ code: 0, signal: null })
  })

  interface Daemon {
    readonly process: ExternalProcess
    readonly url: string
  }

  const addressOf = (client: ClusterClient) => {
    const { host, port } = client.nodes().values().next().value!
    return `${host}:${port}`
  }

  async function start(path = config, ...options: string[]): Promise<Daemon> {
    const process_ = new ExternalProcess(process.execPath, [main, 'run', path, ...options])
    await process_.until(({ stderr }) => stderr.includes('daemon.started'), 'its start')
    const daemon = { process: process_, url: /"url":"([^"]+)"/.exec(process_.stderr)![1]! }
    daemons.push(daemon)
    return daemon
  }

  const write = (from: number, count: number) => {
    const records = Array.from({ length: count }, (_, i) => ({
      timestamp: 1_700_000_000_000 + i,
      key: Buffer.from(`k${from + i}`),
      value: Buffer.from(`v${from + i}`),
      headers: [],
    }))
    return appendBatch(east, 'orders', 0, buildBatch(records))
  }

  async function mirrored(): Promise<void> {
    await expectCopied({ client: east, topic: 'orders' }, { client: west, topic: 'east.orders' })
  }

  it('mirrors, drains on SIGTERM, and goes on where it was', async () => {
    await write(0, 500)
    const first = await start()
    await mirrored()
    expect((await fetch(`${first.url}/readyz`)).status).toBe(200)
    await write(500, 500)
    expect(await first.process.kill('SIGTERM')).toEqual({ code: 0, signal: null })
    await start()
    await mirrored()
  })

  it('reloads on SIGHUP, and goes on as it was when the file is wrong', async () => {
    await Promise.all([east.refresh(), west.refresh()])
    const text = configOf(addressOf(east), addressOf(west))
    const path = file('hup.yaml', text)
    const { process: daemon } = await start(path)
    file('hup.yaml', text.replace('refresh: 200ms', 'refresh: 200'))
    process.kill(daemon.pid, 'SIGHUP')
    await daemon.until(({ stderr }) => /reload-refused.*hup\.yaml:5:44 error wrong-value/.test(stderr), 'its refusal')
    file('hup.yaml', text.replace('refresh: 200ms', 'refresh: 200ms, topics: { exclude: [x] }'))
    process.kill(daemon.pid, 'SIGHUP')
    await daemon.until(
      ({ stderr }) => /"setting":"topics.exclude","before":\[\],"after":\["x"\].*reloaded/.test(stderr),
      'its reload',
    )
    // Nor does it take up what a MirrorMaker 2 copies already.
    await makeTopic(west, 'mm2-offsets.mm2hup.internal', 1)
    await appendBatch(
      west,
      'mm2-offsets.mm2hup.internal',
      0,
      buildBatch([{ timestamp: Date.now(), key: 'k', value: 'v' }]),
    )
    file('hup.yaml', text.replaceAll('east', 'mm2hup'))
    process.kill(daemon.pid, 'SIGHUP')
    await daemon.until(
      ({ stderr }) => /reload-refused.*MirrorMaker 2 seems to copy the same/.test(stderr),
      'its refusal',
    )
    await mirrored()
  })

  it('refuses to copy what a MirrorMaker 2 copies already, unless told to', async () => {
    const alias = 'mm2east'
    const topic = `mm2-offsets.${alias}.internal`
    await makeTopic(west, topic, 1)
    await appendBatch(west, topic, 0, buildBatch([{ timestamp: Date.now(), key: 'k', value: 'v' }]))
    const text = configOf(addressOf(east), addressOf(west))
    const path = file(
      'doubled.yaml',
      text.replaceAll('east', alias).replace('mirrors: [{', 'mirrors: [{ topics: { include: [none] },'),
    )
    const refused = await heliostat('run', path)
    expect(refused).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/mm2east->west: topic mm2-offsets.* --beside-mirrormaker/),
    })
    await start(path, '--beside-mirrormaker')
  })

  it('mirrors to the clusters that it is near, when told which', async () => {
    const text = configOf(addressOf(east), addressOf(west))
    const back = text.replace('mirrors: [', 'mirrors: [{ from: west, to: east, topics: { include: [none] } }, ')
    const { process: daemon } = await start(file('both-ways.yaml', back), '--clusters', 'west')
    expect(daemon.stderr).toContain('"flows":["east->west"]')
    await mirrored()
  })

  it('loses and doubles nothing when it is killed and started again', async () => {
    const first = await start()
    await write(1_000, 500)
    await first.process.kill('SIGKILL')
    await write(1_500, 500)
    await start()
    await mirrored()
  })

  it('shows its status, and translates offsets also when it is gone', async () => {
    const daemon = await start()
    await mirrored()
    await until(
      async () => (await fetch(`${daemon.url}/readyz`)).status === 200,
      () => 'the daemon is not ready',
    )
    const status = await heliostat('status', '--url', daemon.url, '-o', 'json')
    expect(status.code).toBe(0)
    expect(JSON.parse(status.stdout)).toMatchObject([{ flow: 'east->west', stoppedPartitions: 0, topics: 1 }])
    const position = { topic: 'orders', partition: 0, offset: 7, metadata: '' }
    await commitPositions(await east.coordinator('group', 'billing'), 'billing', [position])
    const place = {
      group: 'billing',
      topic: 'orders',
      partition: 0,
      committed: 7,
      translated: 7,
      onTarget: 7,
      reread: 0,
    }
    let groups: unknown
    await until(
      async () => {
        groups = await (await fetch(`${daemon.url}/api/v1/flows/east->west/groups`)).json()
        return JSON.stringify(groups).includes('"state":"synced"')
      },
      () => JSON.stringify(groups),
    )
    const table = await heliostat('groups', '--url', daemon.url, '-o', 'json')
    expect([table.code, JSON.parse(table.stdout)]).toMatchObject([0, [place]])
    await daemon.process.kill('SIGTERM')
    const alone = await heliostat('groups', config, '-o', 'json')
    expect([alone.code, JSON.parse(alone.stdout)]).toMatchObject([0, [place]])
    expect(await heliostat('gaps', config, '-o', 'json')).toMatchObject({ code: 0, stdout: '[]\n' })
    const translate = (...args: string[]) =>
      heliostat('translate', config, '--topic', 'orders', '--partition', '0', '--offset', '7', '-o', 'json', ...args)
    expect(JSON.parse((await translate()).stdout)).toEqual([
      { topic: 'orders', partition: 0, offset: 7, translatedTopic: 'east.orders', translated: 7 },
    ])
    const clusters = await heliostat('status', config)
    expect(clusters.code).toBe(0)
    expect(clusters.stdout).toMatch(/east->west +orders +0 +\d+ +\d+ +0 +east\.orders/)
    const beyond = await heliostat('translate', config, '--topic', 'orders', '--partition', '0', '--offset', '99999')
    expect(beyond.code).toBe(3)
    expect(beyond.stdout).toContain('not mirrored yet')
  })

  it('names what is near to a slip of the pen, and which side a topic is of', async () => {
    const daemon = await start()
    await mirrored()
    const position = { topic: 'orders', partition: 0, offset: 7, metadata: '' }
    await commitPositions(await east.coordinator('group', 'billing'), 'billing', [position])
    const at = ['--partition', '0', '--offset', '7']
    const [astray, nobody, misspelt, copy] = await Promise.all([
      heliostat('groups', '--url', daemon.url, '--flow', 'east->wets'),
      heliostat('translate', config, '--group', 'biling'),
      heliostat('translate', config, '--topic', 'ordres', ...at),
      heliostat('translate', config, '--topic', 'east.orders', ...at),
    ])
    expect(astray).toMatchObject({ code: 2, stderr: expect.stringContaining('did you mean east->west?') })
    expect(nobody).toMatchObject({ code: 1, stderr: expect.stringContaining('did you mean billing?') })
    expect(misspelt).toMatchObject({ code: 3, stdout: expect.stringContaining('did you mean orders?') })
    expect(copy).toMatchObject({ code: 3, stdout: expect.stringContaining('add --reverse') })
  })

  it('lives without its target, says so, and ends when told', async () => {
    const { host, port } = east.nodes().get(1)!
    const daemon = await start(file('dark.yaml', configOf(`${host}:${port}`, deaf)))
    expect(daemon.process.stderr).toContain('does not say whether a MirrorMaker 2 copies the same')
    expect((await fetch(`${daemon.url}/healthz`)).status).toBe(200)
    const ready = await fetch(`${daemon.url}/readyz?verbose`)
    expect(ready.status).toBe(503)
    await until(
      async () => {
        const text = await (await fetch(`${daemon.url}/readyz?verbose`)).text()
        return text.includes('flow east->west is target-unavailable')
      },
      () => 'it is not said why',
    )
    expect(await daemon.process.kill('SIGINT')).toEqual({ code: 0, signal: null })
  })
})
