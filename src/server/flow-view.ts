// A running flow as the server sees it. The daemon hands these in, so that the server needs no mirror to be tested.
import type { JobStatus } from '../jobs/jobs.ts'
import type { Gap } from '../mirror/gap.ts'
import type { MirrorStatus, Moved } from '../mirror/status.ts'
import type { GroupStatus } from '../offset-translation/tracked-group.ts'

export interface FlowView {
  readonly name: string
  /** Objectives from the configuration, for metrics and the page. */
  readonly rpo: { readonly seconds: number; readonly records: number }
  status(): MirrorStatus
  /** Of all that this instance mirrors at the moment. */
  readonly moved: Moved
  groups(): readonly GroupStatus[]
  /** What could not be brought in step, or will be deleted. */
  sync(): SyncView
  /** Background work. */
  jobs(): readonly JobStatus[]
  /** Whether commits are heard where the source writes them, or asked for again and again, and why. */
  readonly groupOffsets: { readonly mode: 'followed' } | { readonly mode: 'polled'; readonly reason: string }
  /** All that the ledger holds, also what other instances and earlier runs wrote. */
  gaps(): readonly Gap[]
  translate(query: TranslateQuery): TranslateAnswer
  /** Every rule that led to mirrored or not, translated or not. */
  explain(name: string): Promise<readonly NameExplanation[]>
  /** Stops reading a topic, or the whole flow, and keeps the position. */
  pause(topic?: string): void
  resume(topic?: string): void
}

/** Topics by their names on the target, except where the source's is named. */
export interface SyncView {
  /** Topics of the source of which there can be no copy. */
  readonly refusedTopics: readonly { readonly topic: string; readonly reason: string }[]
  /** Configs that the target did not take; null: its own default. */
  readonly refusedConfigs: readonly {
    readonly topic: string
    readonly name: string
    readonly value: string | null
    readonly reason: string
  }[]
  /** Access rules that the target did not take, in Kafka's numbers. */
  readonly refusedAcls: readonly { readonly acl: object; readonly reason: string }[]
  /** Copies that the target, having too few brokers, keeps less often than was asked for. */
  readonly fewerReplicas: readonly { readonly topic: string; readonly wanted: number; readonly given: number }[]
  /** Copies whose source topics are gone; times in milliseconds since the epoch. */
  readonly pendingDeletes: readonly {
    readonly topic: string
    readonly remoteTopic: string
    readonly missingSince: number
    readonly dueAt: number
  }[]
}

export interface NameExplanation {
  readonly flow: string
  readonly kind: 'topic' | 'group'
  readonly name: string
  /** mirrored, not mirrored, not mirrored yet, would be mirrored; translated, translated in part, not translated. */
  readonly verdict: string
  /** Of a topic: its name on the target. */
  readonly remoteTopic?: string
  /** Sentences for people, in the order in which the rules were asked; the last ones decided. */
  readonly steps: readonly string[]
}

export interface TranslateQuery {
  readonly topic: string
  readonly partition: number
  readonly offset: number
  /** From the target's offset to the source's. */
  readonly reverse: boolean
}

export interface TranslateAnswer {
  /** As asked. */
  readonly topic: string
  readonly partition: number
  /** Its name on the other side; absent when the partition is not mirrored by the instance that answers. */
  readonly translatedTopic?: string
  /** Absent when there is no exact answer; then `reason` says why. */
  readonly offset?: number
  readonly reason?: string
}

/** Counters at one moment; two of them make a rate. */
export interface FlowTotals {
  readonly records: number
  readonly bytes: number
  readonly lagRecords: number
  readonly partitions: number
  readonly stopped: number
  readonly gapRecords: number
}

export function totalsOf(status: MirrorStatus): FlowTotals {
  const partitions = status.topics.flatMap((topic) => topic.partitions)
  const sum = (value: (partition: (typeof partitions)[number]) => number) =>
    partitions.reduce((total, p) => total + value(p), 0)
  return {
    records: sum((p) => p.records),
    bytes: sum((p) => p.bytes),
    lagRecords: sum((p) => p.lagRecords),
    partitions: partitions.length,
    stopped: sum((p) => (p.state === 'stopped' ? 1 : 0)),
    gapRecords: sum((p) => p.gaps.reduce((total: number, gap: Gap) => total + (gap.to - gap.from), 0)),
  }
}
