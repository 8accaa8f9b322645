import type { Address, Listener, Network, Socket, SocketHandler } from '../../platform/platform.ts'
import type { ListenerPlan } from './listener-plan.ts'

/** A listener that accepts connections. */
export class OpenListener {
  readonly plan: ListenerPlan
  readonly #listener: Listener

  private constructor(plan: ListenerPlan, listener: Listener) {
    this.plan = plan
    this.#listener = listener
  }

  static async open(
    network: Network,
    plan: ListenerPlan,
    accept: (socket: Socket, plan: ListenerPlan) => SocketHandler,
  ): Promise<OpenListener> {
    const listener = await network.listen(plan.endpoint.bind, (socket) => accept(socket, plan), plan.tls)
    return new OpenListener(plan, listener)
  }

  /** What clients of this listener are told. */
  get advertised(): Address | undefined {
    const { advertised } = this.plan.endpoint
    return advertised && { host: advertised.host, port: advertised.port || this.#listener.address.port }
  }

  close(): Promise<void> {
    return this.#listener.close()
  }
}

/** `host:port`, with an IPv6 host in brackets. */
export function addressText({ host, port }: Address): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}
