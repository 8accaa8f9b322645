import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { apis } from '../src/protocol/messages/index.ts'
import { codeOf, importsOf, isUnder, readSourceTree, roomOf, type SourceTree } from './support/source-tree.ts'

// The rules of the house that a machine can see. Each carries its reason, so that who breaks one learns why it is there and
// can argue with the reason instead of with a test.

const root = fileURLToPath(new URL('..', import.meta.url))
const source = readSourceTree(join(root, 'src'))

interface Room {
  /** Rooms, or single files of rooms. */
  readonly mayImport: readonly string[]
  readonly because: string
}

const wire = ['protocol', 'records']
const clientAndBelow = [...wire, 'platform', 'client']

const rooms: Readonly<Record<string, Room>> = {
  protocol: { mayImport: [], because: 'the wire is pure: bytes in, values out, the same on every machine' },
  records: { mayImport: ['protocol'], because: 'batches are bytes; whoever moves them is not their business' },
  platform: { mayImport: [], because: 'what a machine offers must not know what is done with it' },
  client: { mayImport: [...wire, 'platform'], because: 'a cluster seen from outside serves every room above alike' },
  source: { mayImport: clientAndBelow, because: 'reading knows nothing of writing: mirror/ alone joins the two' },
  sink: { mayImport: clientAndBelow, because: 'writing knows nothing of reading: mirror/ alone joins the two' },
  'offset-translation': {
    mayImport: clientAndBelow,
    because: 'a translation must hold for any reader and writer, so it knows neither',
  },
  mirror: {
    mayImport: [...clientAndBelow, 'source', 'sink', 'offset-translation'],
    because: 'the mirror must work against any Kafka; knowing our broker would let it lean on it',
  },
  jobs: { mayImport: ['platform'], because: 'what a job does is handed in, so that any queue can run it' },
  config: {
    mayImport: ['platform', 'mirror/naming', 'mirror/replication-policy.ts'],
    because: 'a file is read and judged before anything runs, by the pure rules that will run',
  },
  broker: {
    mayImport: [...wire, 'platform', 'client/connection.ts', 'config/near-name.ts'],
    because: 'brokers meet mirrors and one another only on the wire, so that each can be a process of its own',
  },
  topology: {
    mayImport: ['broker', 'platform', 'config/near-name.ts', 'config/link-name.ts'],
    because: 'clusters and links are a world for a mirror, not a part of one',
  },
  simulation: { mayImport: ['platform'], because: 'a simulated machine that knew its programs would not be a machine' },
}

/** They put the rooms together, so they may import anything, and nothing but they themselves may import them. */
const edges = [
  'cli',
  'server',
  'daemon.ts',
  'daemon-client.ts',
  'daemon-credentials.ts',
  'daemon-flow.ts',
  'daemon-explain.ts',
  'daemon-job.ts',
  'daemon-plan.ts',
  'daemon-reload.ts',
  'daemon-sync.ts',
  'embedded.ts',
  'index.ts',
  'worker.ts',
]

function importViolations(tree: SourceTree): string[] {
  return [...tree].flatMap(([path, text]) => {
    const own = roomOf(path)
    if (edges.includes(own)) return []
    const room = rooms[own]
    if (!room) return [`src/${path}: a new room needs a row in the table of test/tidy.test.ts`]
    const files = importsOf(path, text).filter(({ kind }) => kind === 'file')
    const foreign = files.filter(({ target }) => roomOf(target) !== own)
    const wrong = foreign.filter(({ target }) => !room.mayImport.some((place) => isUnder(target, place)))
    return wrong.map(({ target }) => `src/${path} imports ${target}: ${room.because}`)
  })
}

/** Built-in modules that touch nothing of the machine: given the same arguments they answer the same. */
const pureBuiltins = ['node:assert', 'node:buffer', 'node:path', 'node:url', 'node:util', 'node:zlib']

/** The others, by place. */
const builtins: readonly { places: readonly string[]; modules: readonly string[]; because: string }[] = [
  { places: ['platform/node-'], modules: ['*'], because: 'these files are the machine' },
  {
    places: ['client', 'broker', 'server', 'protocol/scram.ts', 'daemon.ts'],
    modules: ['node:crypto'],
    because: 'hashes and signatures are pure; its random bytes are banned below',
  },
  {
    places: ['records/crc32c.ts'],
    modules: ['node:module'],
    because:
      'an optional package is loaded at first need by code that cannot wait; it gives the sums that JavaScript gives',
  },
  {
    places: ['cli'],
    modules: ['node:fs', 'node:process', 'node:readline', 'node:os'],
    because: 'a command reads the files that its arguments name, and speaks to a terminal, before there is a platform',
  },
  {
    places: ['server/listen.ts'],
    modules: ['node:https'],
    because: 'the server is the edge where HTTP is spoken, and a certificate is given to Node',
  },
  {
    places: ['server'],
    modules: ['node:fs'],
    because: 'the page is files of this package, read once, not state of a mirror',
  },
]

