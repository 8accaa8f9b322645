// The control plane's background work: what runs, and how often. What a job does is handed in as a function, so this list
// runs unchanged on any queue that keeps the promises of `JobQueue`.

export interface Job {
  /** Unique on a queue, stable: flow and kind, as in `east->west/group-offsets`. */
  readonly name: string
  /** From start to start. A run that takes longer delays the next one: a job never overlaps itself. */
  readonly everyMs: number
  /** After this long the run's signal is aborted and the run counts as failed. */
  readonly timeoutMs: number
  /** One run; resolves to a few words on what was done. Must end soon after the signal is aborted. */
  run(signal: AbortSignal): Promise<string>
}

export type JobOutcome = 'done' | 'failed' | 'timed out'

export interface JobStatus {
  readonly name: string
  readonly everyMs: number
  readonly state: 'waiting' | 'running' | 'overdue'
  /** Wall clock, milliseconds. */
  readonly lastStart?: number
  readonly lastDurationMs?: number
  readonly lastOutcome?: JobOutcome
  /** What the last run said it did, or why it failed. */
  readonly lastMessage?: string
  /** Absent while running. */
  readonly nextStart?: number
  readonly runs: number
  readonly failures: number
  readonly failuresInARow: number
}

/**
 * 1. No two runs of one job overlap, also when one has timed out and not ended yet.
 * 2. A failed run is repeated with growing, jittered delays, and back in step after a success.
 * 3. After `close` resolves nothing runs and nothing will.
 */
export interface JobQueue {
  add(job: Job): void
  /** Ends the job: aborts a run that is under way and waits for it. */
  remove(name: string): Promise<void>
  /** Runs at once, or right after the run under way; resolves when that run has ended. */
  runNow(name: string): Promise<JobOutcome>
  list(): readonly JobStatus[]
  close(): Promise<void>
}

/** What a flow does in the background, beside moving records. What is not handed in does not run. */
export interface FlowWork {
  /** Emits checkpoints and writes translated group offsets. */
  readonly syncGroupOffsets?: Job['run']
  /** Says to the target that the pair is alive. */
  readonly emitHeartbeat?: Job['run']
  /** Writes the offset pairs that MirrorMaker's readers want and that are due. */
  readonly emitOffsetSyncs?: Job['run']
  /** Forgets offset runs of which neither cluster keeps a record. */
  readonly pruneOffsetMaps?: Job['run']
}

export interface FlowSchedule {
  readonly groupOffsetsEveryMs: number
}

const SECOND = 1_000
const MINUTE = 60 * SECOND

export function flowJobs(flow: string, work: FlowWork, schedule: FlowSchedule): Job[] {
  const { groupOffsetsEveryMs } = schedule
  const jobs = [
    {
      kind: 'group-offsets',
      everyMs: groupOffsetsEveryMs,
      timeoutMs: Math.max(MINUTE, groupOffsetsEveryMs),
      run: work.syncGroupOffsets,
    },
    { kind: 'heartbeat', everyMs: SECOND, timeoutMs: 30 * SECOND, run: work.emitHeartbeat },
    { kind: 'offset-syncs', everyMs: SECOND, timeoutMs: 30 * SECOND, run: work.emitOffsetSyncs },
    { kind: 'prune', everyMs: 10 * MINUTE, timeoutMs: MINUTE, run: work.pruneOffsetMaps },
  ]
  return jobs.flatMap(({ kind, run, ...when }) =>
    run === undefined ? [] : [{ name: `${flow}/${kind}`, ...when, run }],
  )
}
