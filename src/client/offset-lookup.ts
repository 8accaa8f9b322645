// ListOffsets for many partitions at once: questions asked in the same turn of the event loop share a request per leader.
import type { HeliostatError } from '../platform/errors.ts'
import type { Platform } from '../platform/platform.ts'
import { ErrorCode } from '../protocol/errors.ts'
import { listOffsets } from '../protocol/messages/list-offsets.ts'
import type { ClusterClient } from './cluster-client.ts'
import type { Connection } from './connection.ts'
import { refusal } from './refusal.ts'
import { TopicPartition, withoutLeader } from './topic-partition.ts'

/** Kafka's stand-ins for a timestamp. */
export const LATEST = -1
export const EARLIEST = -2

/** Undefined: it could not be asked, or was not told. */
type Told = (offset: number | undefined, error?: HeliostatError) => void

interface Question {
  readonly topicPartition: TopicPartition
  readonly timestamp: number
  readonly told: Told
}

export class OffsetLookup {
  readonly #platform: Platform
  readonly #client: ClusterClient
  #questions: Question[] = []

  constructor(platform: Platform, client: ClusterClient) {
    this.#platform = platform
    this.#client = client
  }

  /** The first offset whose record is not older than the timestamp; −1 when there is none. Reads what is not committed, too. */
  find(topicPartition: TopicPartition, timestamp: number): Promise<number> {
    return new Promise((resolve, reject) => {
      this.tell(topicPartition, timestamp, (offset, error) => (offset === undefined ? reject(error!) : resolve(offset)))
    })
  }

  /** The same without a promise: for thousands of partitions again and again. `told` is called once. */
  tell(topicPartition: TopicPartition, timestamp: number, told: Told): void {
    this.#questions.push({ topicPartition, timestamp, told })
    if (this.#questions.length === 1) this.#platform.clock.defer(() => this.#ask())
  }

  /** What the log holds: from its first offset to its end, as readers of uncommitted data see it. */
  async range(topicPartition: TopicPartition): Promise<{ from: number; to: number }> {
    const [from, to] = await Promise.all([this.find(topicPartition, EARLIEST), this.find(topicPartition, LATEST)])
    return { from, to }
  }

  #ask(): void {
    const asked = this.#questions
    this.#questions = []
    const byLeader = new Map<number, Question[]>()
    for (const question of asked) {
      const { topic, partition } = question.topicPartition
      const leader = this.#client.leaderOf(topic, partition)
      if (!leader) question.told(undefined, withoutLeader(question.topicPartition))
      else if (byLeader.has(leader.nodeId)) byLeader.get(leader.nodeId)!.push(question)
      else byLeader.set(leader.nodeId, [question])
    }
    for (const [nodeId, questions] of byLeader) {
      const connecting = this.#client.node(nodeId, 'control')
      for (const round of inRounds(questions)) void askRound(connecting, round)
    }
  }
}

type Round = Map<TopicPartition, Question>

/** A partition may be asked for its start and its end at once; a request names it once. */
function inRounds(questions: readonly Question[]): readonly Round[] {
  const rounds: Round[] = []
  for (const question of questions) {
    let round = rounds.find((asked) => !asked.has(question.topicPartition))
    if (!round) {
      round = new Map()
      rounds.push(round)
    }
    round.set(question.topicPartition, question)
  }
  return rounds
}

/** Whoever is told is taken out of the round. */
async function askRound(connecting: Promise<Connection>, round: Round): Promise<void> {
  let failure: HeliostatError | undefined
  try {
    const connection = await connecting
    const topics = groupByTopic(round.values())
    const response = await connection.send(listOffsets, { replicaId: -1, isolationLevel: 0, topics })
    for (const { name, partitions } of response.topics)
      for (const answer of partitions) {
        const topicPartition = TopicPartition.of(name, answer.partitionIndex)
        const question = round.get(topicPartition)
        round.delete(topicPartition)
        if (question) settle(question, answer)
      }
  } catch (error) {
    failure = error as HeliostatError
  }
  for (const { topicPartition, told } of round.values()) told(undefined, failure ?? withoutLeader(topicPartition))
}

function groupByTopic(questions: Iterable<Question>) {
  const topics = new Map<string, { name: string; partitions: { partitionIndex: number; timestamp: number }[] }>()
  for (const { topicPartition, timestamp } of questions) {
    const { topic, partition } = topicPartition
    if (!topics.has(topic)) topics.set(topic, { name: topic, partitions: [] })
    topics.get(topic)!.partitions.push({ partitionIndex: partition, timestamp })
  }
  return [...topics.values()]
}

function settle(question: Question, answer: { errorCode: number; offset: number }): void {
  if (answer.errorCode === ErrorCode.NONE) question.told(answer.offset)
  else question.told(undefined, refused(question.topicPartition, answer.errorCode))
}

function refused(topicPartition: TopicPartition, errorCode: number): HeliostatError {
  const { topic, partition } = topicPartition
  const what = `the offsets of ${topicPartition} cannot be read`
  return refusal('HEL_OFFSET_LOOKUP', what, errorCode, { where: { topic, partition } })
}
