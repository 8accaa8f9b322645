/**
 * Runs a parser that pulls bytes out of a stream of chunks: it yields how many it wants and is given exactly those, or yields
 * a negative number to pass over as many unseen. So a payload of any size goes by without being gathered.
 */
export type Parser = Generator<number, void, Buffer>

const nothing = Buffer.alloc(0)

export class ByteStream {
  readonly #parser: Parser
  #wanted: number
  #partial: Buffer = nothing

  constructor(parser: Parser) {
    this.#parser = parser
    this.#wanted = parser.next().value as number
  }

  push(chunk: Buffer): void {
    let at = 0
    for (;;) {
      if (this.#wanted < 0) {
        const passed = Math.min(-this.#wanted, chunk.length - at)
        at += passed
        this.#wanted += passed
        if (this.#wanted < 0) return
        this.#next(nothing)
      } else {
        const missing = this.#wanted - this.#partial.length
        if (chunk.length - at < missing) {
          this.#partial = Buffer.concat([this.#partial, chunk.subarray(at)])
          return
        }
        const rest = chunk.subarray(at, at + missing)
        const bytes = this.#partial.length === 0 ? rest : Buffer.concat([this.#partial, rest])
        at += missing
        this.#partial = nothing
        this.#next(bytes)
      }
    }
  }

  #next(bytes: Buffer): void {
    const { value, done } = this.#parser.next(bytes)
    if (done) throw new Error('the parser ended before the stream')
    this.#wanted = value
  }
}
