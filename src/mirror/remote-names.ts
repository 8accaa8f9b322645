// Whose copy each topic of a target cluster is. A mirrored partition has one writer, since its sequence is its position; so of two
// topics that would get one name the second is refused, unless both flows write in transactions, which stand other writers. Flows of
// one process that have a target in common share these names.
import type { TopicMetadata } from '../client/metadata.ts'
import { HeliostatError } from '../platform/errors.ts'
import { internalTopics, isKafkasOwn } from './naming/internal-topics.ts'
import { nameProblem, type ReplicationPolicy } from './replication-policy.ts'

interface Origin {
  readonly flow: string
  readonly topic: string
  /** Whether its copy may have other writers. */
  readonly mayShare: boolean
}

export class RemoteNames {
  readonly #origins = new Map<string, readonly Origin[]>()

  /** Takes a name of the target for a topic; who has it and does not share it, if that is another. */
  claim(remoteTopic: string, origin: Origin): Origin | undefined {
    const known = this.#origins.get(remoteTopic) ?? []
    const others = known.filter(({ flow, topic }) => flow !== origin.flow || topic !== origin.topic)
    const other = others.find(({ mayShare }) => !mayShare || !origin.mayShare)
    if (other) return other
    this.#origins.set(remoteTopic, [...others, origin])
    return undefined
  }

  /** Other flows of this process whose copies have this name. */
  sharers(remoteTopic: string, flow: string): string[] {
    return (this.#origins.get(remoteTopic) ?? []).flatMap((origin) => (origin.flow === flow ? [] : [origin.flow]))
  }

  /** The flow is gone, and its names are free. */
  release(flow: string): void {
    for (const [remoteTopic, origins] of this.#origins) {
      const left = origins.filter((origin) => origin.flow !== flow)
      if (left.length > 0) this.#origins.set(remoteTopic, left)
      else this.#origins.delete(remoteTopic)
    }
  }
}

/** Topics of a source whose names on the target are possible and their own, and why the others are not mirrored. */
export interface Named {
  readonly topics: readonly TopicMetadata[]
  readonly refused: ReadonlyMap<string, HeliostatError>
}

/**
 * Sorts the topics that a flow would mirror. Of several that would get one name the one counts that is mirrored already
 * (`isMirrored` tells, and is asked only then), else the first by name, so that every instance decides alike.
 */
export async function nameTopics(
  topics: readonly TopicMetadata[],
  policy: ReplicationPolicy,
  isMirrored: (topic: string) => Promise<boolean>,
): Promise<Named> {
  const isInternal = internalTopics(policy.separator)
  const refused = new Map<string, HeliostatError>()
  const refuse = (topic: string, why: string) =>
    refused.set(topic, new HeliostatError('HEL_TOPIC_NAME', `${topic} is not mirrored: ${why}`, { where: { topic } }))
  const possible = topics.filter(({ name }) => {
    const remoteTopic = policy.remoteTopic(name)
    const isTaken = remoteTopic !== name && isInternal(remoteTopic) && !isInternal(name)
    const problem =
      nameProblem(remoteTopic) ??
      (isTaken || isKafkasOwn(remoteTopic) || isOwn(policy, remoteTopic)
        ? `${remoteTopic} is the name of an internal topic on the target`
        : undefined)
    if (problem !== undefined) refuse(name, problem)
    return problem === undefined
  })
  const named: TopicMetadata[] = []
  for (const [remoteTopic, ofName] of Map.groupBy(possible, ({ name }) => policy.remoteTopic(name))) {
    const first = ofName.length === 1 ? ofName[0]! : await choose(ofName, isMirrored)
    named.push(first)
    for (const { name } of ofName)
      if (name !== first.name) refuse(name, `${first.name} has the name ${remoteTopic} on the target`)
  }
  return { topics: named, refused }
}

async function choose(
  topics: readonly TopicMetadata[],
  isMirrored: (topic: string) => Promise<boolean>,
): Promise<TopicMetadata> {
  const byName = [...topics].sort((a, b) => (a.name < b.name ? -1 : 1))
  for (const topic of byName) if (await isMirrored(topic.name)) return topic
  return byName[0]!
}

/** Ours, or one of those that MirrorMaker's readers know. */
function isOwn(policy: ReplicationPolicy, remoteTopic: string): boolean {
  const { progressTopic, gapsTopic, aclsTopic, checkpointsTopic, offsetSyncsTopic, heartbeatsTopic } = policy
  return [progressTopic, gapsTopic, aclsTopic, checkpointsTopic, offsetSyncsTopic, heartbeatsTopic].includes(
    remoteTopic,
  )
}
