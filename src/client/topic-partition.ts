// A topic and a partition number as one value. Interned, so that it is compared with === and serves as a Map key; nothing is
// ever forgotten, since a process meets few thousands of them and each costs less than a hundred bytes.
import { HeliostatError } from '../platform/errors.ts'

const interned = new Map<string, (TopicPartition | undefined)[]>()

export class TopicPartition {
  readonly topic: string
  readonly partition: number

  private constructor(topic: string, partition: number) {
    this.topic = topic
    this.partition = partition
    Object.freeze(this)
  }

  static of(topic: string, partition: number): TopicPartition {
    let partitions = interned.get(topic)
    if (!partitions) {
      partitions = []
      interned.set(topic, partitions)
    }
    // A sparse array for a nonsensical number would be a hole in memory, and a fraction a different key.
    if (!TopicPartition.isNumber(partition)) {
      throw new RangeError(`${partition} is no partition number (topic ${topic})`)
    }
    const known = partitions[partition]
    if (known) return known
    const made = new TopicPartition(topic, partition)
    partitions[partition] = made
    return made
  }

  static isNumber(partition: number): boolean {
    return Number.isInteger(partition) && partition >= 0 && partition <= PARTITION_MAX
  }

  /** As `of`, but makes none: for names that anybody may have sent. */
  static known(topic: string, partition: number): TopicPartition | undefined {
    return interned.get(topic)?.[partition]
  }

  toString(): string {
    return `${this.topic}-${this.partition}`
  }
}

const PARTITION_MAX = 1_000_000

/** Nobody can be asked about it: an election is under way, or metadata are old. */
export function withoutLeader(topicPartition: TopicPartition): HeliostatError {
  const { topic, partition } = topicPartition
  const message = `${topicPartition} has no leader at the moment`
  return new HeliostatError('HEL_NO_LEADER', message, { retriable: true, where: { topic, partition } })
}
