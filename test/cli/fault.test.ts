// `heliostat fault` against a running `heliostat broker`, as processes.
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { ExternalProcess, runExternal } from '../support/external-process.ts'
import { clientOf, makeTopic } from '../support/log-content.ts'

const main = join(import.meta.dirname, '..', '..', 'src', 'cli', 'main.ts')
let broker: ExternalProcess
let control: string
let bootstrap: string

const heliostat = (...args: string[]) => runExternal(process.execPath, [main, ...args])
const fault = (...args: string[]) => heliostat('fault', ...args, '--url', control)

beforeAll(async () => {
  broker = new ExternalProcess(process.execPath, [
    main,
    'broker',
    '--port',
    '0',
    '--control',
    '0',
    '--log-level',
    'warn',
  ])
  await broker.until(({ stdout }) => stdout.includes('\n'), 'a ready line')
  const ready = JSON.parse(broker.stdout)
  control = ready.control
  bootstrap = ready.clusters.local.bootstrap
})

afterAll(async () => {
  expect(await broker.kill('SIGTERM')).toEqual({ code: 0, signal: null })
})

it('a fault is added, bites, is listed with its hits and removed', async () => {
  const added = await fault(
    'add',
    '--api',
    'CreateTopics',
    '--topic',
    'or.*',
    '--error',
    'POLICY_VIOLATION',
    '--times',
    '1',
    '-o',
    'json',
  )
  expect(added).toMatchObject({ code: 0, stderr: '' })
  const spec = { api: ['CreateTopics'], topic: 'or.*', error: 'POLICY_VIOLATION', times: 1 }
  expect(JSON.parse(added.stdout)).toEqual([{ id: 'local-1', cluster: 'local', ...spec, hits: 0, isSpent: false }])
  const client = clientOf(bootstrap)
  await expect(makeTopic(client, 'orders', 1)).rejects.toThrow()
  await makeTopic(client, 'orders', 1)
  client.close()
  const { stdout } = await fault('list')
  expect(stdout.split('\n')[0]).toBe('FAULT    CLUSTER  MEETS                    DOES              HOW OFTEN  HITS')
  expect(stdout.split('\n')[1]).toBe('local-1  local    CreateTopics topic or.*  POLICY_VIOLATION  1×, done      1')
  expect(await fault('remove', 'local-1', '-o', 'ndjson')).toMatchObject({ code: 0 })
  expect(await fault('list', '-o', 'json')).toMatchObject({ code: 0, stdout: '[]\n' })
})

it('wrong usage ends with 2 and says what was perhaps meant', async () => {
  expect(await fault('add', '--api', 'Prodcue', '--delay', '1s')).toMatchObject({
    code: 2,
    stdout: '',
    stderr: expect.stringContaining('did you mean Produce?'),
  })
  expect(await fault('add', '--error', 'NOT_LEADER')).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('did you mean NOT_LEADER_OR_FOLLOWER?'),
  })
  expect(await fault('add', '--delay', '10')).toMatchObject({ code: 2, stderr: expect.stringContaining('with a unit') })
  expect(await fault('remove')).toMatchObject({ code: 2, stderr: expect.stringContaining('--all') })
  expect(await fault('remove', 'local-99')).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('no fault local-99'),
  })
  expect(await fault('list')).toMatchObject({ code: 0 })
})

it('says where it looked when no broker answers', async () => {
  expect(await heliostat('fault', 'list', '--url', 'http://127.0.0.1:1')).toMatchObject({
    code: 4,
    stderr: expect.stringContaining('no broker answers at http://127.0.0.1:1'),
  })
})
