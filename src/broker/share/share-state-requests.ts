// What the five APIs of the share coordinator have in common: each is about some of a group's partitions, one by one.

import { ErrorCode } from '../../protocol/errors.ts'
import type { Broker } from '../broker.ts'
import { orElse } from '../coordinator/runtime.ts'
import type { ShareCommand, ShareReply } from '../coordinator/share/share-machine.ts'
import { NOTHING_KEPT, type ShareKey } from '../coordinator/share/share-state.ts'
import type { Call } from '../dispatcher.ts'
import { CLUSTER_NAME } from '../security/authorizer.ts'

interface AskedTopics<Row> {
  readonly groupId: string
  readonly topics: readonly { readonly topicId: string; readonly partitions: readonly Row[] }[]
}

/** Asks the share coordinator of this broker, in the order of the request; brokers alone may. */
export async function askEach<Row extends { readonly partition: number }, Answer>(
  broker: Broker,
  call: Call,
  { groupId, topics }: AskedTopics<Row>,
  commandOf: (key: ShareKey, row: Row) => ShareCommand,
  answerOf: (partition: number, reply: ShareReply) => Answer,
): Promise<{ topicId: string; partitions: Answer[] }[]> {
  const isAllowed = call.may('CLUSTER_ACTION', 'CLUSTER', CLUSTER_NAME)
  const ask = async (key: ShareKey, row: Row): Promise<ShareReply> => {
    if (!isAllowed) return failed(ErrorCode.CLUSTER_AUTHORIZATION_FAILED)
    if (!broker.image.topicById(key.topicId)?.partitions[key.partition])
      return failed(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)
    return orElse(broker.shareStates.ask(commandOf(key, row)), failed)
  }
  return Promise.all(
    topics.map(async ({ topicId, partitions }) => {
      const answers = partitions.map(async (row) => {
        const { partition } = row
        return answerOf(partition, await ask({ groupId, topicId, partition }, row))
      })
      return { topicId, partitions: await Promise.all(answers) }
    }),
  )
}

function failed(errorCode: number): ShareReply {
  return { errorCode, errorMessage: null, state: NOTHING_KEPT }
}
