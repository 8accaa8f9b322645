import { ErrorCode } from '../../protocol/errors.ts'
import type { Broker } from '../broker.ts'
import type { SharedTopic } from '../coordinator/group/share/share-group.ts'
import { NOT_BEGUN } from '../coordinator/share/share-state.ts'

/** A partition of a group, and what became of it. */
export interface SharedOutcome {
  readonly topicId: string
  readonly partition: number
  readonly errorCode: number
  readonly errorMessage: string | null
}

/**
 * Has the share coordinator keep the state of these partitions, and tells the group's coordinator when it does. Until then the group
 * remembers that it wants that, so whatever fails here is begun anew with a later heartbeat.
 */
export async function initializeShareState(
  broker: Pick<Broker, 'groups' | 'shareStore' | 'log'>,
  groupId: string,
  { stateEpoch, topics }: { readonly stateEpoch: number; readonly topics: readonly SharedTopic[] },
  startOffsetOf: (topicId: string, partition: number) => number = () => NOT_BEGUN,
): Promise<readonly SharedOutcome[]> {
  const outcomes = await Promise.all(
    topics.flatMap(({ topicId, partitions }) =>
      partitions.map(async (partition): Promise<SharedOutcome> => {
        const key = { groupId, topicId, partition }
        const startOffset = startOffsetOf(topicId, partition)
        const { errorCode, errorMessage } = await broker.shareStore.ask({
          type: 'initialize',
          key,
          stateEpoch,
          startOffset,
        })
        return { topicId, partition, errorCode, errorMessage }
      }),
    ),
  )
  const done = new Set(outcomes.filter(({ errorCode }) => errorCode === ErrorCode.NONE).map(nameOf))
  const initialized = topics
    .map((topic) => {
      const partitions = topic.partitions.filter((partition) => done.has(nameOf({ ...topic, partition })))
      return { ...topic, partitions }
    })
    .filter(({ partitions }) => partitions.length > 0)
  try {
    const succeeded = initialized.length > 0
    await broker.groups.ask({ type: 'share-initialized', groupId, topics: initialized, succeeded })
  } catch (error) {
    broker.log.debug('share.initialized-unheard', 'the group moved while its share state was begun', {
      group: groupId,
      error: String(error),
    })
  }
  return outcomes
}

function nameOf({ topicId, partition }: { readonly topicId: string; readonly partition: number }): string {
  return `${topicId}:${partition}`
}
