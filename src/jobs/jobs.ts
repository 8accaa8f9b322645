// The control plane's background work: what runs, and how often. What a job does is handed in as a function, so this list
// runs unchanged on any queue that keeps the promises of `JobQueue`.

export interface Job {
  /** Unique on a queue, stable: flow and kind, as in `east->west/heartbeat`; of each instance's own `east->west/group-offsets@instance`. */
  readonly name: string
  /** From start to start. A run that takes longer delays the next one: a job never overlaps itself. */
  readonly everyMs: number
  /** After this long the run's signal is aborted and the run counts as failed. */
  readonly timeoutMs: number
  /** A failed run is repeated after this long at the latest; by default as the queue does. */
  readonly retryMaxMs?: number
  /**
   * Whose work it is. `flow`: one run serves all instances, so with a queue that they share one of them does it. `instance`: each
   * sees to what it owns itself (its partitions), so each runs its own.
   */
  readonly scope: 'flow' | 'instance'
  /** One run; resolves to a few words on what was done. Must end soon after the signal is aborted. */
  run(signal: AbortSignal): Promise<string>
}

export type JobOutcome = 'done' | 'failed' | 'timed out'

export interface JobStatus {
  readonly name: string
  readonly everyMs: number
  /** Whether one run serves all instances, or each has its own. */
  readonly scope: Job['scope']
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
  /** How often the last success was followed by a failure: what is done next is a retry when this is above 0. */
  readonly failuresInARow: number
  /** Why a run failed last, and when that run began; kept after it succeeds again. */
  readonly lastError?: string
  readonly lastErrorStart?: number
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
  /** Looks for topics and partitions that came, changed or went, and makes or grows their copies. */
  readonly lookForTopics?: Job['run']
  /** Translates the positions of groups and writes them to the groups on the target. */
  readonly syncGroupOffsets?: Job['run']
  /** Writes the checkpoints that are due. */
  readonly emitCheckpoints?: Job['run']
  /** Says to the target that the pair is alive. */
  readonly emitHeartbeat?: Job['run']
  /** Writes the offset pairs that MirrorMaker's readers want and that are due. */
  readonly emitOffsetSyncs?: Job['run']
  /** Forgets offset runs of which neither cluster keeps a record. */
  readonly pruneOffsetMaps?: Job['run']
  /** Brings the configs of the copies in step with their sources. */
  readonly syncTopicConfigs?: Job['run']
  /** Brings the access rules of the copies in step with their sources. */
  readonly syncAcls?: Job['run']
  /** Deletes copies whose sources were deleted long enough ago. */
  readonly syncDeletes?: Job['run']
}

export interface FlowSchedule {
  readonly topicsEveryMs: number
  readonly groupOffsetsEveryMs: number
  readonly topicConfigsEveryMs: number
  readonly aclsEveryMs: number
  readonly deletesEveryMs: number
}

const SECOND = 1_000
const MINUTE = 60 * SECOND

export function flowJobs(flow: string, work: FlowWork, schedule: FlowSchedule): Job[] {
  const { topicsEveryMs, groupOffsetsEveryMs, topicConfigsEveryMs, aclsEveryMs, deletesEveryMs } = schedule
  const often = { everyMs: SECOND, timeoutMs: 30 * SECOND, retryMaxMs: 10 * SECOND }
  const seldom = (everyMs: number) => ({ everyMs, timeoutMs: Math.max(MINUTE, everyMs) })
  // A cluster that is back is to be found as soon as one that was never away.
  const topics = { everyMs: topicsEveryMs, timeoutMs: Math.max(10 * MINUTE, topicsEveryMs), retryMaxMs: topicsEveryMs }
  const own = { scope: 'instance' } as const
  const shared = { scope: 'flow' } as const
  const jobs = [
    // Each instance must know where its own partitions lead; a topic that another one has made already counts as made.
    { kind: 'topics', ...own, ...topics, run: work.lookForTopics },
    { kind: 'group-offsets', ...own, ...often, everyMs: groupOffsetsEveryMs, run: work.syncGroupOffsets },
    { kind: 'checkpoints', ...own, ...often, run: work.emitCheckpoints },
    { kind: 'offset-syncs', ...own, ...often, run: work.emitOffsetSyncs },
    { kind: 'prune', ...own, everyMs: 10 * MINUTE, timeoutMs: MINUTE, run: work.pruneOffsetMaps },
    // Each instance counts the delay for itself, so that a run elsewhere cannot shorten it.
    { kind: 'deletes', ...own, ...seldom(deletesEveryMs), run: work.syncDeletes },
    { kind: 'heartbeat', ...shared, ...often, run: work.emitHeartbeat },
    { kind: 'topic-configs', ...shared, ...seldom(topicConfigsEveryMs), run: work.syncTopicConfigs },
    { kind: 'acls', ...shared, ...seldom(aclsEveryMs), run: work.syncAcls },
  ]
  return jobs.flatMap(({ kind, run, ...when }) => {
    const name = `${flow}/${kind}${when.scope === 'instance' ? '@instance' : ''}`
    return run === undefined ? [] : [{ name, ...when, run }]
  })
}
