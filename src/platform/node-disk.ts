// Files of this machine, synchronous. Durable means durable: creation, renaming and replacement sync the directory too, since
// a file whose name is lost is lost.
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
  writevSync,
} from 'node:fs'
import { dirname } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import type { Disk, File, FileLock } from './platform.ts'

// A replacement that a crash cut short leaves this beside the file; it is overwritten by the next and never listed.
const REPLACING = '.replacing'

export function nodeDisk(): Disk {
  return {
    open: (path, options) => new NodeFile(path, options?.create ?? true),
    read: (path) => readFileSync(path),
    replace,
    exists: (path) => existsSync(path),
    list,
    makeDirectory,
    rename,
    remove: (path) => rmSync(path, { recursive: true, force: true }),
    lock,
  }
}

class NodeFile implements File {
  readonly #descriptor: number
  /** The directory whose entry for this file may not be durable yet. */
  #directoryToSync: string | undefined

  constructor(path: string, create: boolean) {
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
    if (this.#directoryToSync !== undefined) syncDirectory(this.#directoryToSync)
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

function replace(path: string, content: Uint8Array): void {
  const temporary = path + REPLACING
  const descriptor = openSync(temporary, 'w')
  try {
    writeAll(descriptor, [content], 0)
    fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
  rename(temporary, path)
}

function rename(from: string, to: string): void {
  renameSync(from, to)
  syncDirectory(dirname(to))
  if (dirname(from) !== dirname(to)) syncDirectory(dirname(from))
}

function makeDirectory(path: string): void {
  const firstMade = mkdirSync(path, { recursive: true })
  if (firstMade !== undefined) syncDirectory(dirname(firstMade))
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
