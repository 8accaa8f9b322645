// The snapshot beside the metadata log, in Kafka's name for it: the offset at which the log goes on, and the epoch before it.
import { HeliostatError } from '../../../platform/errors.ts'
import type { Disk } from '../../../platform/platform.ts'
import type { MetadataRecord } from './metadata-record.ts'
import { decodeSnapshot, encodeSnapshot } from './metadata-snapshot.ts'

export interface Snapshot {
  /** The log goes on here. */
  readonly endOffset: number
  readonly records: readonly MetadataRecord[]
}

export class SnapshotFile {
  readonly #disk: Disk
  readonly #folder: string

  /** In the folder of the metadata log. */
  constructor(disk: Disk, folder: string) {
    this.#disk = disk
    this.#folder = folder
  }

  /** The newest; throws HEL_STORAGE when it is damaged, as nothing else may hold what it held. */
  read(): Snapshot | undefined {
    const newest = this.#names().at(-1)
    if (newest === undefined) return undefined
    const path = `${this.#folder}/${newest.name}`
    const records = decodeSnapshot(this.#disk.read(path))
    if (records !== undefined) return { endOffset: newest.endOffset, records }
    throw new HeliostatError('HEL_STORAGE', `${path} is damaged; it should hold the metadata`, { where: { path } })
  }

  /** Durable when it returns. */
  write({ endOffset, records }: Snapshot, epoch: number, timestamp: number): void {
    const name = `${String(endOffset).padStart(20, '0')}-${String(epoch).padStart(10, '0')}.checkpoint`
    this.#disk.replace(`${this.#folder}/${name}`, encodeSnapshot(records, { epoch, timestamp }))
  }

  removeOlder(): void {
    for (const { name } of this.#names().slice(0, -1)) this.#disk.remove(`${this.#folder}/${name}`)
  }

  /** In rising order of offsets. */
  #names(): { name: string; endOffset: number }[] {
    return this.#disk.list(this.#folder).flatMap((name) => {
      const match = /^(\d{20})-\d{10}\.checkpoint$/.exec(name)
      return match === null ? [] : [{ name, endOffset: Number(match[1]) }]
    })
  }
}
