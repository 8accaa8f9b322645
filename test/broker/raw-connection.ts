// Bytes to and from a broker, for what no client would send.
import { connect, type Socket } from 'node:net'
import { onTestFinished } from 'vitest'

export interface RawConnection {
  readonly socket: Socket
  /** Sends a frame (its size is added) and resolves to the next frame that comes, without its size. */
  ask(frame: Buffer): Promise<Buffer>
  /** The next frame. */
  next(): Promise<Buffer>
  /** Resolves when the broker has closed. */
  readonly closed: Promise<void>
}

export async function rawConnection({ bootstrap }: { bootstrap: string }): Promise<RawConnection> {
  const [host, port] = bootstrap.split(':')
  const socket = connect(Number(port), host)
  onTestFinished(() => void socket.destroy())
  await new Promise((resolve) => socket.once('connect', resolve))
  let received = Buffer.alloc(0)
  const waiting: ((frame: Buffer) => void)[] = []
  const frames: Buffer[] = []
  socket.on('data', (chunk: Buffer) => {
    received = Buffer.concat([received, chunk])
    while (received.length >= 4 && received.length >= 4 + received.readInt32BE(0)) {
      const end = 4 + received.readInt32BE(0)
      const frame = received.subarray(4, end)
      received = received.subarray(end)
      const taker = waiting.shift()
      if (taker) taker(frame)
      else frames.push(frame)
    }
  })
  socket.on('error', () => socket.destroy())
  const next = () => {
    const frame = frames.shift()
    return frame ? Promise.resolve(frame) : new Promise<Buffer>((resolve) => waiting.push(resolve))
  }
  return {
    socket,
    next,
    ask: (frame) => {
      socket.write(sized(frame))
      return next()
    },
    closed: new Promise((resolve) => socket.once('close', () => resolve())),
  }
}

export function sized(frame: Buffer): Buffer {
  const size = Buffer.alloc(4)
  size.writeInt32BE(frame.length)
  return Buffer.concat([size, frame])
}
