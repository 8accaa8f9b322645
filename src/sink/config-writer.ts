// Changes single configs of topics on the target (IncrementalAlterConfigs, KIP-339). A broker refuses all changes of a topic for
// the sake of one; then each is tried alone, so that what can be had is had, and what cannot is named.
import type { ClusterClient } from '../client/cluster-client.ts'
import type { Connection } from '../client/connection.ts'
import { HeliostatError } from '../platform/errors.ts'
import { ErrorCode, errorOf } from '../protocol/errors.ts'
import { incrementalAlterConfigs } from '../protocol/messages/incremental-alter-configs.ts'

export interface ConfigChange {
  readonly name: string
  /** Null: back to the target's own default. */
  readonly value: string | null
}

export interface RefusedConfig extends ConfigChange {
  readonly topic: string
  readonly reason: string
}

type Answer = { readonly errorCode: number; readonly errorMessage: string | null }

const TOPIC = 2
const SET = 0
const DELETE = 1
const TOPICS_PER_REQUEST = 100

/** About the topic as a whole: no change of it fares better alone. */
const OF_THE_TOPIC: ReadonlySet<number> = new Set([
  ErrorCode.TOPIC_AUTHORIZATION_FAILED,
  ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
])

export class ConfigWriter {
  readonly #client: ClusterClient

  constructor(client: ClusterClient) {
    this.#client = client
  }

  /** Changes configs, by topic, and tells what was refused. Throws when the target could not answer for now. */
  async alter(changes: ReadonlyMap<string, readonly ConfigChange[]>): Promise<readonly RefusedConfig[]> {
    const wanted = [...changes].filter(([, list]) => list.length > 0)
    if (wanted.length === 0) return []
    const connection = await this.#client.controller()
    const refused: RefusedConfig[] = []
    for (let at = 0; at < wanted.length; at += TOPICS_PER_REQUEST) {
      const turn = wanted.slice(at, at + TOPICS_PER_REQUEST)
      const answers = await this.#send(connection, turn)
      for (const [index, [topic, list]] of turn.entries())
        refused.push(...(await this.#judge(connection, topic, list, answers[index]!)))
    }
    return refused
  }

  async #judge(
    connection: Connection,
    topic: string,
    changes: readonly ConfigChange[],
    answer: Answer,
  ): Promise<RefusedConfig[]> {
    if (answer.errorCode === ErrorCode.NONE) return []
    const { name, retriable, message } = errorOf(answer.errorCode)
    const reason = `${name} (${answer.errorMessage ?? message})`
    if (OF_THE_TOPIC.has(answer.errorCode) || (changes.length === 1 && !retriable))
      return changes.map((change) => ({ topic, ...change, reason }))
    if (retriable)
      throw new HeliostatError('HEL_CONFIGS_REFUSED', `the configs of ${topic} cannot be changed yet: ${reason}`, {
        retriable,
        where: { topic, errorCode: answer.errorCode },
      })
    const refused: RefusedConfig[] = []
    for (const change of changes) {
      const [alone] = await this.#send(connection, [[topic, [change]]])
      refused.push(...(await this.#judge(connection, topic, [change], alone!)))
    }
    return refused
  }

  /** The answers in the order of the topics. */
  async #send(
    connection: Connection,
    topics: readonly (readonly [string, readonly ConfigChange[]])[],
  ): Promise<Answer[]> {
    const response = await connection.send(incrementalAlterConfigs, {
      resources: topics.map(([resourceName, changes]) => ({
        resourceType: TOPIC,
        resourceName,
        configs: changes.map(({ name, value }) => ({ name, value, configOperation: value === null ? DELETE : SET })),
      })),
      validateOnly: false,
    })
    const answers = new Map(response.responses.map((answer) => [answer.resourceName, answer]))
    const silence = { errorCode: ErrorCode.UNKNOWN_SERVER_ERROR, errorMessage: 'the answer leaves the topic out' }
    return topics.map(([topic]) => answers.get(topic) ?? silence)
  }
}
