import type { Address, Listener, Network, Socket, SocketHandler } from '../../platform/platform.ts'
import type { ListenerPlan } from './listener-plan.ts'

/** A listener that accepts connections. */
export class OpenListener {
  readonly plan: ListenerPlan
  /** What clients of this listener are told; absent: nobody is told of it. */
  readonly advertised: Address | undefined
  readonly #listener: Listener

  private constructor(plan: ListenerPlan, listener: Listener, advertised: Address | undefined) {
    this.plan = plan
    this.advertised = advertised
    this.#listener = listener
  }

  static async open(
    network: Network,
    plan: ListenerPlan,
    nodeId: number,
    accept: (socket: Socket, plan: ListenerPlan) => SocketHandler,
  ): Promise<OpenListener> {
    const listener = await network.listen(plan.endpoint.bind, (socket) => accept(socket, plan), plan.tls)
    try {
      return new OpenListener(plan, listener, await advertisedAddress(plan, nodeId, listener.address))
    } catch (error) {
      await listener.close()
      throw error
    }
  }

  /** Where it listens, which is known also where it was told to take any free port. */
  get bound(): Address {
    return this.#listener.address
  }

  close(): Promise<void> {
    return this.#listener.close()
  }
}

async function advertisedAddress(plan: ListenerPlan, nodeId: number, bound: Address): Promise<Address | undefined> {
  const { endpoint, approached, tls } = plan
  if (approached) {
    const { by, insteadOf, host } = approached
    return by.open({ nodeId, listener: insteadOf, host, isEncrypted: tls !== undefined, target: bound })
  }
  const { advertised } = endpoint
  return advertised && { host: advertised.host, port: advertised.port || bound.port }
}

/** `host:port`, with an IPv6 host in brackets. */
export function addressText({ host, port }: Address): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}
