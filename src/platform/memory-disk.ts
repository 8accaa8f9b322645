// A disk in memory, for brokers without a data directory and for tests. Same errors as a real one (`code` ENOENT …), no
// durability: `sync` has nothing to do.
import type { Disk, File, FileLock } from './platform.ts'

// Invariants of MemoryFile:
// 1. Every chunk but the first has CHUNK_BYTES; the first grows by doubling up to CHUNK_BYTES, so that small files stay small
//    and a large one is never copied whole.
// 2. Byte p lies in chunk floor(p / CHUNK_BYTES); there are chunks for exactly the bytes below #size, and perhaps one empty.
// 3. Bytes between the end and a later write are zero, whatever a truncated chunk held before.
const CHUNK_BYTES = 256 * 1024
const FIRST_CHUNK_BYTES = 1024

type Node = MemoryFile | Directory
type Directory = Map<string, Node>

export interface MemoryDisk extends Disk {
  /** Another disk that holds the same, and of which nothing is locked. */
  copy(): MemoryDisk
}

export function memoryDisk(): MemoryDisk {
  return new Tree(new Map())
}

class Tree implements MemoryDisk {
  readonly #root: Directory
  readonly #locked = new Set<string>()

  constructor(root: Directory) {
    this.#root = root
  }

  copy(): MemoryDisk {
    return new Tree(copyOf(this.#root))
  }

  open(path: string, options?: { create?: boolean }): File {
    const node = this.#find(path)
    if (node instanceof MemoryFile) return node
    if (node !== undefined) throw diskError('EISDIR', 'is a directory', path)
    if (options?.create === false) throw diskError('ENOENT', 'no such file', path)
    const file = new MemoryFile()
    this.#parent(path).set(lastName(path), file)
    return file
  }

  read(path: string): Buffer {
    const file = this.open(path, { create: false })
    const content = Buffer.alloc(file.size())
    file.read(content, 0)
    return content
  }

  replace(path: string, content: Uint8Array): void {
    if (this.#find(path) instanceof Map) throw diskError('EISDIR', 'is a directory', path)
    const file = new MemoryFile()
    file.write([content], 0)
    this.#parent(path).set(lastName(path), file)
  }

  put(path: string, content: Uint8Array): void {
    this.replace(path, content)
  }

  exists(path: string): boolean {
    return this.#find(path) !== undefined
  }

  list(path: string): string[] {
    const node = this.#find(path)
    if (node instanceof MemoryFile) throw diskError('ENOTDIR', 'is not a directory', path)
    return node === undefined ? [] : [...node.keys()].sort()
  }

  makeDirectory(path: string): void {
    let directory = this.#root
    for (const name of names(path)) {
      const next: Node = directory.get(name) ?? new Map()
      if (next instanceof MemoryFile) throw diskError('EEXIST', 'is a file', path)
      directory.set(name, next)
      directory = next
    }
  }

  rename(from: string, to: string): void {
    const node = this.#find(from)
    if (node === undefined) throw diskError('ENOENT', 'no such file', from)
    const replaced = this.#find(to)
    if (replaced instanceof Map && (replaced.size > 0 || node instanceof MemoryFile)) {
      throw diskError('ENOTEMPTY', 'a directory is in the way', to)
    }
    this.#parent(to).set(lastName(to), node)
    if (this.#find(from) === node && normal(from) !== normal(to)) this.#parent(from).delete(lastName(from))
  }

  remove(path: string): void {
    if (this.#find(path) !== undefined) this.#parent(path).delete(lastName(path))
  }

  lock(path: string): FileLock | undefined {
    this.open(path)
    const key = normal(path)
    if (this.#locked.has(key)) return undefined
    this.#locked.add(key)
    let held = true
    return {
      release: () => {
        if (held) this.#locked.delete(key)
        held = false
      },
    }
  }

  #find(path: string): Node | undefined {
    let node: Node | undefined = this.#root
    for (const name of names(path)) {
      if (!(node instanceof Map)) return undefined
      node = node.get(name)
    }
    return node
  }

  #parent(path: string): Directory {
    const parent = this.#find(names(path).slice(0, -1).join('/'))
    if (!(parent instanceof Map)) throw diskError('ENOENT', 'no such directory', path)
    return parent
  }
}

/** The content itself; open handles share it, and it outlives its name as on a Unix disk. */
class MemoryFile implements File {
  #chunks: Buffer[] = []
  #size = 0

  size(): number {
    return this.#size
  }

  read(into: Uint8Array, position: number): number {
    const length = Math.max(0, Math.min(into.length, this.#size - position))
    let filled = 0
    while (filled < length) {
      const start = (position + filled) % CHUNK_BYTES
      const count = Math.min(CHUNK_BYTES - start, length - filled)
      into.set(this.#chunkAt(position + filled).subarray(start, start + count), filled)
      filled += count
    }
    return length
  }

  write(buffers: readonly Uint8Array[], position: number): void {
    const end = buffers.reduce((sum, buffer) => sum + buffer.length, position)
    if (end === position) return
    const oldSize = this.#size
    this.#reserve(end)
    if (position > oldSize) this.#fillWithZeros(oldSize, position)
    this.#size = Math.max(oldSize, end)
    let at = position
    for (const buffer of buffers) {
      this.#copyIn(buffer, at)
      at += buffer.length
    }
  }

  copy(): MemoryFile {
    const copy = new MemoryFile()
    copy.#chunks = this.#chunks.map((chunk) => {
      const bytes = Buffer.allocUnsafeSlow(chunk.length)
      chunk.copy(bytes)
      return bytes
    })
    copy.#size = this.#size
    return copy
  }

  truncate(size: number): void {
    if (size > this.#size) {
      this.#reserve(size)
      this.#fillWithZeros(this.#size, size)
    }
    this.#size = size
    this.#chunks.length = Math.ceil(size / CHUNK_BYTES)
  }

  sync(): void {
    // Nothing below memory to write to.
  }

  close(): void {
    // The content belongs to the directory entry, not to the handle.
  }

  #chunkAt(position: number): Buffer {
    return this.#chunks[Math.floor(position / CHUNK_BYTES)]!
  }

  #reserve(end: number): void {
    if (end === 0) return
    const first = this.#chunks[0]
    if (first === undefined || first.length < Math.min(end, CHUNK_BYTES)) this.#growFirst(end)
    while (this.#chunks.length * CHUNK_BYTES < end) this.#chunks.push(Buffer.allocUnsafeSlow(CHUNK_BYTES))
  }

  #growFirst(end: number): void {
    const old = this.#chunks[0]
    let length = Math.max(FIRST_CHUNK_BYTES, (old?.length ?? 0) * 2)
    while (length < end && length < CHUNK_BYTES) length *= 2
    const grown = Buffer.allocUnsafeSlow(length)
    old?.copy(grown)
    this.#chunks[0] = grown
  }

  #copyIn(bytes: Uint8Array, position: number): void {
    let copied = 0
    while (copied < bytes.length) {
      const start = (position + copied) % CHUNK_BYTES
      const count = Math.min(CHUNK_BYTES - start, bytes.length - copied)
      this.#chunkAt(position + copied).set(bytes.subarray(copied, copied + count), start)
      copied += count
    }
  }

  #fillWithZeros(from: number, to: number): void {
    for (let at = from; at < to; at += CHUNK_BYTES - (at % CHUNK_BYTES)) {
      const start = at % CHUNK_BYTES
      this.#chunkAt(at).fill(0, start, Math.min(CHUNK_BYTES, start + to - at))
    }
  }
}

function copyOf(directory: Directory): Directory {
  const copies = [...directory].map(([name, node]) => {
    return [name, node instanceof MemoryFile ? node.copy() : copyOf(node)] as const
  })
  return new Map(copies)
}

function names(path: string): string[] {
  return path.split('/').filter((name) => name !== '' && name !== '.')
}

function normal(path: string): string {
  return names(path).join('/')
}

function lastName(path: string): string {
  return names(path).at(-1) ?? ''
}

function diskError(code: string, what: string, path: string): Error {
  return Object.assign(new Error(`${code}: ${what}: ${path}`), { code })
}
