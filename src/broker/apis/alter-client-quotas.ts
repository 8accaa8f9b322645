// AlterClientQuotas (key 49), versions 0–1 (KIP-546). The rules are in coordinator/controller/quota-alteration.ts.
//
// - Quotas of users, client ids, both together, or addresses, and of the defaults of each. They hold from the next request on.
// - Unknown entities and keys, values that are not above 0, fractions where Kafka takes none, a key or an entity twice:
//   INVALID_REQUEST for the entity.
// - Needs ALTER_CONFIGS on the cluster: CLUSTER_AUTHORIZATION_FAILED.
// - Differs from Kafka: an ip entity is an address; a host name is refused, as names are not resolved here.

import { ErrorCode } from '../../protocol/errors.ts'
import { alterClientQuotas } from '../../protocol/messages/alter-client-quotas.ts'
import { forwarded, serve } from '../dispatcher.ts'
import { CLUSTER_NAME } from '../security/authorizer.ts'

export const serveAlterClientQuotas = forwarded(
  serve(alterClientQuotas, [0, 1], async (broker, request, call) => {
    const { entries, validateOnly } = request
    if (!call.may('ALTER_CONFIGS', 'CLUSTER', CLUSTER_NAME)) {
      const errorCode = ErrorCode.CLUSTER_AUTHORIZATION_FAILED
      const errorMessage = 'Cluster authorization failed.'
      return { throttleTimeMs: 0, entries: entries.map(({ entity }) => ({ entity, errorCode, errorMessage })) }
    }
    const reply = await broker.controller.ask({ type: 'alter-client-quotas', entries, validateOnly })
    return { throttleTimeMs: 0, entries: reply.entries }
  }),
)