function builtinViolations(tree: SourceTree): string[] {
  return [...tree].flatMap(([path, text]) => {
    const allowed = builtins.filter(({ places }) => places.some((place) => isUnder(path, place)))
    const modules = [...pureBuiltins, ...allowed.flatMap(({ modules }) => modules)]
    return importsOf(path, text)
      .filter(({ kind, target }) => kind === 'builtin' && !modules.includes('*') && !modules.includes(target))
      .map(
        ({ target }) =>
          `src/${path} imports ${target}: what a machine offers comes through Platform, or it cannot be simulated`,
      )
  })
}

const bans: readonly { pattern: RegExp; except: readonly string[]; because: string }[] = [
  {
    pattern: /\bDate\.now\b|\bnew Date\(\s*\)|\bDate\(\s*\)|\bperformance\.now\b|\bprocess\.hrtime\b/g,
    except: ['platform/node-'],
    because: 'time is asked of Clock, or a simulation cannot set it',
  },
  {
    pattern: /\b(?:setTimeout|setInterval|setImmediate|process\.nextTick)\b/g,
    except: ['platform/node-'],
    because: 'timers are set with Clock, or virtual time runs past them; queueMicrotask is fine',
  },
  {
    pattern: /\bMath\.random\b|\brandom(?:Bytes|UUID|Int|FillSync)\b|\bgetRandomValues\b/g,
    except: ['platform/node-'],
    because: 'chance comes from Random, or a seed does not replay a run',
  },
  {
    pattern: /\bprocess\.(?!versions\b)\w+/g,
    except: ['platform/node-', 'cli'],
    because: 'the process belongs to the command; a library that reads or ends it cannot be embedded in a test',
  },
  {
    pattern: /\bconsole\.\w+/g,
    except: [],
    because: 'stdout is for answers and goes through cli/output.ts; everything else is logged through Logger',
  },
]

function banViolations(tree: SourceTree): string[] {
  return [...tree].flatMap(([path, text]) => {
    const lines = codeOf(text, 'drop').split('\n')
    return bans
      .filter(({ except }) => !except.some((place) => isUnder(path, place)))
      .flatMap(({ pattern, because }) =>
        lines.flatMap((line, index) =>
          [...line.matchAll(pattern)].map(([found]) => `src/${path}:${index + 1} uses ${found}: ${because}`),
        ),
      )
  })
}

/** A package is known at one place, so that it can be replaced, and so that the list of what we lean on stays short. */
const packages: Readonly<Record<string, readonly string[]>> = {
  '@node-rs/crc32': ['records/crc32c.ts'],
  bullmq: ['jobs'],
  commander: ['cli'],
  '@hono/node-server': ['server'],
  hono: ['server'],
  ioredis: ['jobs'],
  kafkajs: ['client', 'cli'],
  pino: ['platform/node-'],
  'prom-client': ['server'],
  yaml: ['config', 'cli'],
  zod: ['config', 'server'],
}

function packageViolations(tree: SourceTree): string[] {
  return [...tree].flatMap(([path, text]) =>
    importsOf(path, text)
      .filter(({ kind }) => kind === 'package')
      .map(({ target }) => target.match(/^(?:@[^/]+\/)?[^/]+/)![0])
      .filter((name) => !packages[name]?.some((place) => isUnder(path, place)))
      .map((name) => `src/${path} imports ${name}: a package enters at the places named in test/tidy.test.ts`),
  )
}

function nameViolations(tree: SourceTree): string[] {
  const parts = [...tree.keys()].flatMap((path) =>
    path.split('/').map((part) => ({ path, part: part.replace(/\.ts$/, '') })),
  )
  const vague = /^(?:.*-)?(?:utils?|common|lib|types|helpers?|misc|shared|manager|data|info)$/
  return parts.flatMap(({ path, part }) => {
    if (!/^[a-z0-9]+(?:-[a-z0-9]+)*$/.test(part)) return [`src/${path}: files are kebab-case, after what they export`]
    return vague.test(part) ? [`src/${path}: shared code has a noun of its own, or stays where it is used`] : []
  })
}

/** What no path of imports from an entry leads to. */
function unreachable(tree: SourceTree, entries: readonly string[]): string[] {
  const reached = new Set<string>()
  const pending = entries.filter((entry) => tree.has(entry))
  for (let path = pending.pop(); path !== undefined; path = pending.pop()) {
    if (reached.has(path)) continue
    reached.add(path)
    for (const { kind, target } of importsOf(path, tree.get(path)!)) {
      if (kind === 'file' && tree.has(target)) pending.push(target)
    }
  }
  return [...tree.keys()].filter((path) => !reached.has(path))
}

