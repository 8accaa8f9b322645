// How far a single-node cluster's partitions reach for readers of committed data, asked often and cheaply. One hand-written request (ListOffsets v2), so that
// the instrument shares no code with what it measures.
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'

export interface TopicPartitions {
  readonly topic: string
  readonly partitions: number
}

const listOffsets = 2
const version = 2
const readCommitted = 1
const latest = -1n

export class ClusterEnds {
  readonly #socket: Socket
  readonly #waiting: ((frame: Buffer) => void)[] = []
  #received: Buffer = Buffer.alloc(0)

  private constructor(socket: Socket) {
    this.#socket = socket
    socket.setNoDelay(true)
    socket.on('data', (bytes) => this.#didRead(bytes))
  }

  static async open(port: number): Promise<ClusterEnds> {
    const socket = connect(port, '127.0.0.1')
    await once(socket, 'connect')
    return new ClusterEnds(socket)
  }

  close(): void {
    this.#socket.destroy()
  }

  /** The end offsets of all partitions, in order; 0 for one that is not there (yet). */
  async ends(topics: readonly TopicPartitions[]): Promise<number[][]> {
    const answer = new Promise<Buffer>((resolve) => this.#waiting.push(resolve))
    this.#socket.write(request(topics))
    return parse(await answer, topics)
  }

  /** Records in the topics, provided that nothing was deleted or compacted. */
  async count(topics: readonly TopicPartitions[]): Promise<number> {
    return (await this.ends(topics)).flat().reduce((sum, end) => sum + end, 0)
  }

  #didRead(bytes: Buffer): void {
    this.#received = this.#received.length === 0 ? bytes : Buffer.concat([this.#received, bytes])
    while (this.#received.length >= 4) {
      const end = 4 + this.#received.readInt32BE(0)
      if (this.#received.length < end) return
      this.#waiting.shift()?.(this.#received.subarray(4, end))
      this.#received = this.#received.subarray(end)
    }
  }
}

function request(topics: readonly TopicPartitions[]): Buffer {
  const size = topics.reduce(
    (sum, { topic, partitions }) => sum + 2 + Buffer.byteLength(topic) + 4 + partitions * 12,
    23,
  )
  const frame = Buffer.alloc(size)
  let at = frame.writeInt32BE(size - 4)
  at = frame.writeInt16BE(listOffsets, at)
  at = frame.writeInt16BE(version, at)
  at = frame.writeInt32BE(0, at)
  at = frame.writeInt16BE(-1, at)
  at = frame.writeInt32BE(-1, at)
  at = frame.writeInt8(readCommitted, at)
  at = frame.writeInt32BE(topics.length, at)
  for (const { topic, partitions } of topics) {
    at = frame.writeInt16BE(Buffer.byteLength(topic), at)
    at += frame.write(topic, at)
    at = frame.writeInt32BE(partitions, at)
    for (let partition = 0; partition < partitions; partition++) {
      at = frame.writeInt32BE(partition, at)
      at = frame.writeBigInt64BE(latest, at)
    }
  }
  return frame
}

function parse(frame: Buffer, topics: readonly TopicPartitions[]): number[][] {
  const ends = new Map(topics.map(({ topic, partitions }) => [topic, new Array<number>(partitions).fill(0)]))
  let at = 8 // past the throttle time
  const topicCount = frame.readInt32BE(at)
  at += 4
  for (let topic = 0; topic < topicCount; topic++) {
    const length = frame.readInt16BE(at)
    const name = frame.toString('utf8', at + 2, at + 2 + length)
    at += 2 + length
    const partitionCount = frame.readInt32BE(at)
    at += 4
    for (let partition = 0; partition < partitionCount; partition++, at += 22) {
      const error = frame.readInt16BE(at + 4)
      if (error === 0) ends.get(name)![frame.readInt32BE(at)] = Number(frame.readBigInt64BE(at + 14))
    }
  }
  return topics.map(({ topic }) => ends.get(topic)!)
}
