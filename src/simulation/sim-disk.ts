import { type MemoryDisk, memoryDisk } from '../platform/memory-disk.ts'
import type { Disk, File, FileLock } from '../platform/platform.ts'
import type { SeededRandom } from './seeded-random.ts'
import type { SimProcess } from './sim-machine.ts'

type Change =
  | { readonly type: 'write'; readonly position: number; readonly bytes: Buffer }
  | { readonly type: 'truncate'; readonly size: number }
  | { readonly type: 'put'; readonly bytes: Buffer }

/**
 * A disk behind a cache: what is written is there for every process, and lost with the power unless it was synced.
 *
 * 1. `#durable` holds what would be left at least: files by their last sync, replacement or rename.
 * 2. `#unsynced` holds, by path, what was done to a file since then, oldest first: done to what is durable it gives what is cached.
 * 3. `#locks` has what a process has taken that may still live.
 */
export class SimDisk {
  readonly #random: SeededRandom
  #cached = memoryDisk()
  #durable = memoryDisk()
  readonly #unsynced = new Map<string, Change[]>()
  readonly #locks: FileLock[] = []

  constructor(random: SeededRandom) {
    this.#random = random
  }

  /** As one process sees it. After its death its hands are tied: reads still answer, changes do nothing. */
  of(life: SimProcess): Disk {
    const alive = (change: () => void) => {
      if (!life.isDead) change()
    }
    const cached = () => this.#cached
    return {
      open: (path, options) => this.#file(life, path, cached().open(path, life.isDead ? { create: false } : options)),
      read: (path) => cached().read(path),
      replace: (path, content) => alive(() => this.#replace(path, content)),
      put: (path, content) => alive(() => this.#put(path, content)),
      exists: (path) => cached().exists(path),
      list: (path) => cached().list(path),
      makeDirectory: (path) => alive(() => cached().makeDirectory(path)),
      rename: (from, to) => alive(() => this.#rename(from, to)),
      remove: (path) => alive(() => this.#remove(path)),
      lock: (path) => {
        const lock = cached().lock(path)
        if (lock) this.#locks.push(lock)
        return lock
      },
    }
  }

  /** All that is on it, as a disk of its own. */
  image(): MemoryDisk {
    return this.#cached.copy()
  }

  /** Holds what the image holds, all of it durable, and nothing else. */
  restore(image: MemoryDisk): void {
    this.#unsynced.clear()
    this.#cached = image.copy()
    this.#durable = image.copy()
  }

  /** The kernel takes back the locks of a process that is gone. */
  unlock(): void {
    for (const lock of this.#locks.splice(0)) lock.release()
  }

  /** Of each file's unsynced changes some are kept, from the oldest on, and the one after them perhaps in part. */
  losePower(): void {
    for (const [path, changes] of this.#unsynced) {
      const kept = this.#random.below(changes.length + 1)
      if (kept === 0 && !this.#durable.exists(path)) continue
      this.#durable.makeDirectory(directoryOf(path))
      const file = this.#durable.open(path)
      for (const change of changes.slice(0, kept)) apply(file, change)
      this.#tear(file, changes[kept])
    }
    this.#unsynced.clear()
    this.#cached = this.#durable.copy()
  }

  /** A write may arrive in part; what was put arrives whole, or leaves an empty file. */
  #tear(file: File, change: Change | undefined): void {
    if (change === undefined || change.type === 'truncate' || this.#random.chance(0.5)) return
    if (change.type === 'put') file.truncate(0)
    else apply(file, { ...change, bytes: change.bytes.subarray(0, this.#random.below(change.bytes.length + 1)) })
  }

  #file(life: SimProcess, path: string, file: File): File {
    const changed = (change: Change) => {
      apply(file, change)
      const changes = this.#unsynced.get(path)
      if (changes) changes.push(change)
      else this.#unsynced.set(path, [change])
    }
    return {
      size: () => file.size(),
      read: (into, position) => file.read(into, position),
      write: (buffers, position) => {
        if (!life.isDead) changed({ type: 'write', position, bytes: Buffer.concat(buffers) })
      },
      truncate: (size) => {
        if (!life.isDead) changed({ type: 'truncate', size })
      },
      sync: () => {
        if (!life.isDead) this.#sync(path)
      },
      close: () => file.close(),
    }
  }

  #sync(path: string): void {
    this.#durable.makeDirectory(directoryOf(path))
    const file = this.#durable.open(path)
    for (const change of this.#unsynced.get(path) ?? []) apply(file, change)
    this.#unsynced.delete(path)
  }

  #replace(path: string, content: Uint8Array): void {
    this.#cached.replace(path, content)
    this.#durable.makeDirectory(directoryOf(path))
    this.#durable.replace(path, content)
    this.#unsynced.delete(path)
  }

  #put(path: string, content: Uint8Array): void {
    this.#cached.put(path, content)
    this.#unsynced.set(path, [{ type: 'put', bytes: Buffer.from(content) }])
  }

  #rename(from: string, to: string): void {
    this.#cached.rename(from, to)
    for (const [path, changes] of [...this.#unsynced]) {
      if (path !== from && !path.startsWith(`${from}/`)) continue
      this.#unsynced.delete(path)
      this.#unsynced.set(to + path.slice(from.length), changes)
    }
    this.#durable.remove(to)
    if (!this.#durable.exists(from)) return
    this.#durable.makeDirectory(directoryOf(to))
    this.#durable.rename(from, to)
  }

  #remove(path: string): void {
    this.#cached.remove(path)
    this.#durable.remove(path)
    for (const name of [...this.#unsynced.keys()]) {
      if (name === path || name.startsWith(`${path}/`)) this.#unsynced.delete(name)
    }
  }
}

function apply(file: File, change: Change): void {
  if (change.type === 'truncate') {
    file.truncate(change.size)
    return
  }
  if (change.type === 'put') file.truncate(0)
  file.write([change.bytes], change.type === 'put' ? 0 : change.position)
}

function directoryOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf('/')))
}
