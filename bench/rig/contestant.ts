// A mirror under measurement. Both kinds are started the same way: as a process of their own, on the same two brokers, with a
// source alias of their own, so that their copies never meet.
import type { ExternalProcess } from '../../test/support/external-process.ts'

export interface MirrorJob {
  /** The source's alias; copies are named `<alias>.<topic>`. */
  readonly alias: string
  readonly source: string
  readonly target: string
  /** A whole-string regex of topics. */
  readonly topics: string
  /** A whole-string regex of groups whose offsets are carried over; absent: none. */
  readonly groups?: string
  /** Of several that share the job; absent: there is one. */
  readonly instance?: number
  /** Where the configuration file is written. */
  readonly directory: string
}

export interface Contestant {
  readonly name: string
  /** What ran, for the report: version and the settings that are not defaults. */
  readonly settings: string
  start(job: MirrorJob): ExternalProcess
  /** Whether an instance copies partitions, as it says itself: one of several may have got none yet. */
  hasWork(instance: ExternalProcess): Promise<boolean>
}
