import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { cacheFolder } from '../../support/cache-folder.ts'
import { runExternal } from '../../support/external-process.ts'
import type { ClientProgram, Command } from './client-program.ts'
import { hashOf } from './java.ts'

const buildMs = 300_000
const directory = join(import.meta.dirname, '..', 'go')

export const franzGo: ClientProgram = {
  name: 'franz-go',
  cases: [
    'whole-records',
    'acks',
    'codec-none',
    'codec-gzip',
    'codec-snappy',
    'codec-lz4',
    'codec-zstd',
    'large-records',
    'idempotent',
    'positions',
    'unknown-topic',
    'resume',
    'eager-rebalance',
    'cooperative-rebalance',
    'static-member',
    'pattern',
    'new-protocol-rebalance',
    'transactions',
    'zombie',
    'transform',
    'transaction-admin',
    'topics',
    'configs',
    'groups',
    'delete-records',
    'list-offsets',
    'cluster',
    'acls',
    'scram-users',
    'quotas',
    'tls',
    'sasl-plain',
    'sasl-scram-256',
    'sasl-scram-512',
  ],
  prepare: () => built('franz'),
}

/** Without SCRAM, for which its users bring a library of their own. */
export const sarama: ClientProgram = {
  name: 'sarama',
  cases: [
    'whole-records',
    'acks',
    'codec-none',
    'codec-gzip',
    'codec-snappy',
    'codec-lz4',
    'codec-zstd',
    'large-records',
    'idempotent',
    'positions',
    'resume',
    'eager-rebalance',
    'eager-round-robin',
    'cooperative-rebalance',
    'transactions',
    'zombie',
    'transform',
    'topics',
    'configs',
    'groups',
    'delete-records',
    'list-offsets',
    'cluster',
    'acls',
    'scram-users',
    'tls',
    'sasl-plain',
  ],
  prepare: () => built('sarama'),
}

/** A command of the module in test/compatibility/go, built once for each state of its sources. */
export async function built(name: string): Promise<Command | { readonly reason: string }> {
  const go = spawnSync('go', ['version'], { encoding: 'utf8' })
  if (go.error) return { reason: 'no go on PATH' }
  const sources = ['', 'cases', name].flatMap((room) =>
    readdirSync(join(directory, room), { withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(directory, room, entry.name)),
  )
  const hash = hashOf([go.stdout, ...sources.map((source) => readFileSync(source, 'utf8'))])
  const found = await cacheFolder(`go-${name}-${hash}`, async (folder) => {
    process.stderr.write(`heliostat: building the ${name} client …\n`)
    const args = ['build', '-o', join(folder, name), `./${name}`]
    const { code, stderr } = await runExternal('go', args, { cwd: directory, timeoutMs: buildMs })
    return code === 0 ? undefined : `go build ended with ${code}: ${stderr.slice(0, 2000)}`
  })
  if (found.reason !== undefined) return found
  return { command: join(found.folder, name), args: [] }
}
