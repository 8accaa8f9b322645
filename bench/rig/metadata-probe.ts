// How soon a broker answers Metadata of all its topics. One hand-written request (version 12), so that the instrument shares no code
// with what it measures, and the answer is not decoded.
import { once } from 'node:events'
import { connect } from 'node:net'

/** Header version 2 without a client id; all topics (null), no creation, no operations. */
const request = Buffer.from('0003000c00000007ffff00' + '00' + '00' + '00' + '00', 'hex')

export interface MetadataAnswer {
  /** From the first byte of the request to the last of the answer. */
  readonly ms: number
  readonly bytes: number
}

export async function askMetadata(port: number): Promise<MetadataAnswer> {
  const socket = connect(port, '127.0.0.1')
  await once(socket, 'connect')
  socket.setNoDelay(true)
  const size = Buffer.alloc(4)
  size.writeInt32BE(request.length)
  const startedAt = performance.now()
  socket.write(Buffer.concat([size, request]))
  let expected: number | undefined
  let received = 0
  for await (const chunk of socket as AsyncIterable<Buffer>) {
    expected ??= 4 + chunk.readInt32BE(0)
    received += chunk.length
    if (received >= expected) break
  }
  socket.destroy()
  if (received === 0 || received !== expected) throw new Error(`Metadata: ${received} bytes of ${expected}`)
  return { ms: performance.now() - startedAt, bytes: received }
}
