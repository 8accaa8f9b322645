// What a mirror tells about itself: plain data, taken at one moment. The admin API, the metrics, the command line and the
// demo all read this and nothing else.

import type { TimesSeen } from '../offset-translation/recent-times.ts'
import type { Gap } from './gap.ts'

export type PartitionState = 'starting' | 'catching-up' | 'running' | 'recovering' | 'paused' | 'stopped'

export type FlowState =
  | 'starting'
  | 'catching-up'
  | 'running'
  | 'paused'
  | 'source-unavailable'
  | 'target-unavailable'
  | 'stopped'

/** Why a batch could not pass as it was. */
export type RewriteReason = 'holes' | 'trim' | 'magic' | 'oversize' | 'joined' | 'logAppendTime'

export interface MirrorStatus {
  readonly flow: string
  readonly source: string
  readonly target: string
  readonly state: FlowState
  /** Why the flow does not run at all; a sentence for people. */
  readonly reason: string | undefined
  /**
   * Age of the oldest source record that the target has not acknowledged, milliseconds. Never less than the time since the source was
   * last heard of, for nobody knows what came to it since: of a quiet flow that is up to the wait of a fetch.
   */
  readonly rpoMs: number
  /** Source records that would be lost if the source vanished now, as far as it has told of them. */
  readonly rpoRecords: number
  readonly topics: readonly TopicStatus[]
  /** Bytes that are fetched and not yet acknowledged, and their limit. */
  readonly bufferedBytes: number
  readonly bufferedBytesMax: number
  /** Operating errors since the start, by code. */
  readonly errors: Readonly<Record<string, number>>
  /** Time from a record's timestamp to its acknowledgement: counts of batches by upper bound, and their sum. */
  readonly latency: LatencyHistogram
}

/** Counters that only grow, of what the target has acknowledged; cheap to ask for, where a status is not. */
export interface Moved {
  readonly records: number
  readonly bytes: number
}

export function sumOfMoved(all: Iterable<Moved | undefined>): Moved {
  let records = 0
  let bytes = 0
  for (const moved of all) {
    records += moved?.records ?? 0
    bytes += moved?.bytes ?? 0
  }
  return { records, bytes }
}

export interface TopicStatus {
  readonly topic: string
  readonly remoteTopic: string
  readonly partitions: readonly PartitionStatus[]
}

export interface PartitionStatus {
  readonly partition: number
  readonly state: PartitionState
  /** A sentence for people; set when stopped or recovering, or when an open transaction at the source keeps it from going on. */
  readonly reason: string | undefined
  /** The next source offset to mirror, and the target offset it will get; undefined before the position is known. */
  readonly upstream: number | undefined
  readonly downstream: number | undefined
  /** Up to here the source would answer (last stable offset when reading committed). */
  readonly sourceEnd: number | undefined
  readonly lagRecords: number
  readonly rpoMs: number
  readonly records: number
  readonly bytes: number
  /** Of record batches that came from the source, whatever became of them. */
  readonly fetchedBytes: number
  /** Of the last minute, at the end of a batch: how old its newest record was when it came, and when the target had it. Milliseconds. */
  readonly recordAge: TimesSeen | undefined
  readonly replicationLatency: TimesSeen | undefined
  /** Batches that took the slow path, by reason. */
  readonly rewritten: Readonly<Partial<Record<RewriteReason, number>>>
  /** Runs of the offset map in memory. */
  readonly runs: number
  /** All that were ever recorded for it. */
  readonly gaps: readonly Gap[]
}

export interface LatencyHistogram {
  /** Upper bounds in milliseconds; the last count has none. */
  readonly boundsMs: readonly number[]
  readonly counts: readonly number[]
  readonly sumMs: number
}
