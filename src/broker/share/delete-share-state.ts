import { ErrorCode } from '../../protocol/errors.ts'
import type { Broker } from '../broker.ts'
import type { SharedTopic } from '../coordinator/group/share/share-group.ts'

/** Has the share coordinator forget the group in these topics; what it could not, by topic id. */
export async function deleteShareState(
  { shareStore }: Pick<Broker, 'shareStore'>,
  groupId: string,
  topics: readonly SharedTopic[],
): Promise<ReadonlyMap<string, number>> {
  const failures = new Map<string, number>()
  const deleting = topics.flatMap(({ topicId, partitions }) =>
    partitions.map(async (partition) => {
      const { errorCode } = await shareStore.ask({ type: 'delete', key: { groupId, topicId, partition } })
      if (errorCode !== ErrorCode.NONE) failures.set(topicId, errorCode)
    }),
  )
  await Promise.all(deleting)
  return failures
}
