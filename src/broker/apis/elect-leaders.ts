// ElectLeaders (key 43), versions 0–2 (KIP-183, KIP-460).
//
// - The only broker leads every partition and is its preferred leader: ELECTION_NOT_NEEDED, whether the preferred or any leader is
//   wanted. Asked for all partitions, as by Kafka those that need no election are left out.
// - No such topic or partition: UNKNOWN_TOPIC_OR_PARTITION. Before v1 only the preferred leader; an unknown type: INVALID_REQUEST.
// - Needs ALTER on the cluster: CLUSTER_AUTHORIZATION_FAILED.

import { ErrorCode } from '../../protocol/errors.ts'
import { electLeaders } from '../../protocol/messages/elect-leaders.ts'
import type { Request } from '../../protocol/schema.ts'
import type { ItemError } from '../coordinator/controller/command.ts'
import type { ReadonlyMetadataImage } from '../coordinator/controller/metadata-image.ts'
import { invalid } from '../coordinator/controller/topic-creation.ts'
import { serve } from '../dispatcher.ts'
import { CLUSTER_NAME } from '../security/authorizer.ts'

const PREFERRED = 0
const UNCLEAN = 1

export const serveElectLeaders = serve(electLeaders, [0, 2], (broker, request, call) => {
  const error = requestError(request, call.may('ALTER', 'CLUSTER', CLUSTER_NAME))
  const asked = request.topicPartitions ?? [...broker.image.topics.keys()].map((topic) => ({ topic, partitions: [] }))
  const replicaElectionResults = asked.map(({ topic, partitions }) => ({
    topic,
    partitionResult: partitions.map((partitionId) => {
      return { partitionId, ...(error ?? election(broker.image, topic, partitionId)) }
    }),
  }))
  return { throttleTimeMs: 0, errorCode: error?.errorCode ?? ErrorCode.NONE, replicaElectionResults }
})

function requestError({ electionType }: Request<typeof electLeaders>, mayAlter: boolean): ItemError | undefined {
  if (!mayAlter) return invalid('CLUSTER_AUTHORIZATION_FAILED', 'Cluster authorization failed.')
  if (electionType === PREFERRED || electionType === UNCLEAN) return undefined
  return invalid('INVALID_REQUEST', `Unknown election type ${electionType}`)
}

function election(image: ReadonlyMetadataImage, name: string, partitionId: number): ItemError {
  const topic = image.topics.get(name)
  if (!topic) return invalid('UNKNOWN_TOPIC_OR_PARTITION', `No such topic as ${name}`)
  if (!topic.partitions[partitionId]) {
    return invalid('UNKNOWN_TOPIC_OR_PARTITION', `No such partition as ${name}-${partitionId}`)
  }
  return invalid('ELECTION_NOT_NEEDED', 'Leader election not needed for topic partition.')
}
