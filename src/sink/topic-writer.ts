// Creates, grows and deletes topics on the target. What another instance did first counts as done.
import type { ClusterClient } from '../client/cluster-client.ts'
import { HeliostatError } from '../platform/errors.ts'
import { ErrorCode, errorOf } from '../protocol/errors.ts'
import { createPartitions } from '../protocol/messages/create-partitions.ts'
import { createTopics } from '../protocol/messages/create-topics.ts'
import { deleteTopics } from '../protocol/messages/delete-topics.ts'
import { ZERO_UUID } from '../protocol/schema.ts'

export interface TopicPlan {
  readonly name: string
  readonly partitions: number
  /** −1: the target's own default. */
  readonly replicationFactor: number
  readonly configs: ReadonlyMap<string, string>
}

const TIMEOUT_MS = 30_000
/** Since this version a topic can be named by its id alone. */
const DELETES_BY_ID = 6

export class TopicWriter {
  readonly #client: ClusterClient

  constructor(client: ClusterClient) {
    this.#client = client
  }

  /** Creates what is missing; the map tells what was refused, by topic. */
  async create(plans: readonly TopicPlan[]): Promise<ReadonlyMap<string, HeliostatError>> {
    if (plans.length === 0) return new Map()
    const controller = await this.#client.controller()
    const response = await controller.send(createTopics, {
      timeoutMs: TIMEOUT_MS,
      validateOnly: false,
      topics: plans.map(({ name, partitions, replicationFactor, configs }) => ({
        name,
        numPartitions: partitions,
        replicationFactor,
        assignments: [],
        configs: [...configs].map(([config, value]) => ({ name: config, value })),
      })),
    })
    const refused = new Map<string, HeliostatError>()
    for (const { name, errorCode, errorMessage } of response.topics)
      if (errorCode !== ErrorCode.NONE && errorCode !== ErrorCode.TOPIC_ALREADY_EXISTS)
        refused.set(name, refusal('created', name, errorCode, errorMessage))
    return refused
  }

  /** Grows topics to at least these partition counts. */
  async grow(counts: ReadonlyMap<string, number>): Promise<ReadonlyMap<string, HeliostatError>> {
    if (counts.size === 0) return new Map()
    const controller = await this.#client.controller()
    const response = await controller.send(createPartitions, {
      timeoutMs: TIMEOUT_MS,
      validateOnly: false,
      topics: [...counts].map(([name, count]) => ({ name, count, assignments: null })),
    })
    const refused = new Map<string, HeliostatError>()
    // "Topic already has that many partitions" is what another instance's success looks like.
    for (const { name, errorCode, errorMessage } of response.results)
      if (errorCode !== ErrorCode.NONE && errorCode !== ErrorCode.INVALID_PARTITIONS)
        refused.set(name, refusal('given partitions', name, errorCode, errorMessage))
    return refused
  }

  /** Deletes this very topic: by its id where the target knows ids. One that is gone already counts as deleted. */
  async remove({ name, topicId }: { readonly name: string; readonly topicId: string }): Promise<void> {
    const controller = await this.#client.controller()
    const byId = topicId !== ZERO_UUID && controller.versionOf(deleteTopics) >= DELETES_BY_ID
    const topics = [byId ? { name: null, topicId } : { name, topicId: ZERO_UUID }]
    const request = { topics, topicNames: [name], timeoutMs: TIMEOUT_MS }
    const { responses } = await controller.send(deleteTopics, request)
    const { errorCode, errorMessage } = responses[0] ?? {
      errorCode: ErrorCode.UNKNOWN_SERVER_ERROR,
      errorMessage: null,
    }
    const isGone = errorCode === ErrorCode.UNKNOWN_TOPIC_OR_PARTITION || errorCode === ErrorCode.UNKNOWN_TOPIC_ID
    if (errorCode !== ErrorCode.NONE && !isGone) throw refusal('deleted', name, errorCode, errorMessage)
  }
}

function refusal(what: string, topic: string, errorCode: number, message: string | null): HeliostatError {
  const { name, retriable, message: meaning } = errorOf(errorCode)
  return new HeliostatError(
    'HEL_TOPIC_REFUSED',
    `${topic} cannot be ${what} on the target: ${name} (${message ?? meaning})`,
    {
      retriable,
      where: { topic, errorCode },
    },
  )
}
