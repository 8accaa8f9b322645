// What goes wrong between one program and its disk.
import type { Disk, File, Platform } from '../../../src/platform/platform.ts'

/** `create` is an `open` that makes the file. */
export type DiskCall =
  | 'open'
  | 'create'
  | 'read'
  | 'write'
  | 'truncate'
  | 'sync'
  | 'replace'
  | 'put'
  | 'rename'
  | 'remove'

/** Decides what becomes of each call to the disk. */
export interface DiskFaults {
  /** Whether calls fail: then it is no wonder when a program cannot begin. Absent: they do not. */
  readonly refuses?: boolean
  /** Before it is done; what this throws the program hears instead. Of a write, so many bytes may arrive before that: `short`. */
  before(call: DiskCall, path: string, short: (bytes: (all: number) => number) => void): void
}

export function withDiskFaults(platform: Platform, faults: DiskFaults): Platform {
  return { ...platform, disk: faulty(platform.disk, faults) }
}

function faulty(disk: Disk, faults: DiskFaults): Disk {
  const check = (call: DiskCall, path: string) => faults.before(call, path, () => {})
  return {
    ...disk,
    open: (path, options) => {
      check(options?.create !== false && !disk.exists(path) ? 'create' : 'open', path)
      return new FaultyFile(path, disk.open(path, options), faults)
    },
    read: (path) => {
      check('read', path)
      return disk.read(path)
    },
    replace: (path, content) => {
      check('replace', path)
      disk.replace(path, content)
    },
    put: (path, content) => {
      check('put', path)
      disk.put(path, content)
    },
    rename: (from, to) => {
      check('rename', from)
      disk.rename(from, to)
    },
    remove: (path) => {
      check('remove', path)
      disk.remove(path)
    },
  }
}

class FaultyFile implements File {
  readonly #path: string
  readonly #file: File
  readonly #faults: DiskFaults

  constructor(path: string, file: File, faults: DiskFaults) {
    this.#path = path
    this.#file = file
    this.#faults = faults
  }

  size(): number {
    return this.#file.size()
  }

  read(into: Uint8Array, position: number): number {
    this.#check('read')
    return this.#file.read(into, position)
  }

  write(buffers: readonly Uint8Array[], position: number): void {
    this.#faults.before('write', this.#path, (bytesOf) => {
      const all = Buffer.concat(buffers)
      this.#file.write([all.subarray(0, bytesOf(all.length))], position)
    })
    this.#file.write(buffers, position)
  }

  truncate(size: number): void {
    this.#check('truncate')
    this.#file.truncate(size)
  }

  sync(): void {
    this.#check('sync')
    this.#file.sync()
  }

  close(): void {
    this.#file.close()
  }

  #check(call: DiskCall): void {
    this.#faults.before(call, this.#path, () => {})
  }
}
