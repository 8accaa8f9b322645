// A target that only acknowledges. It stands before a real broker, whose advertised address it is: Produce requests for copies
// are answered and forgotten, everything else is passed on. So what is measured is the mirror, not a broker's log.
import { connect, createServer, type Server, type Socket } from 'node:net'
import { encodeResponse } from '../../src/protocol/codec.ts'
import { produce } from '../../src/protocol/messages/produce.ts'
import { ByteStream, type Parser } from './byte-stream.ts'
import { DelayLine } from './delay-line.ts'

const produceKey = 0
const firstFlexibleVersion = 9
const recordsCountAt = 57
const batchHeaderBytes = 61

interface PartitionAnswer {
  readonly index: number
  readonly errorCode: number
  readonly baseOffset: number
}

/** In the order of the requests: an answer's bytes, or undefined while the broker behind has not given it. */
interface Slot {
  answer: readonly Buffer[] | undefined
}

export class AckSink {
  readonly port: number
  /** The broker behind; set once its port is known. */
  behind = 0
  /** What was acknowledged. */
  records = 0
  bytes = 0
  readonly #server: Server
  readonly #oneWayMs: number
  readonly #ends = new Map<string, number>()
  readonly #sockets = new Set<Socket>()

  private constructor(server: Server, port: number, oneWayMs: number) {
    this.#server = server
    this.port = port
    this.#oneWayMs = oneWayMs
    server.on('connection', (socket) => this.#accept(socket))
  }

  static async listen(roundTripMs: number): Promise<AckSink> {
    const server = createServer({ noDelay: true })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const address = server.address()
    if (address === null || typeof address === 'string') throw new Error('a TCP server has no port')
    return new AckSink(server, address.port, roundTripMs / 2)
  }

  close(): void {
    this.#server.close()
    for (const socket of this.#sockets) socket.destroy()
  }

  #accept(client: Socket): void {
    const broker = connect({ port: this.behind, host: '127.0.0.1', noDelay: true })
    const slots: Slot[] = []
    const out = new DelayLine<readonly Buffer[]>(this.#oneWayMs, (buffers) => {
      client.cork()
      for (const buffer of buffers) client.write(buffer)
      client.uncork()
    })
    const flush = () => {
      while (slots[0]?.answer) out.push(slots.shift()!.answer!)
    }
    const requests = new ByteStream(
      this.#requests(
        (answer) => {
          slots.push({ answer })
          flush()
        },
        (request) => {
          slots.push({ answer: undefined })
          for (const buffer of request) broker.write(buffer)
        },
      ),
    )
    const answers = new ByteStream(
      frames((frame) => {
        slots.find((slot) => slot.answer === undefined)!.answer = frame
        flush()
      }),
    )
    const inward = new DelayLine<Buffer>(this.#oneWayMs, (chunk) => requests.push(chunk))
    client.on('data', (chunk: Buffer) => inward.push(chunk))
    broker.on('data', (chunk: Buffer) => answers.push(chunk))
    for (const [socket, other] of [
      [client, broker],
      [broker, client],
    ] as const) {
      this.#sockets.add(socket)
      // A mirror that is killed resets its connections.
      socket.on('error', () => socket.destroy())
      socket.on('close', () => {
        this.#sockets.delete(socket)
        other.destroy()
      })
    }
  }

  *#requests(answer: (frame: readonly Buffer[]) => void, forward: (request: readonly Buffer[]) => void): Parser {
    for (;;) {
      const taken: Buffer[] = []
      let left = 0
      const take = function* (bytes: number): Generator<number, Buffer, Buffer> {
        left -= bytes
        const given = yield bytes
        taken.push(given)
        return given
      }
      const size = yield* take(4)
      left = size.readInt32BE(0)
      const header = yield* take(10)
      const version = header.readInt16BE(2)
      const correlationId = header.readInt32BE(4)
      if (header.readInt16BE(0) !== produceKey || version < firstFlexibleVersion) {
        yield* take(left)
        forward(taken)
        continue
      }
      yield* take(Math.max(0, header.readInt16BE(8)))
      yield* varint(take) // tagged fields of the header
      yield* take(Math.max(0, (yield* varint(take)) - 1)) // transactional id
      yield* take(6) // acks, timeout
      const topics = yield* varint(take)
      const responses: { name: string; partitionResponses: PartitionAnswer[] }[] = []
      let passedOn = false
      for (let topic = 1; topic < topics; topic++) {
        const name = (yield* take((yield* varint(take)) - 1)).toString()
        if (name.endsWith('.internal') || name === 'heartbeats') {
          passedOn = true
          break
        }
        const partitionResponses: PartitionAnswer[] = []
        const partitions = yield* varint(take)
        for (let partition = 1; partition < partitions; partition++) {
          const index = (yield* take(4)).readInt32BE(0)
          const bytes = (yield* varint(take)) - 1
          const batch = yield* take(batchHeaderBytes)
          // Only now is it sure that these are copies, whose payload nobody needs.
          left -= bytes - batchHeaderBytes
          yield -(bytes - batchHeaderBytes)
          yield* varint(take)
          partitionResponses.push({
            index,
            errorCode: 0,
            baseOffset: this.#append(`${name}-${index}`, batch.readInt32BE(recordsCountAt), bytes),
          })
        }
        yield* varint(take)
        responses.push({ name, partitionResponses })
      }
      yield* take(left)
      if (passedOn) forward(taken)
      else answer(encodeResponse(produce, version, correlationId, { responses }))
    }
  }

  #append(partition: string, records: number, bytes: number): number {
    const baseOffset = this.#ends.get(partition) ?? 0
    this.#ends.set(partition, baseOffset + records)
    this.records += records
    this.bytes += bytes
    return baseOffset
  }
}

function* varint(take: (bytes: number) => Generator<number, Buffer, Buffer>): Generator<number, number, Buffer> {
  let value = 0
  for (let shift = 0; ; shift += 7) {
    const byte = (yield* take(1))[0]!
    value += (byte & 0x7f) * 2 ** shift
    if (byte < 0x80) return value
  }
}

function* frames(each: (frame: readonly Buffer[]) => void): Parser {
  for (;;) {
    const size = yield 4
    each([size, yield size.readInt32BE(0)])
  }
}
