import type { Config, MirrorJob } from '../config/config.ts'
import { rightsOf } from '../daemon-job.ts'
import type { Right } from '../mirror/least-rights.ts'
import { exitCode } from './exit-code.ts'
import { readConfig } from './flow-session.ts'
import { type Format, render } from './output.ts'

export interface AclsOptions {
  readonly output: Format
  /** Instead of the user that logs in. */
  readonly principal?: string
}

interface Row extends Omit<Right, 'side'> {
  readonly cluster: string
  readonly bootstrap: string
  readonly principal: string
}

/** The least rights that the mirrors of a file need, as lines of kafka-acls. */
export function acls(file: string, { output, principal }: AclsOptions): number {
  const config = readConfig(file)
  const rows = merged(config.mirrors.flatMap((job) => rowsOf(config, job, principal)))
  const text = output === 'table' ? lines(rows) : render(rows, [], output)
  process.stdout.write(text)
  const unnamed = [...new Set(rows.filter((row) => row.principal === NOBODY).map(({ cluster }) => cluster))]
  if (unnamed.length > 0)
    process.stderr.write(`${unnamed.join(', ')}: no user is named in the file; --principal does\n`)
  return exitCode.ok
}

const NOBODY = 'User:heliostat'

function rowsOf(config: Config, job: MirrorJob, principal: string | undefined): Row[] {
  const rights = rightsOf(job, config)
  return rights.map(({ side, ...right }) => {
    const cluster = side === 'source' ? job.from : job.to
    const { bootstrap, sasl } = config.clusters[cluster]!
    const { host, port } = bootstrap[0]!
    // Who a certificate or a token stands for is the broker's to say.
    const user = sasl && 'username' in sasl ? `User:${sasl.username}` : NOBODY
    return { cluster, bootstrap: `${host}:${port}`, principal: principal ?? user, ...right }
  })
}

/** One row for each name at each cluster: mirrors may need the same. */
function merged(rows: readonly Row[]): Row[] {
  const found = new Map<string, Row>()
  for (const row of rows) {
    const key = JSON.stringify([row.cluster, row.principal, row.resource, row.name, row.prefixed])
    const before = found.get(key)
    const operations = [...new Set([...(before?.operations ?? []), ...row.operations])]
    found.set(key, { ...(before ?? row), operations })
  }
  return [...found.values()]
}

function lines(rows: readonly Row[]): string {
  return Object.entries(Object.groupBy(rows, ({ cluster }) => cluster))
    .map(([cluster, own]) => [`# ${cluster}`, ...own!.flatMap(line), ''].join('\n'))
    .join('\n')
}

function line({ bootstrap, principal, resource, name, prefixed, operations, because }: Row): string[] {
  const what = resource === 'cluster' ? ['--cluster'] : [`--${resource}`, quoted(name)]
  const pattern = prefixed ? ['--resource-pattern-type', 'prefixed'] : []
  const allowed = operations.flatMap((operation) => ['--operation', operation])
  const parts = [
    'kafka-acls',
    '--bootstrap-server',
    bootstrap,
    '--add',
    '--allow-principal',
    quoted(principal),
    ...allowed,
    ...what,
    ...pattern,
  ]
  return [`# ${because}`, parts.join(' ')]
}

const quoted = (text: string) => (/^[\w.:=,/-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`)
