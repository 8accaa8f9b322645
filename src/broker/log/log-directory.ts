// The data directory of one broker: a folder `topic-partition` per log, Kafka's checkpoint files, and the work that goes on
// beside reading and writing: retention, compaction, checkpoints, letting idle files go.
//
// `.lock` keeps a second process out. `.kafka_cleanshutdown` stands there only while no process is at work and the last one
// ended in order; then nothing is scanned at opening.
import { HeliostatError } from '../../platform/errors.ts'
import type { Clock, Disk, FileLock, Logger, Platform, Timer } from '../../platform/platform.ts'
import type { FramePool } from '../../protocol/frame-pool.ts'
import { type CompactionRun, compactionDue } from './compaction.ts'
import { defaultLogConfig, type LogConfig } from './log-config.ts'
import { type CheckpointEntry, readCheckpoint, writeCheckpoint } from './offset-checkpoint.ts'
import { OpenFiles } from './open-files.ts'
import { PartitionLog } from './partition-log.ts'
import type { LogState } from './recovery.ts'

export interface LogDirectoryOptions {
  /** The settings of a topic's logs; asked when a folder is opened or made. */
  readonly configOf?: (topic: string) => LogConfig
  readonly retentionCheckMs?: number
  /** Asked after each look: it can be altered. */
  readonly compactionBackoffMs?: () => number
  readonly checkpointMs?: number
  readonly openFilesMax?: number
  /** Where the memory for reads comes from. */
  readonly readBuffers?: FramePool
}

/** A log and what it is the log of; its topic id it knows itself. */
export interface HostedLog {
  readonly topic: string
  readonly partition: number
  readonly log: PartitionLog
}

const LOCK = '.lock'
const CLEAN_SHUTDOWN = '.kafka_cleanshutdown'
const RECOVERY_POINTS = 'recovery-point-offset-checkpoint'
const START_OFFSETS = 'log-start-offset-checkpoint'
const HIGH_WATERMARKS = 'replication-offset-checkpoint'
const CLEANED_OFFSETS = 'cleaner-offset-checkpoint'
const DELETE_SUFFIX = '-delete'
const STRAY_SUFFIX = '-stray'
const NAME_BYTES_MAX = 255
/** How exactly `flush.ms` is kept. */
const FLUSH_CHECK_MS = 1000

// Invariants:
// 1. Every folder `topic-partition` of the directory is open here, exactly once, while the lock is held. A log that never had a
//    record is here without a folder.
// 2. The clean-shutdown file is there only between `close` and the next `open`.
// 3. At most one compaction runs at a time, one step per turn of the clock.
export class LogDirectory {
  readonly path: string
  readonly #platform: Pick<Platform, 'clock' | 'disk' | 'random' | 'log'>
  readonly #options: LogDirectoryOptions
  readonly #files: OpenFiles
  readonly #lock: FileLock
  readonly #logs = new Map<string, HostedLog>()
  readonly #timers = new Set<Timer>()
  readonly #uncleanable = new WeakSet<PartitionLog>()
  #compacting: { readonly log: PartitionLog; readonly run: CompactionRun } | undefined
  #saveIsDue = false
  #isClosed = false

  private constructor(
    platform: Pick<Platform, 'clock' | 'disk' | 'random' | 'log'>,
    path: string,
    options: LogDirectoryOptions,
    lock: FileLock,
  ) {
    this.#platform = platform
    this.path = path
    this.#options = options
    this.#files = new OpenFiles(platform.disk, options.openFilesMax, options.readBuffers)
    this.#lock = lock
  }

  /** Takes the directory for this process and opens all its logs. */
  static open(
    platform: Pick<Platform, 'clock' | 'disk' | 'random' | 'log'>,
    path: string,
    options: LogDirectoryOptions = {},
  ): LogDirectory {
    platform.disk.makeDirectory(path)
    const lock = platform.disk.lock(`${path}/${LOCK}`)
    if (lock === undefined) {
      throw new HeliostatError('HEL_DATA_IN_USE', `another process uses the data directory ${path}`, {
        where: { path },
      })
    }
    const directory = new LogDirectory(platform, path, options, lock)
    try {
      directory.#openLogs()
    } catch (error) {
      lock.release()
      throw error
    }
    directory.#startTimers()
    return directory
  }

  get logs(): Iterable<HostedLog> {
    return this.#logs.values()
  }

  /** How many segment files are open now. */
  get openFiles(): number {
    return this.#files.count
  }

  get(topic: string, partition: number): PartitionLog | undefined {
    return this.#logs.get(folderName(topic, partition))?.log
  }

