import type { JobStatus } from '../jobs/jobs.ts'
import { askDaemon, type DaemonAddress } from './daemon-client.ts'
import { exitCode } from './exit-code.ts'
import { type Column, type Format, render } from './output.ts'

const time = (ms: number | undefined) => (ms === undefined ? undefined : new Date(ms).toISOString())

const columns: readonly Column<JobStatus>[] = [
  { title: 'JOB', value: (job) => job.name },
  { title: 'STATE', value: (job) => job.state },
  { title: 'EVERY', value: (job) => `${job.everyMs / 1_000} s`, right: true },
  { title: 'LAST RUN', value: (job) => time(job.lastStart) },
  { title: 'TOOK', value: (job) => job.lastDurationMs?.toFixed(0).concat(' ms'), right: true },
  { title: 'NEXT RUN', value: (job) => time(job.nextStart) },
  { title: 'RUNS', value: (job) => job.runs, right: true },
  { title: 'FAILED', value: (job) => job.failures, right: true },
  { title: 'RETRIES', value: (job) => job.failuresInARow, right: true },
  { title: 'OUTCOME', value: (job) => job.lastOutcome },
  { title: 'SAID', value: (job) => job.lastMessage },
]

/** The background jobs as the daemon knows them. Exits 3 when the last run of one failed. */
export async function jobs(options: DaemonAddress & { readonly output: Format }): Promise<number> {
  const rows = (await askDaemon(options, '/api/v1/jobs', '')) as JobStatus[]
  process.stdout.write(render(rows, columns, options.output))
  return rows.every(({ failuresInARow }) => failuresInARow === 0) ? exitCode.ok : exitCode.notReady
}
