// Finds where Kafka's frames begin in a stream of bytes, and reads the head of each. It holds nothing up: bytes pass while it looks.
//
// A frame is four bytes of size, then that many. A request's head: int16 api key, int16 version, int32 correlation id, the client
// id as a string of int16 length. An answer's head: int32 correlation id.

const SIZE_BYTES = 4
const REQUEST_HEAD_BYTES = SIZE_BYTES + 10
const ANSWER_HEAD_BYTES = SIZE_BYTES + 4
/** Of a longer client id only so much is read. */
const CLIENT_ID_BYTES_MAX = 255

export interface RequestHead {
  readonly apiKey: number
  readonly correlationId: number
  readonly clientId: string
}

/**
 * 1. `onHead` is called once for each frame whose head is whole, in order.
 * 2. A stream that cannot be Kafka's is given up: nothing more is found in it.
 */
export class FrameWalk {
  readonly #headBytes: (head: Buffer, have: number) => number
  readonly #head = Buffer.alloc(REQUEST_HEAD_BYTES + CLIENT_ID_BYTES_MAX)
  #have = 0
  /** Of the frame whose head is known: what has not come yet. */
  #left = 0
  #isLost = false

  private constructor(headBytes: (head: Buffer, have: number) => number) {
    this.#headBytes = headBytes
  }

  static ofRequests(): FrameWalk {
    return new FrameWalk(requestHeadBytes)
  }

  static ofAnswers(): FrameWalk {
    return new FrameWalk((_, have) => (have < SIZE_BYTES ? SIZE_BYTES : ANSWER_HEAD_BYTES))
  }

  /** Walks on over the next bytes. `onHead` hears where in them the frame begins, 0 when it began before them; false ends the walk. */
  over(bytes: Buffer, onHead: (head: Buffer, start: number) => boolean): void {
    let start = 0
    for (let at = 0; at < bytes.length && !this.#isLost; ) {
      if (this.#left > 0) {
        const passed = Math.min(this.#left, bytes.length - at)
        this.#left -= passed
        at += passed
        start = at
        continue
      }
      at += this.#collect(bytes, at)
      if (this.#have < this.#wanted()) continue
      const size = this.#head.readInt32BE(0)
      const head = this.#head.subarray(0, this.#have)
      this.#left = SIZE_BYTES + size - this.#have
      this.#have = 0
      this.#isLost = this.#left < 0
      if (this.#isLost || !onHead(head, start)) return
      start = at
    }
  }

  #collect(bytes: Buffer, at: number): number {
    const some = Math.min(this.#wanted() - this.#have, bytes.length - at)
    bytes.copy(this.#head, this.#have, at, at + some)
    this.#have += some
    return some
  }

  /** How long the head is, as far as can be known yet; a frame may be shorter than a head. */
  #wanted(): number {
    const wanted = this.#headBytes(this.#head, this.#have)
    if (this.#have < SIZE_BYTES) return wanted
    return Math.max(SIZE_BYTES, Math.min(wanted, SIZE_BYTES + this.#head.readInt32BE(0)))
  }
}

function requestHeadBytes(head: Buffer, have: number): number {
  if (have < SIZE_BYTES) return SIZE_BYTES
  if (have < REQUEST_HEAD_BYTES) return REQUEST_HEAD_BYTES
  const length = head.readInt16BE(REQUEST_HEAD_BYTES - 2)
  return REQUEST_HEAD_BYTES + Math.min(Math.max(length, 0), CLIENT_ID_BYTES_MAX)
}

/** Undefined when the frame is too short to be a request. */
export function requestHead(head: Buffer): RequestHead | undefined {
  if (head.length < REQUEST_HEAD_BYTES) return undefined
  return {
    apiKey: head.readInt16BE(SIZE_BYTES),
    correlationId: head.readInt32BE(SIZE_BYTES + 4),
    clientId: head.toString('utf8', REQUEST_HEAD_BYTES),
  }
}

/** Undefined when the frame is too short to be an answer. */
export function correlationIdOf(head: Buffer): number | undefined {
  return head.length < ANSWER_HEAD_BYTES ? undefined : head.readInt32BE(SIZE_BYTES)
}
