// One run of a job, and what is remembered of all its runs: the same on every queue.
import { HeliostatError } from '../platform/errors.ts'
import type { Platform, Random } from '../platform/platform.ts'
import type { Job, JobOutcome, JobStatus } from './jobs.ts'

export interface RetryOptions {
  readonly firstDelayMs: number
  readonly delayMaxMs: number
}

export const RETRY: RetryOptions = { firstDelayMs: 500, delayMaxMs: 60_000 }

/** The runs so far. */
export type JobRecord = Omit<JobStatus, 'name' | 'everyMs' | 'scope' | 'state' | 'nextStart'>

export const NO_RUNS: JobRecord = { runs: 0, failures: 0, failuresInARow: 0 }

interface Finished {
  readonly lastStart: number
  readonly lastDurationMs: number
  readonly lastOutcome: JobOutcome
  readonly lastMessage: string
}

/** Runs the job once; never rejects. After its time the run is aborted, and waited for all the same. */
export async function runJob({ clock }: Platform, job: Job, abort: AbortController): Promise<Finished> {
  const late = `took longer than ${job.timeoutMs} ms`
  const [lastStart, startedAt] = [clock.now(), clock.monotonic()]
  let timedOut = false
  const timer = clock.setTimer(job.timeoutMs, () => {
    timedOut = true
    abort.abort(new HeliostatError('HEL_TIMEOUT', late, { retriable: true }))
  })
  let lastOutcome: JobOutcome = 'done'
  let lastMessage: string
  try {
    lastMessage = await job.run(abort.signal)
  } catch (error) {
    lastOutcome = 'failed'
    lastMessage = error instanceof Error ? error.message : String(error)
  }
  timer.cancel()
  if (timedOut) {
    lastOutcome = 'timed out'
    lastMessage = late
  }
  return { lastStart, lastDurationMs: clock.monotonic() - startedAt, lastOutcome, lastMessage }
}

export function recorded(before: JobRecord, run: Finished): JobRecord {
  const failed = run.lastOutcome !== 'done'
  return {
    ...before,
    ...run,
    ...(failed ? { lastError: run.lastMessage, lastErrorStart: run.lastStart } : {}),
    runs: before.runs + 1,
    failures: before.failures + (failed ? 1 : 0),
    failuresInARow: failed ? before.failuresInARow + 1 : 0,
  }
}

/** From the end of a run to the next: in step after a success, else growing, with jitter on the upper half, so that jobs which
 *  failed together do not come back together. */
export function delayAfter(job: Job, record: JobRecord, retry: RetryOptions, random: Random): number {
  if (record.failuresInARow === 0) return Math.max(0, job.everyMs - (record.lastDurationMs ?? 0))
  const mostMs = Math.min(retry.delayMaxMs, job.retryMaxMs ?? Number.POSITIVE_INFINITY)
  const grown = Math.min(mostMs, retry.firstDelayMs * 2 ** (record.failuresInARow - 1))
  return grown * (0.5 + random.fraction() / 2)
}

export function warnOfFailure({ log }: Platform, job: Job, { failuresInARow, lastMessage }: JobRecord): void {
  if (failuresInARow === 0) return
  log.warn('job.failed', `job ${job.name} failed: ${lastMessage}`, { job: job.name, failuresInARow })
}
