// The listener on which the nodes of a cluster meet: the quorum, the followers, and whatever brokers ask the controller. Clients are not
// told of it, and what is served there is served to nobody else.

import type { Address } from '../../platform/platform.ts'
import { BrokerConfig } from '../broker-config.ts'
import type { PeerSecurity } from '../raft/peer.ts'
import { type ListenerPlan, listenerPlans, type PlanOptions } from './listener-plan.ts'

export const INTERNAL_LISTENER = 'INTERNAL'
const USER = 'broker'

/** `secret`: known to the nodes of the cluster alone; absent: whoever reaches the address is trusted, as on a listener without login. */
export function internalListenerPlan(
  bind: Address,
  files: PlanOptions['files'],
  secret: string | undefined,
): ListenerPlan {
  const name = INTERNAL_LISTENER
  const security = secret === undefined ? 'PLAINTEXT' : 'SASL_PLAINTEXT'
  const login = 'org.apache.kafka.common.security.plain.PlainLoginModule'
  const config = new BrokerConfig({
    listeners: `${name}://${bind.host.includes(':') ? `[${bind.host}]` : bind.host}:${bind.port}`,
    'listener.security.protocol.map': `${name}:${security}`,
    ...(secret !== undefined && {
      'sasl.enabled.mechanisms': 'PLAIN',
      [`listener.name.${name.toLowerCase()}.plain.sasl.jaas.config`]: `${login} required user_${USER}="${secret}";`,
    }),
  })
  const options = { address: { host: bind.host, port: 0 }, allowInsecure: true, files }
  // Neither chance nor credentials are needed for one user with one password.
  const ground = { random: { bytes: Buffer.alloc, fraction: () => 0 }, scramCredentials: () => undefined }
  const [plan] = listenerPlans(config, options, ground)
  return { ...plan!, isInternal: true }
}

/** How a node logs in there. */
export function internalSecurity(secret: string | undefined): PeerSecurity {
  return secret === undefined ? {} : { sasl: { mechanism: 'plain', username: USER, password: secret } }
}
