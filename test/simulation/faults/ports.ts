// What goes wrong at the edge of one program: its own calls to the machine.
import { HeliostatError } from '../../../src/platform/errors.ts'
import type { Network, Platform, Socket } from '../../../src/platform/platform.ts'

/** Decides, for the n-th call to the network counted from 1, what becomes of it. */
export interface PortFaults {
  /** Undefined: it goes well. For writes, a number: so many bytes leave, then the connection breaks. */
  verdict(call: 'connect' | 'write', bytes: number): 'fails' | number | undefined
}

export function withFaults(platform: Platform, faults: PortFaults): Platform {
  return { ...platform, network: faulty(platform.network, faults) }
}

function faulty(network: Network, faults: PortFaults): Network {
  return {
    connect: (address, handler, tls) => {
      const socket = network.connect(address, handler, tls)
      if (faults.verdict('connect', 0) !== undefined) socket.destroy(broken())
      return new FaultySocket(socket, faults)
    },
    listen: (address, accept, tls) => network.listen(address, accept, tls),
  }
}

const broken = () => new HeliostatError('HEL_CONNECTION_LOST', 'broken on purpose', { retriable: true })

class FaultySocket implements Socket {
  readonly #socket: Socket
  readonly #faults: PortFaults

  constructor(socket: Socket, faults: PortFaults) {
    this.#socket = socket
    this.#faults = faults
  }

  get remote() {
    return this.#socket.remote
  }

  get bytesQueued() {
    return this.#socket.bytesQueued
  }

  write(buffers: readonly Uint8Array[]): void {
    const all = Buffer.concat(buffers)
    const verdict = this.#faults.verdict('write', all.length)
    if (verdict === undefined) this.#socket.write(buffers)
    else if (verdict === 'fails') this.#socket.destroy(broken())
    else {
      // What has left arrives; then the peer hears of the end.
      this.#socket.write([all.subarray(0, verdict)])
      this.#socket.end()
    }
  }

  pause(): void {
    this.#socket.pause()
  }

  resume(): void {
    this.#socket.resume()
  }

  end(): void {
    this.#socket.end()
  }

  destroy(error?: Error): void {
    this.#socket.destroy(error)
  }

  reset(): void {
    this.#socket.reset()
  }
}
