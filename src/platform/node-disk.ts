// Files of this machine, synchronous. Durable means durable: creation, renaming and replacement sync the directory too, since
// a file whose name is lost is lost; and the directories above it, while these are new.
import {
  closeSync,
  constants,
  existsSync,
  fdatasyncSync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  statfsSync,
  writevSync,
} from 'node:fs'
import { dirname, resolve } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import type { Disk, File, FileLock } from './platform.ts'

// A replacement that a crash cut short leaves this beside the file; it is overwritten by the next and never listed.
const REPLACING = '.replacing'

export function nodeDisk(): Disk {
  return new NodeDisk()
}

class NodeDisk implements Disk {
  /** Made here, and a loss of power could still take their names. */
  readonly #newDirectories = new Set<string>()

  open(path: string, options?: { create?: boolean }): File {
    return new NodeFile(path, options?.create ?? true, (directory) => this.#syncDirectory(directory))
  }

  read(path: string): Buffer {
    return readFileSync(path)
  }

  replace(path: string, content: Uint8Array): void {
    this.rename(writeBeside(path, content, true), path)
  }

  put(path: string, content: Uint8Array): void {
    renameSync(writeBeside(path, content, false), path)
  }

  exists(path: string): boolean {
    return existsSync(path)
  }

  list(path: string): string[] {
    return list(path)
  }

  makeDirectory(path: string): void {
    const firstMade = mkdirSync(path, { recursive: true })
    if (firstMade === undefined) return
    const first = resolve(firstMade)
    for (let made = resolve(path); made.length >= first.length; made = dirname(made)) this.#newDirectories.add(made)
  }

  space(path: string): { totalBytes: number; usableBytes: number } {
    const { bsize, blocks, bavail } = statfsSync(path)
    return { totalBytes: bsize * blocks, usableBytes: bsize * bavail }
  }

  rename(from: string, to: string): void {
    renameSync(from, to)
    this.#newDirectories.delete(resolve(from))
    this.#syncDirectory(dirname(to))
    if (dirname(from) !== dirname(to)) this.#syncDirectory(dirname(from))
  }

  remove(path: string): void {
    rmSync(path, { recursive: true, force: true })
    this.#newDirectories.delete(resolve(path))
  }

  lock(path: string): FileLock | undefined {
    return lock(path)
  }

  /** Makes the names in a directory durable, and its own. */
  #syncDirectory(path: string): void {
    syncDirectory(path)
    const directory = resolve(path)
    if (!this.#newDirectories.has(directory)) return
    this.#syncDirectory(dirname(directory))
    this.#newDirectories.delete(directory)
  }
}

class NodeFile implements File {
  readonly #descriptor: number
  readonly #syncDirectory: (path: string) => void
  /** The directory whose entry for this file may not be durable yet. */
  #directoryToSync: string | undefined

  constructor(path: string, create: boolean, syncDirectory: (path: string) => void) {
    this.#syncDirectory = syncDirectory
    const isNew = create && !existsSync(path)
    this.#descriptor = openSync(path, constants.O_RDWR | (create ? constants.O_CREAT : 0))
    this.#directoryToSync = isNew ? dirname(path) : undefined
  }

  size(): number {
    return fstatSync(this.#descriptor).size
  }

  read(into: Uint8Array, position: number): number {
    let filled = 0
    while (filled < into.length) {
      const count = readSync(this.#descriptor, into, filled, into.length - filled, position + filled)
      if (count === 0) break
      filled += count
    }
    return filled
  }

  write(buffers: readonly Uint8Array[], position: number): void {
    writeAll(this.#descriptor, buffers, position)
  }

  truncate(size: number): void {
    ftruncateSync(this.#descriptor, size)
  }

  sync(): void {
    fdatasyncSync(this.#descriptor)
    if (this.#directoryToSync !== undefined) this.#syncDirectory(this.#directoryToSync)
    this.#directoryToSync = undefined
  }

  close(): void {
    closeSync(this.#descriptor)
  }
}

/** The machine may take less than it is given (a signal, a nearly full disk); the rest is offered again until it errs. */
function writeAll(descriptor: number, buffers: readonly Uint8Array[], position: number): void {
  let rest = buffers.filter((buffer) => buffer.length > 0)
  let at = position
  while (rest.length > 0) {
    let written = writevSync(descriptor, rest, at)
    at += written
    let whole = 0
    while (whole < rest.length && written >= rest[whole]!.length) written -= rest[whole++]!.length
    rest = rest.slice(whole)
    if (written > 0) rest[0] = rest[0]!.subarray(written)
  }
}

/** Writes the content to a file next to the one that it is to become; returns its path. */
function writeBeside(path: string, content: Uint8Array, durable: boolean): string {
  const temporary = path + REPLACING
  const descriptor = openSync(temporary, 'w')
  try {
    writeAll(descriptor, [content], 0)
    if (durable) fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
  return temporary
}

function list(path: string): string[] {
  try {
    return readdirSync(path)
      .filter((name) => !name.endsWith(REPLACING))
      .sort()
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw error
  }
}

function syncDirectory(path: string): void {
  const descriptor = openSync(path, constants.O_RDONLY)
  try {
    fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
}

/**
 * Node offers no file lock, and a file with a process id has a moment in which two processes take over from a dead third.
 * SQLite takes the kernel's own record lock, which dies with its process, so an empty database serves as the lock file.
 * The file stays behind: removing it would let a second process lock a new file of the same name.
 */
function lock(path: string): FileLock | undefined {
  const database = new DatabaseSync(path)
  try {
    database.exec('PRAGMA journal_mode = MEMORY; PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE')
  } catch (error) {
    database.close()
    if ((error as { errcode?: number }).errcode === SQLITE_BUSY) return undefined
    throw error
  }
  held.add(database)
  return {
    release: () => {
      if (held.delete(database)) database.close()
    },
  }
}

const SQLITE_BUSY = 5

// A database that nobody refers to is collected and closed, and its lock with it.
const held = new Set<DatabaseSync>()
