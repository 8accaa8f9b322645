import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { cacheFolder } from '../../support/cache-folder.ts'
import { runExternal } from '../../support/external-process.ts'
import type { ClientProgram, Command } from './client-program.ts'

/** Its wheel holds librdkafka, from 2.12 on with the group protocol of KIP-848. */
const version = '2.16.1'
const installMs = 120_000

/** librdkafka by its Python face, which has its groups, transactions and administration. */
export const confluentKafka: ClientProgram = {
  name: 'confluent-kafka for Python',
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
    'eager-round-robin',
    'cooperative-rebalance',
    'static-member',
    'pattern',
    'new-protocol-resume',
    'new-protocol-rebalance',
    'new-protocol-range',
    'transactions',
    'open-transaction',
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
    'sasl-scram-256',
    'sasl-scram-512',
  ],
  prepare: () => withConfluentKafka('client_cases.py'),
}

/** How a program of test/compatibility/python is started. */
export async function withConfluentKafka(file: string): Promise<Command | { readonly reason: string }> {
  const python = spawnSync('python3', ['-c', 'import sys; print(sys.version_info[:2])'], { encoding: 'utf8' })
  if (python.error || python.status !== 0) return { reason: 'no python3 on PATH' }
  const abi = python.stdout.replaceAll(/\D+/g, '-')
  const found = await cacheFolder(`confluent-kafka-${version}-python${abi}`, async (folder) => {
    process.stderr.write(`heliostat: fetching confluent-kafka ${version} …\n`)
    const wanted = ['--only-binary', ':all:', '--target', folder, `confluent-kafka==${version}`]
    const { code, stderr } = await runExternal('python3', ['-m', 'pip', 'install', '--quiet', ...wanted], {
      timeoutMs: installMs,
    })
    return code === 0 ? undefined : `pip ended with ${code}: ${stderr.slice(-1000)}`
  })
  if (found.reason !== undefined) return found
  const program = join(import.meta.dirname, '..', 'python', file)
  return {
    command: 'python3',
    args: [program],
    env: { PYTHONPATH: found.folder, PYTHONDONTWRITEBYTECODE: '1', PYTHONUNBUFFERED: '1' },
  }
}
