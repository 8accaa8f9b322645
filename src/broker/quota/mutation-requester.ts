import type { BrokerConfig } from '../broker-config.ts'
import type { MutationRequester } from '../coordinator/controller/command.ts'
import type { Call } from '../dispatcher.ts'

/** Clients of `strictSince` and later know THROTTLING_QUOTA_EXCEEDED; what older ones ask is done, and they pause (KIP-599). */
export function mutationRequester(config: BrokerConfig, call: Call, strictSince: number): MutationRequester {
  return {
    user: call.caller.principal.name,
    clientId: call.clientId,
    isStrict: call.version >= strictSince,
    burstSeconds: config.number('controller.quota.window.num') * config.number('controller.quota.window.size.seconds'),
  }
}
