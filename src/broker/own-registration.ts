import type { Broker } from './broker.ts'
import type { RegisterBrokerCommand } from './coordinator/controller/command.ts'
import { FEATURES } from './features.ts'
import { SECURITY_PROTOCOLS } from './listeners/endpoint.ts'
import type { OpenListener } from './listeners/open-listener.ts'

type Registration = RegisterBrokerCommand['registration']

/**
 * What a broker tells the controller of itself: which start of it this is, the addresses that it listens on by now, and that for other
 * nodes if there are any.
 */
export function ownRegistration(
  { nodeId, config, listeners }: Broker,
  incarnationId: string,
  internal: OpenListener | undefined,
): Registration {
  return {
    brokerId: nodeId,
    incarnationId,
    endPoints: [...listeners, ...(internal ? [internal] : [])].flatMap(({ plan: { endpoint }, advertised }) => {
      if (!advertised) return []
      const securityProtocol = SECURITY_PROTOCOLS.indexOf(endpoint.securityProtocol)
      return [{ name: endpoint.listener, ...advertised, securityProtocol }]
    }),
    features: FEATURES.map(({ name, minLevel, maxLevel }) => {
      return { name, minSupportedVersion: minLevel, maxSupportedVersion: maxLevel }
    }),
    rack: config.given('broker.rack') ?? null,
  }
}
