// Asks both brokers the same, one request after another, and gathers where their answers differ.
import { servedApis } from '../../../src/broker/apis/index.ts'
import { encodeRequest } from '../../../src/protocol/codec.ts'
import { createTopics } from '../../../src/protocol/messages/create-topics.ts'
import { listOffsets } from '../../../src/protocol/messages/list-offsets.ts'
import { metadata } from '../../../src/protocol/messages/metadata.ts'
import type { Api, RequestInput, Response } from '../../../src/protocol/schema.ts'
import { compare, type Difference } from './comparison.ts'
import { permissionFor } from './permissions.ts'
import type { Outcome, Side } from './side.ts'

/** A difference that nothing permits. */
export interface Finding extends Difference {
  /** `Produce v9: a topic that is not there`. */
  readonly at: string
}

export interface AskOptions<A extends Api> {
  readonly clientId?: string | null
  /** No answer is expected, or both may take long to be silent. */
  readonly silence?: boolean
  /** Asked again until both agree: what is asked about becomes true only after a while. */
  readonly settles?: boolean
  /** Asked again of one broker alone while its answer is so: it is still at work. */
  readonly again?: (answer: Response<A>) => boolean
}

/** The same for both, or made for each, where it names what that broker made up. */
export type Asked<A extends Api> = RequestInput<A> | ((side: Side) => RequestInput<A>)

/** Both answers, ours first; undefined where there was none. */
export type Answers<A extends Api> = readonly [Response<A> | undefined, Response<A> | undefined]

const settleMs = 5000
const retryMs = 20

export class Run {
  readonly findings: Finding[] = []
  /** How many requests were sent to each. */
  requests = 0
  readonly sides: readonly [Side, Side]

  constructor(ours: Side, kafkas: Side) {
    this.sides = [ours, kafkas]
  }

  /** The versions of an API that our broker serves. */
  versionsOf(api: Api): number[] {
    const { minVersion, maxVersion } = servedApis.find((served) => served.api.key === api.key)!
    return Array.from({ length: maxVersion - minVersion + 1 }, (_, index) => minVersion + index)
  }

  newest(api: Api): number {
    return this.versionsOf(api).at(-1)!
  }

  async ask<A extends Api>(
    says: string,
    api: A,
    version: number,
    asked: Asked<A>,
    options: AskOptions<A> = {},
  ): Promise<Answers<A>> {
    const at = `${api.name} v${version}: ${says}`
    const requestOf = (side: Side) => (typeof asked === 'function' ? asked(side) : asked)
    const deadline = Date.now() + settleMs
    for (;;) {
      this.requests++
      const [ours, kafkas] = await Promise.all(
        this.sides.map((side) => this.#askSide(side, api, version, () => requestOf(side), options)),
      )
      const found = this.#unpermitted(at, compare(ours!, kafkas!, this.sides))
      if (found.length === 0 || !options.settles || Date.now() > deadline) {
        this.findings.push(...found)
        return [answerOf(ours!), answerOf(kafkas!)]
      }
      await new Promise((resolve) => setTimeout(resolve, retryMs))
    }
  }

  async #askSide<A extends Api>(
    side: Side,
    api: A,
    version: number,
    request: () => RequestInput<A>,
    options: AskOptions<A>,
  ): Promise<Outcome> {
    const deadline = Date.now() + settleMs
    for (;;) {
      const outcome = await side.ask(api, version, request(), options)
      const answer = answerOf<A>(outcome)
      if (!answer || !options.again?.(answer) || Date.now() > deadline) return outcome
      await new Promise((resolve) => setTimeout(resolve, retryMs))
    }
  }

  /** The request in every version. */
  async askAll<A extends Api>(
    says: string,
    api: A,
    asked: (version: number) => Asked<A>,
    options: AskOptions<A> & { from?: number } = {},
  ): Promise<void> {
    for (const version of this.versionsOf(api))
      if (version >= (options.from ?? 0)) await this.ask(says, api, version, asked(version), options)
  }

  /** A frame as it is, with its size; only what kind of end it comes to is compared. */
  async send(says: string, frame: Buffer): Promise<void> {
    this.requests++
    const kinds = await Promise.all(
      this.sides.map(async (side) => {
        const outcome = await side.send(frame)
        return typeof outcome === 'string' ? outcome : 'answered'
      }),
    )
    if (kinds[0] === kinds[1]) return
    this.findings.push(...this.#unpermitted(says, [{ path: '', ours: kinds[0], kafkas: kinds[1] }]))
  }

  /** Makes a topic in both, and waits until both know it. */
  async topic(name: string, partitions = 1, configs: Readonly<Record<string, string>> = {}): Promise<string> {
    const entries = Object.entries(configs).map(([key, value]) => ({ name: key, value }))
    const topics = [{ name, numPartitions: partitions, replicationFactor: 1, assignments: [], configs: entries }]
    await this.ask(`makes ${name}`, createTopics, this.newest(createTopics), { topics, timeoutMs: 10_000 })
    await this.awaitTopic(name, partitions)
    return name
  }

  async awaitTopic(name: string, partitions: number): Promise<void> {
    const request = { topics: [{ name }], allowAutoTopicCreation: false }
    for (const side of this.sides) {
      const deadline = Date.now() + settleMs
      for (;;) {
        const outcome = await side.ask(metadata, 12, request)
        const topic = answerOf<typeof metadata>(outcome)?.topics[0]
        if (topic && topic.partitions.filter(({ leaderId }) => leaderId >= 0).length === partitions) {
          side.topicIds.set(name, topic.topicId)
          if (await leads(side, name, partitions)) break
        }
        if (Date.now() > deadline) throw new Error(`${name} is not there: ${JSON.stringify(outcome)}`)
        await new Promise((resolve) => setTimeout(resolve, retryMs))
      }
    }
  }

  /** Frames that our codec would not write. */
  frameOf<A extends Api>(api: A, version: number, request: RequestInput<A>): Buffer {
    return Buffer.concat(encodeRequest(api, version, { correlationId: 1, clientId: 'differential' }, request))
  }

  #unpermitted(at: string, differences: readonly Difference[]): Finding[] {
    return differences.filter((difference) => !permissionFor(at, difference)).map((found) => ({ at, ...found }))
  }
}

/** Kafka's metadata know a leader before its log takes requests. */
async function leads(side: Side, name: string, count: number): Promise<boolean> {
  const partitions = Array.from({ length: count }, (_, partitionIndex) => ({ partitionIndex, timestamp: -1 }))
  const outcome = await side.ask(listOffsets, 5, { replicaId: -1, topics: [{ name, partitions }] })
  return answerOf<typeof listOffsets>(outcome)!.topics[0]!.partitions.every(({ errorCode }) => errorCode === 0)
}

function answerOf<A extends Api>(outcome: Outcome): Response<A> | undefined {
  return typeof outcome === 'string' ? undefined : (outcome.answer as Response<A>)
}