  /** The log of a partition, made if it is not there. A log of another topic id of that name is deleted first. */
  getOrCreate(topic: string, partition: number, topicId: string): PartitionLog {
    const name = folderName(topic, partition)
    const present = this.#logs.get(name)?.log
    if (present?.topicId === topicId) return present
    if (present?.topicId !== undefined) this.delete(topic, partition)
    // One whose id a loss of power took is this topic's: see PartitionFolder.
    const log = this.#logs.get(name)?.log ?? this.#openLog(topic, `${this.path}/${name}`, {})
    log.topicId = topicId
    this.#logs.set(name, { topic, partition, log })
    return log
  }

  /** The folder is renamed at once, so that its name is free and no crash brings it back; its files go a moment later. */
  delete(topic: string, partition: number): void {
    const doomed = this.#rename(topic, partition, DELETE_SUFFIX)
    if (doomed !== undefined) this.#clock.defer(() => this.#disk.remove(doomed))
  }

  /** Takes the log out of use and keeps its files, under a name that no partition has. */
  setAside(topic: string, partition: number): void {
    this.#rename(topic, partition, STRAY_SUFFIX)
  }

  /** Deletes the records that the topics' settings let go. */
  enforceRetention(): void {
    this.#each((log) => log.enforceRetention(this.#clock.now()))
  }

