// What was asked on one connection, and whether the answers are ones that a client could read: in the order of the requests, of the
// shape of the version that was asked.
import { decodeRequestHeader, decodeResponse } from '../../src/protocol/codec.ts'
import { apiVersions } from '../../src/protocol/messages/api-versions.ts'
import { apiByKey } from '../../src/protocol/messages/index.ts'
import { saslHandshake } from '../../src/protocol/messages/sasl-handshake.ts'
import type { Api } from '../../src/protocol/schema.ts'

interface Asked {
  readonly apiKey: number
  readonly apiVersion: number
  readonly correlationId: number
}

const FRAME_BYTES_MAX = 100 * 1024 * 1024
const PRODUCE = 0

export class Conversation {
  #written = Buffer.alloc(0)
  #received = Buffer.alloc(0)
  #asked: Asked[] = []
  /** After a frame that cannot be there is no telling where the next one starts. */
  #isLost = false
  /** After a handshake of version 0 tokens come without headers, and so do their answers. */
  #isRaw = false
  frames = 0

  /** The client writes. */
  wrote(bytes: Buffer): void {
    if (this.#isLost) return
    this.#written = Buffer.concat([this.#written, bytes])
    while (this.#written.length >= 4) {
      const size = this.#written.readInt32BE(0)
      if (size < 0 || size > FRAME_BYTES_MAX) {
        this.#isLost = true
        return
      }
      if (this.#written.length < 4 + size) return
      this.frames++
      try {
        const header = decodeRequestHeader(this.#written.subarray(4, 4 + size))
        this.#isRaw ||= header.apiKey === saslHandshake.key && header.apiVersion === 0
        this.#asked.push(header)
      } catch {
        this.#isLost = true
        return
      }
      this.#written = this.#written.subarray(4 + size)
    }
  }

  /** The answers in what the broker sent; throws where no client could make sense of it. */
  heard(bytes: Buffer): unknown[] {
    if (this.#isRaw) return []
    this.#received = Buffer.concat([this.#received, bytes])
    const answers: unknown[] = []
    while (this.#received.length >= 4 && this.#received.length >= 4 + this.#received.readInt32BE(0)) {
      const end = 4 + this.#received.readInt32BE(0)
      answers.push(this.#answer(this.#received.subarray(4, end)))
      this.#received = this.#received.subarray(end)
    }
    return answers
  }

  #answer(frame: Buffer): unknown {
    const correlationId = frame.readInt32BE(0)
    const at = this.#asked.findIndex((asked) => asked.correlationId === correlationId)
    if (at < 0) throw new Error(`an answer to ${correlationId}, which was not asked`)
    const silent = this.#asked.slice(0, at).find(({ apiKey }) => apiKey !== PRODUCE)
    if (silent) throw new Error(`an answer to ${correlationId} before that to ${silent.correlationId}`)
    const { apiKey, apiVersion } = this.#asked[at]!
    this.#asked = this.#asked.slice(at + 1)
    const api = apiByKey(apiKey)
    if (!api) throw new Error(`an answer of the API ${apiKey}, which nobody knows`)
    return decodeResponse(api, this.#answerVersion(api, apiVersion), frame)
  }

  #answerVersion(api: Api, version: number): number {
    return api.key === apiVersions.key && (version < 0 || version > 4) ? 0 : version
  }
}
