// Memory that sockets are read into, handed on to another socket as it is, and used again once that one has taken it.

const ROOM_BYTES = 64 * 1024
/** A read into less would be many reads. */
const ROOM_BYTES_MIN = 16 * 1024

/** Rooms that nobody uses now, for all connections over a link. */
export class RoomPool {
  readonly #free: Buffer[] = []
  readonly #freeMax: number

  constructor(freeBytesMax: number) {
    this.#freeMax = Math.floor(freeBytesMax / ROOM_BYTES)
  }

  take(): Buffer {
    return this.#free.pop() ?? Buffer.allocUnsafeSlow(ROOM_BYTES)
  }

  give(room: Buffer): void {
    if (this.#free.length < this.#freeMax) this.#free.push(room)
  }
}

interface Room {
  readonly memory: Buffer
  used: number
  /** Of the used, from its start on. */
  released: number
}

/**
 * What one socket is read into.
 *
 * 1. Bytes that were kept stay as they are until they are released; they are released in the order in which they were kept.
 */
export class Rooms {
  readonly #pool: RoomPool
  /** The last is the one that is read into. */
  readonly #rooms: Room[] = []

  constructor(pool: RoomPool) {
    this.#pool = pool
  }

  readInto(): Buffer {
    const last = this.#rooms.at(-1)
    if (last && last.released === last.used) {
      last.used = 0
      last.released = 0
    }
    if (last && last.memory.length - last.used >= ROOM_BYTES_MIN) return last.memory.subarray(last.used)
    const memory = this.#pool.take()
    this.#rooms.push({ memory, used: 0, released: 0 })
    return memory
  }

  /** The first `length` bytes of what `readInto` gave last. What is not kept is written over by the next read. */
  keep(length: number): Buffer {
    const room = this.#rooms.at(-1)!
    const start = room.used
    room.used += length
    return room.memory.subarray(start, room.used)
  }

  /** As `keep`, only to look. */
  look(length: number): Buffer {
    const { memory, used } = this.#rooms.at(-1)!
    return memory.subarray(used, used + length)
  }

  /** Nobody reads the oldest so many bytes any more. */
  release(bytes: number): void {
    let left = bytes
    while (left > 0) {
      const first = this.#rooms[0]!
      const some = Math.min(left, first.used - first.released)
      first.released += some
      left -= some
      // The last one has been offered for the next read.
      if (first.released < first.used || this.#rooms.length === 1) return
      this.#rooms.shift()
      this.#pool.give(first.memory)
    }
  }

  /** Gives all of it back: the connection is over. */
  close(): void {
    // What a socket may still be writing is left to the collector.
    for (const room of this.#rooms.splice(0)) if (room.released === room.used) this.#pool.give(room.memory)
  }
}
