// The producer snapshots of a partition's folder: one where each segment begins, so that truncation and a scan of one segment
// need not read the whole log, and one at the end after a clean stop.
import type { Disk } from '../../platform/platform.ts'
import type { ProducerEntry } from './producer-entry.ts'
import { decodeSnapshot, encodeSnapshot } from './producer-snapshot.ts'
import { fileName, parseFileName, SNAPSHOT_SUFFIX } from './segment-name.ts'

export interface Snapshot {
  readonly offset: number
  readonly entries: readonly ProducerEntry[]
}

export class SnapshotFiles {
  readonly #disk: Disk
  readonly #directory: string

  constructor(disk: Disk, directory: string) {
    this.#disk = disk
    this.#directory = directory
  }

  /** Not synced: a damaged snapshot is known by its CRC, and the batches can tell the same. */
  take(offset: number, entries: Iterable<ProducerEntry>): void {
    const content = encodeSnapshot([...entries])
    const file = this.#disk.open(this.#path(offset))
    try {
      file.write([content], 0)
      file.truncate(content.length)
    } finally {
      file.close()
    }
  }

  /** The newest that is readable and not beyond `offset`. */
  latest(offset: number): Snapshot | undefined {
    for (const candidate of this.offsets().reverse()) {
      if (candidate > offset) continue
      const entries = decodeSnapshot(this.#disk.read(this.#path(candidate)))
      if (entries !== undefined) return { offset: candidate, entries }
      this.#disk.remove(this.#path(candidate))
    }
    return undefined
  }

  keep(isWanted: (offset: number) => boolean): void {
    for (const offset of this.offsets()) {
      if (!isWanted(offset)) this.#disk.remove(this.#path(offset))
    }
  }

  /** In rising order. */
  offsets(): number[] {
    const offsets: number[] = []
    for (const name of this.#disk.list(this.#directory)) {
      const parsed = parseFileName(name)
      if (parsed?.suffix === SNAPSHOT_SUFFIX) offsets.push(parsed.offset)
    }
    return offsets
  }

  #path(offset: number): string {
    return `${this.#directory}/${fileName(offset, SNAPSHOT_SUFFIX)}`
  }
}
