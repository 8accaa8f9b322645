// A limit on how many segment files are open at once, so that ten thousand partitions fit a process's descriptors: a file opens
// at its first use, and when too many are open those that were not used lately are closed until they are needed again.
import type { Disk, File } from '../../platform/platform.ts'
import { FramePool } from '../../protocol/frame-pool.ts'

const OPEN_FILES_MAX = 1024

export class OpenFiles {
  readonly disk: Disk
  /** Where the memory for reads comes from; whoever has sent it gives it back, what is kept is collected. */
  readonly readBuffers: FramePool
  readonly #max: number
  readonly #open = new Set<SegmentFile>()

  constructor(disk: Disk, max = OPEN_FILES_MAX, readBuffers = new FramePool({ freeBytesMax: 0 })) {
    this.disk = disk
    this.readBuffers = readBuffers
    this.#max = max
  }

  get count(): number {
    return this.#open.size
  }

  file(path: string): SegmentFile {
    return new SegmentFile(this, path)
  }

  opened(file: SegmentFile): void {
    this.#open.add(file)
    if (this.#open.size > this.#max) this.#closeUnused(file)
  }

  closed(file: SegmentFile): void {
    this.#open.delete(file)
  }

  /** Second chance: whoever was used since the last round stays this once; the oldest of the others go, half of the limit. */
  #closeUnused(keep: SegmentFile): void {
    const target = Math.floor(this.#max / 2)
    for (const file of this.#open) {
      if (this.#open.size <= target) return
      if (file !== keep && !file.takeUsed()) file.evict()
    }
    for (const file of this.#open) {
      if (this.#open.size <= target) return
      if (file !== keep) file.evict()
    }
  }
}

/** One file, open only while it is used. Its bytes are the disk's: closing and opening again changes nothing. */
export class SegmentFile {
  readonly #files: OpenFiles
  #path: string
  #file: File | undefined
  #used = false
  #failure: unknown
  /** Only a handle that made the file knows that its name is not durable yet, so that handle must sync it, if there is anything in it. */
  #nameAtRisk = false

  constructor(files: OpenFiles, path: string) {
    this.#files = files
    this.#path = path
  }

  get path(): string {
    return this.#path
  }

  /** Makes the file if it is not there. */
  create(): void {
    this.#hold(this.#files.disk.open(this.#path))
    this.#nameAtRisk = true
  }

  /** As `create`, but only when the file is first used. */
  createLater(): void {
    this.#nameAtRisk = true
  }

  size(): number {
    return this.#handle().size()
  }

  read(into: Uint8Array, position: number): number {
    return this.#handle().read(into, position)
  }

  write(buffers: readonly Uint8Array[], position: number): void {
    this.#handle().write(buffers, position)
  }

  truncate(size: number): void {
    this.#handle().truncate(size)
  }

  sync(): void {
    this.#handle().sync()
    this.#nameAtRisk = false
  }

  rename(path: string): void {
    this.close()
    this.#files.disk.rename(this.#path, path)
    this.#path = path
  }

  remove(): void {
    this.discard()
    this.#files.disk.remove(this.#path)
  }

  close(): void {
    const file = this.#file
    if (file === undefined) return
    if (this.#nameAtRisk && file.size() > 0) this.sync()
    this.#file = undefined
    this.#files.closed(this)
    file.close()
  }

  /** Closes to make room for another file, whose owner must not suffer for what goes wrong here: the next use of this one will. */
  evict(): void {
    try {
      this.close()
    } catch (error) {
      this.#failure = error
      this.discard()
    }
  }

  /** Closes without a care for what is not durable yet. */
  discard(): void {
    this.#nameAtRisk = false
    this.close()
  }

  takeUsed(): boolean {
    const used = this.#used
    this.#used = false
    return used
  }

  #handle(): File {
    this.#used = true
    if (this.#failure !== undefined) throw this.#failure
    if (this.#file !== undefined) return this.#file
    const { disk } = this.#files
    // Closed while it was empty, without a sync: the handle that will fill it must again be the one that made it.
    if (this.#nameAtRisk) disk.remove(this.#path)
    return this.#hold(disk.open(this.#path, { create: this.#nameAtRisk }))
  }

  #hold(file: File): File {
    this.#file?.close()
    this.#file = file
    this.#files.opened(this)
    return file
  }
}
