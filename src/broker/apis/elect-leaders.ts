// ElectLeaders (key 43), versions 0–2 (KIP-183, KIP-460). The rules are in coordinator/controller/leader-election.ts.
//
// - The preferred leader, or any that lives where there is none: then records may be lost. ELECTION_NOT_NEEDED where that leads already,
//   or where there is one; asked for all partitions, as by Kafka those are left out. PREFERRED_LEADER_NOT_AVAILABLE,
//   ELIGIBLE_LEADERS_NOT_AVAILABLE: nobody can.
// - No such topic or partition: UNKNOWN_TOPIC_OR_PARTITION. Before v1 only the preferred leader; an unknown type: INVALID_REQUEST.
// - Needs ALTER on the cluster: CLUSTER_AUTHORIZATION_FAILED.

import { ErrorCode } from '../../protocol/errors.ts'
import { electLeaders } from '../../protocol/messages/elect-leaders.ts'
import type { Request } from '../../protocol/schema.ts'
import type { ItemError } from '../coordinator/controller/command.ts'
import { ELECTION } from '../coordinator/controller/leader-election.ts'
import { invalid } from '../coordinator/controller/topic-creation.ts'
import { forwarded, serve } from '../dispatcher.ts'
import { CLUSTER_NAME } from '../security/authorizer.ts'

export const serveElectLeaders = forwarded(
  serve(electLeaders, [0, 2], async (broker, request, call) => {
    const error = requestError(request, call.may('ALTER', 'CLUSTER', CLUSTER_NAME))
    if (error) {
      const all = [...broker.image.topics.keys()].map((topic) => ({ topic, partitions: [] }))
      const replicaElectionResults = (request.topicPartitions ?? all).map(({ topic, partitions }) => ({
        topic,
        partitionResult: partitions.map((partitionId) => ({ partitionId, ...error })),
      }))
      return { throttleTimeMs: 0, errorCode: error.errorCode, replicaElectionResults }
    }
    const { electionType, topicPartitions: topics } = request
    const { results } = await broker.controller.ask({ type: 'elect-leaders', electionType, topics })
    return { throttleTimeMs: 0, errorCode: ErrorCode.NONE, replicaElectionResults: results }
  }),
)

function requestError({ electionType }: Request<typeof electLeaders>, mayAlter: boolean): ItemError | undefined {
  if (!mayAlter) return invalid('CLUSTER_AUTHORIZATION_FAILED', 'Cluster authorization failed.')
  if ((Object.values(ELECTION) as number[]).includes(electionType)) return undefined
  return invalid('INVALID_REQUEST', `Unknown election type ${electionType}`)
}
