// The snapshots beside the metadata log, in Kafka's names for them: the offset at which the log goes on, and the epoch before it.
import type { Disk } from '../../platform/platform.ts'
import type { OffsetAndEpoch } from './message.ts'

const PART_SUFFIX = '.checkpoint.part'

interface ArrivingSnapshot {
  write(bytes: Buffer, position: number): void
  /** What has come so far. */
  read(): Buffer
  /** It has its name now, durably. */
  finish(): void
  abandon(): void
}

/** A snapshot that is here under its name is whole. */
export class SnapshotStore {
  readonly #disk: Disk
  readonly #folder: string
  #ids: OffsetAndEpoch[]

  /** In the folder of the metadata log. */
  constructor(disk: Disk, folder: string) {
    this.#disk = disk
    this.#folder = folder
    this.#ids = disk.list(folder).flatMap((name) => {
      if (name.endsWith(PART_SUFFIX)) disk.remove(`${folder}/${name}`)
      const match = /^(\d{20})-(\d{10})\.checkpoint$/.exec(name)
      return match === null ? [] : [{ offset: Number(match[1]), epoch: Number(match[2]) }]
    })
  }

  /** In rising order of offsets. */
  get ids(): readonly OffsetAndEpoch[] {
    return this.#ids
  }

  get latestId(): OffsetAndEpoch | undefined {
    return this.#ids.at(-1)
  }

  has({ offset, epoch }: OffsetAndEpoch): boolean {
    return this.#ids.some((id) => id.offset === offset && id.epoch === epoch)
  }

  pathOf(id: OffsetAndEpoch): string {
    const digits = (value: number, count: number) => String(value).padStart(count, '0')
    return `${this.#folder}/${digits(id.offset, 20)}-${digits(id.epoch, 10)}.checkpoint`
  }

  read(id: OffsetAndEpoch): Buffer {
    return this.#disk.read(this.pathOf(id))
  }

  /** A piece of it, and its whole size; undefined when it has no such position. */
  readPart(id: OffsetAndEpoch, position: number, bytesMax: number): { bytes: Buffer; size: number } | undefined {
    const file = this.#disk.open(this.pathOf(id), { create: false })
    try {
      const size = file.size()
      if (position < 0 || position >= size) return undefined
      const bytes = Buffer.alloc(Math.min(bytesMax, size - position))
      return { bytes: bytes.subarray(0, file.read(bytes, position)), size }
    } finally {
      file.close()
    }
  }

  /** Durable when it returns. */
  write(id: OffsetAndEpoch, content: Buffer): void {
    this.#disk.replace(this.pathOf(id), content)
    this.#add(id)
  }

  /** Of one that comes in pieces: durable when the last has come and `finish` returns. */
  receive(id: OffsetAndEpoch): ArrivingSnapshot {
    const path = `${this.pathOf(id)}.part`
    // A log without a record has no folder yet.
    this.#disk.makeDirectory(this.#folder)
    this.#disk.remove(path)
    const file = this.#disk.open(path)
    return {
      write: (bytes, position) => file.write([bytes], position),
      read: () => this.#disk.read(path),
      finish: () => {
        file.sync()
        file.close()
        this.#disk.rename(path, this.pathOf(id))
        this.#add(id)
      },
      abandon: () => {
        file.close()
        this.#disk.remove(path)
      },
    }
  }

  removeBelow(offset: number): void {
    for (const id of this.#ids) if (id.offset < offset) this.#disk.remove(this.pathOf(id))
    this.#ids = this.#ids.filter((id) => id.offset >= offset)
  }

  #add(id: OffsetAndEpoch): void {
    if (!this.has(id)) this.#ids = [...this.#ids, id].sort((a, b) => a.offset - b.offset || a.epoch - b.epoch)
  }
}