describe('src/', () => {
  test('imports only downwards', () => {
    expect(importViolations(source)).toEqual([])
  })

  test('touches the machine through Platform alone', () => {
    expect([...builtinViolations(source), ...banViolations(source)]).toEqual([])
  })

  test('knows each package at one place', () => {
    expect(packageViolations(source)).toEqual([])
  })

  test('names files after nouns, in kebab-case', () => {
    expect(nameViolations(source)).toEqual([])
  })

  test('has no file that nothing leads to', () => {
    // The list of messages is a product of its own: the wire is whole, also where nothing speaks a message yet.
    // The simulated machine is started by its runs, in test/simulation.
    const entries = ['cli/main.ts', 'index.ts', 'protocol/messages/index.ts', 'simulation/simulation.ts']
    expect(unreachable(source, entries)).toEqual([])
  })

  test('has each of its rooms named in docs/architecture.md', () => {
    const page = readFileSync(join(root, 'docs', 'architecture.md'), 'utf8')
    const names = new Set([...source.keys()].map((path) => (path.includes('/') ? `${roomOf(path)}/` : path)))
    expect([...names].filter((name) => !page.includes(`\`${name}\``))).toEqual([])
  })

  test('opens each Kafka API with its key and versions', () => {
    for (const { name, key, versions } of apis) {
      const file = `protocol/messages/${name.replace(/(?<!^)(?=[A-Z])/g, '-').toLowerCase()}.ts`
      const range = versions[0] === versions[1] ? `version ${versions[0]}` : `versions ${versions.join('–')}`
      expect(source.get(file)?.slice(0, 200)).toContain(`// ${name}, key ${key}, ${range}.`)
    }
  })
})

// A rule that cannot fail guards nothing.
describe('the rules bite', () => {
  const tree = (files: Record<string, string>): SourceTree => new Map(Object.entries(files))

  test('on imports', () => {
    const found = importViolations(
      tree({
        'records/a.ts': "import { b } from '../protocol/b.ts'\nimport type { c } from '../client/c.ts'",
        'mirror/d.ts': "export { e } from '../broker/e.ts'\nawait import('../server/f.ts')",
        'broker/g.ts': "import { h } from '../client/connection.ts'\nimport { i } from '../client/metadata.ts'",
        'attic/j.ts': '',
        'cli/k.ts': "import { l } from '../broker/l.ts'",
        'jobs/m.ts': "// import { n } from '../broker/n.ts'",
      }),
    )
    expect(found.map((violation) => violation.replace(/:.*/, ''))).toEqual([
      'src/records/a.ts imports client/c.ts',
      'src/mirror/d.ts imports broker/e.ts',
      'src/mirror/d.ts imports server/f.ts',
      'src/broker/g.ts imports client/metadata.ts',
      'src/attic/j.ts',
    ])
  })

  test('on what touches the machine', () => {
    const files = tree({
      'platform/node-clock.ts': "import 'node:fs'\nDate.now()",
      'platform/clock.ts': "import 'node:net'\nconst at = new Date()",
      'sink/a.ts':
        "// Date.now()\nconst text = 'Math.random'\nconst at = new Date(5)\nsetTimeout(f, 1)\nprocess.exit()",
      'cli/b.ts': "import { readFileSync } from 'node:fs'\nimport net from 'node:net'\nprocess.exit(1)\nconsole.log(1)",
    })
    expect(builtinViolations(files).map((violation) => violation.replace(/:? what.*/, ''))).toEqual([
      'src/platform/clock.ts imports node:net',
      'src/cli/b.ts imports node:net',
    ])
    expect(banViolations(files).map((violation) => violation.replace(/: .*/, ''))).toEqual([
      'src/platform/clock.ts:2 uses new Date()',
      'src/sink/a.ts:4 uses setTimeout',
      'src/sink/a.ts:5 uses process.exit',
      'src/cli/b.ts:4 uses console.log',
    ])
  })

  test('on packages, names and dead files', () => {
    const files = tree({
      'cli/main.ts': "await import('./run.ts')\nnew Worker(new URL('../mirror/worker.ts', import.meta.url))",
      'cli/run.ts': "import { hono } from 'hono/jsx'",
      'mirror/worker.ts': "import { x } from '@scope/name/deep'",
      'mirror/topic-utils.ts': '',
      'mirror/Big.ts': '',
    })
    expect(packageViolations(files).map((violation) => violation.replace(/:.*/, ''))).toEqual([
      'src/cli/run.ts imports hono',
      'src/mirror/worker.ts imports @scope/name',
    ])
    expect(nameViolations(files).map((violation) => violation.replace(/:.*/, ''))).toEqual([
      'src/mirror/topic-utils.ts',
      'src/mirror/Big.ts',
    ])
    expect(unreachable(files, ['cli/main.ts'])).toEqual(['mirror/topic-utils.ts', 'mirror/Big.ts'])
  })
})