  /** Compacts what is due, the dirtiest first, a step per turn of the clock; nothing happens while that is under way. */
  compactDirtiest(): void {
    if (this.#compacting !== undefined || this.#isClosed) return
    const now = this.#clock.now()
    let dirtiest: { log: PartitionLog; ratio: number } | undefined
    this.#each((log) => {
      const ratio = this.#uncleanable.has(log) ? undefined : compactionDue(log, now)
      if (ratio !== undefined && ratio > (dirtiest?.ratio ?? -1)) dirtiest = { log, ratio }
    })
    if (dirtiest === undefined) return
    const { log } = dirtiest
    this.#compacting = { log, run: log.compaction(now) }
    this.#stepCompaction(log.cleanedOffset)
  }

  /** Writes the checkpoint files. */
  saveCheckpoints(): void {
    this.#saveIsDue = false
    const hosted = [...this.#logs.values()]
    const write = (file: string, offsetOf: (log: PartitionLog) => number | undefined) => {
      const entries: CheckpointEntry[] = []
      for (const { topic, partition, log } of hosted) {
        const offset = offsetOf(log)
        if (offset !== undefined) entries.push({ topic, partition, offset })
      }
      writeCheckpoint(this.#disk, `${this.path}/${file}`, entries)
    }
    write(START_OFFSETS, (log) => (log.logStartOffset > log.segments[0]!.baseOffset ? log.logStartOffset : undefined))
    write(RECOVERY_POINTS, (log) => (log.isOnDisk ? log.recoveryPoint : undefined))
    write(HIGH_WATERMARKS, (log) => (log.isOnDisk ? log.highWatermark : undefined))
    write(CLEANED_OFFSETS, (log) => (log.config.compact ? log.cleanedOffset : undefined))
  }

  /** Closes all logs and lets the directory go; when all went well, the next opening scans nothing. Without order it scans as after a crash. */
  close(isOrderly = true): void {
    if (this.#isClosed) return
    this.#isClosed = true
    for (const timer of this.#timers) timer.cancel()
    this.#abandonCompaction()
    let isClean = isOrderly
    for (const { log } of this.#logs.values()) {
      const wasSound = log.failure === undefined
      isClean = this.#attempt('log.close-failed', () => log.close()) && wasSound && isClean
    }
    try {
      if (isOrderly) this.saveCheckpoints()
      if (isClean) this.#disk.replace(`${this.path}/${CLEAN_SHUTDOWN}`, Buffer.from('{"version":0,"brokerEpoch":-1}'))
    } finally {
      this.#lock.release()
    }
  }

  get #disk(): Disk {
    return this.#platform.disk
  }

  get #clock(): Clock {
    return this.#platform.clock
  }

  get #log(): Logger {
    return this.#platform.log
  }

  #openLogs(): void {
    const marker = `${this.path}/${CLEAN_SHUTDOWN}`
    const cleanShutdown = this.#disk.exists(marker)
    const checkpoint = (file: string) => readCheckpoint(this.#disk, `${this.path}/${file}`)
    const recoveryPoints = checkpoint(RECOVERY_POINTS)
    const startOffsets = checkpoint(START_OFFSETS)
    const highWatermarks = checkpoint(HIGH_WATERMARKS)
    const cleanedOffsets = checkpoint(CLEANED_OFFSETS)
    // Gone before the first change: a crash from here on must not look like a clean stop.
    this.#disk.remove(marker)
    for (const name of this.#disk.list(this.path)) {
      if (name.endsWith(DELETE_SUFFIX)) this.#disk.remove(`${this.path}/${name}`)
      const match = /^(.+)-(\d+)$/.exec(name)
      if (match === null) continue
      const directory = `${this.path}/${name}`
      const log = this.#openLog(match[1]!, directory, {
        cleanShutdown,
        // A log that is younger than the last checkpoint was synced by nobody.
        recoveryPoint: recoveryPoints.get(name) ?? (cleanShutdown ? undefined : 0),
        logStartOffset: startOffsets.get(name),
        highWatermark: highWatermarks.get(name),
        cleanedOffset: cleanedOffsets.get(name),
      })
      this.#logs.set(name, { topic: match[1]!, partition: Number(match[2]), log })
    }
  }

  /** Ends the use of a log and gives its folder another name, which is returned if there is a folder. */
  #rename(topic: string, partition: number, kind: string): string | undefined {
    const name = folderName(topic, partition)
    const log = this.#logs.get(name)?.log
    if (log === undefined) return undefined
    this.#logs.delete(name)
    if (this.#compacting?.log === log) this.#abandonCompaction()
    log.discard('the log was deleted')
    if (!log.isOnDisk) return undefined
    const suffix = `-${partition}.${this.#platform.random.bytes(16).toString('hex')}${kind}`
    const renamed = `${this.path}/${topic.slice(0, NAME_BYTES_MAX - suffix.length)}${suffix}`
    this.#disk.rename(`${this.path}/${name}`, renamed)
    return renamed
  }

  #openLog(topic: string, directory: string, state: LogState): PartitionLog {
    return PartitionLog.open(this.#disk, directory, {
      clock: this.#clock,
      config: this.#options.configOf?.(topic) ?? defaultLogConfig,
      log: this.#log,
      random: this.#platform.random,
      files: this.#files,
      state,
      onStateChange: () => this.#saveSoon(),
    })
  }

  /** Many changes of one turn make one save. */
  #saveSoon(): void {
    if (this.#saveIsDue) return
    this.#saveIsDue = true
    this.#clock.defer(() => {
      if (this.#saveIsDue && !this.#isClosed) this.#attempt('log.checkpoint-failed', () => this.saveCheckpoints())
    })
  }

  #startTimers(): void {
    const { retentionCheckMs = 300_000, compactionBackoffMs = () => 15_000, checkpointMs = 60_000 } = this.#options
    this.#every(
      () => retentionCheckMs,
      () => this.enforceRetention(),
    )
    this.#every(compactionBackoffMs, () => this.compactDirtiest())
    this.#every(
      () => checkpointMs,
      () => this.#keepHouse(),
    )
    this.#every(
      () => FLUSH_CHECK_MS,
      () => {
        const now = this.#clock.now()
        this.#each((log) => {
          if (log.isFlushDue(now)) log.flush()
        })
      },
    )
  }

  #keepHouse(): void {
    this.#each((log) => {
      // By now the machine has written most of what was closed a while ago, so this waits for little.
      log.flushClosedSegments()
      log.expireProducers()
      if (!log.takeUsed()) log.release()
    })
    this.#attempt('log.checkpoint-failed', () => this.saveCheckpoints())
  }

  #every(periodMs: () => number, work: () => void): void {
    const timer = this.#clock.setTimer(periodMs(), () => {
      this.#timers.delete(timer)
      work()
      this.#every(periodMs, work)
    })
    this.#timers.add(timer)
  }

  #stepCompaction(cleanedBefore: number): void {
    if (this.#compacting === undefined) return
    const { log, run } = this.#compacting
    let hasMore = false
    const succeeded = this.#attempt('log.compaction-failed', () => {
      hasMore = run.step()
    })
    if (hasMore) {
      this.#clock.defer(() => this.#stepCompaction(cleanedBefore))
      return
    }
    // What cannot be compacted is left alone: else it would be tried again and again.
    if (!succeeded) this.#uncleanable.add(log)
    this.#compacting = undefined
    if (log.cleanedOffset > cleanedBefore) this.compactDirtiest()
  }

  #abandonCompaction(): void {
    this.#compacting?.run.abandon()
    this.#compacting = undefined
  }

  /** One log's trouble must not keep the others from their work. */
  #each(work: (log: PartitionLog) => void): void {
    for (const { log } of this.#logs.values()) {
      if (log.failure === undefined) this.#attempt('log.upkeep-failed', () => work(log))
    }
  }

  #attempt(event: string, work: () => void): boolean {
    try {
      work()
      return true
    } catch (error) {
      this.#log.error(event, (error as Error).message, { path: this.path })
      return false
    }
  }
}

function folderName(topic: string, partition: number): string {
  return `${topic}-${partition}`
}
