// Carries out a request that faults may meet: the hook between the dispatcher and the handlers. The connection keeps the order of
// its answers, so one that is delayed holds up those behind it on the same connection, and nothing else.

import type { fetch } from '../../protocol/messages/fetch.ts'
import type { produce } from '../../protocol/messages/produce.ts'
import type { Api, Request } from '../../protocol/schema.ts'
import type { Broker } from '../broker.ts'
import { type Answer, CLOSE, type Handle } from '../dispatcher.ts'
import { FaultedRequest } from './faulted-request.ts'
import type { Faults } from './faults.ts'

export const handleWithFaults: Handle = (broker, row, request, call) => {
  const { faults } = broker
  if (!faults || faults.isIdle) return row.handle(broker, request as never, call)
  const faulted = new FaultedRequest({
    api: row.api,
    version: call.version,
    request: request as Readonly<Record<string, unknown>>,
    topicName: (topicId) => broker.image.topicById(topicId)?.name,
    remembered: row.api.name === 'Fetch' ? rememberedTopics(broker, request as Request<typeof fetch>) : [],
  })
  const { type, name } = call.caller.principal
  const { hits, drop, close, delayMs } = faults.judge(faulted, {
    clientId: call.clientId,
    principal: `${type}:${name}`,
    listener: call.listener,
  })
  for (const { id } of hits) {
    broker.log.debug('broker.fault', 'a fault meets a request', {
      fault: id,
      api: row.api.name,
      clientId: call.clientId,
    })
  }
  const settle = (answer: Answer<Api>): Answer<Api> => {
    if (drop !== undefined) return undefined
    if (close !== undefined || answer === CLOSE) return CLOSE
    if (!faulted.isRefused) return answer === undefined ? undefined : (faulted.answer(answer) as Answer<Api>)
    // A producer that wants no answers learns of an error by a closed connection.
    if (row.api.name === 'Produce' && (request as Request<typeof produce>).acks === 0) return CLOSE
    return faulted.answer(answer) as Answer<Api>
  }
  const rest = close === 'before' || drop === 'request' ? undefined : faulted.rest()
  const answer = rest === undefined ? undefined : row.handle(broker, rest as never, call)
  if (delayMs === 0) return answer instanceof Promise ? answer.then(settle) : settle(answer as Answer<Api>)
  return later(faults, answer as Answer<Api> | Promise<Answer<Api>>, delayMs, settle)
}

async function later(
  faults: Faults,
  answer: Answer<Api> | Promise<Answer<Api>>,
  delayMs: number,
  settle: (answer: Answer<Api>) => Answer<Api>,
): Promise<Answer<Api>> {
  const settled = settle(await answer)
  await faults.hold(delayMs)
  return settled
}

/** A fetch in a session names only what changed; faults are for all that it reads. */
function rememberedTopics(broker: Broker, request: Request<typeof fetch>): Readonly<Record<string, unknown>>[] {
  const { sessionId, sessionEpoch, forgottenTopicsData } = request
  const session = sessionEpoch > 0 ? broker.fetchSessions.find(sessionId) : undefined
  if (!session) return []
  const forgotten = new Set(
    forgottenTopicsData.flatMap(({ topic, topicId, partitions }) =>
      partitions.map((partition) => `${session.usesTopicIds ? topicId : topic}:${partition}`),
    ),
  )
  return session.partitions().flatMap(({ topic, topicId, partition }) => {
    const isForgotten = forgotten.has(`${session.usesTopicIds ? topicId : topic}:${partition}`)
    return isForgotten ? [] : [{ topic, topicId, partitions: [{ partition }] }]
  })
}
