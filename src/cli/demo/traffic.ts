import { CompressionTypes, Kafka, logLevel, type Producer } from 'kafkajs'
import { type Clock, sleep } from '../../platform/platform.ts'
import { idText, type Ledger } from './ledger.ts'

export interface DemoTopic {
  readonly name: string
  readonly partitions: number
  readonly recordsPerSecond: number
}

/** What the demo's applications write. */
export const demoTopics: readonly DemoTopic[] = [
  { name: 'orders', partitions: 4, recordsPerSecond: 1_000 },
  { name: 'payments', partitions: 2, recordsPerSecond: 400 },
  { name: 'clicks', partitions: 4, recordsPerSecond: 600 },
]

const tickMs = 50

/** A kafkajs client that speaks to one cluster and keeps its troubles to itself: an outage is part of the play. */
export const demoClient = (bootstrap: string, clientId: string) =>
  new Kafka({
    clientId,
    brokers: bootstrap.split(','),
    logLevel: logLevel.NOTHING,
    connectionTimeout: 1_000,
    requestTimeout: 5_000,
    retry: { retries: 2, initialRetryTime: 50, maxRetryTime: 200 },
  })

/** Produces to one cluster at a steady rate, idempotently and in order, and enters what was acknowledged in the ledger. */
export class Traffic {
  readonly #clock: Clock
  readonly #ledger: Ledger
  readonly #origin: string
  readonly #producer: Producer
  readonly #next = new Map<string, number>()
  #stopping = false
  #loop: Promise<void> = Promise.resolve()

  constructor(clock: Clock, ledger: Ledger, origin: string, bootstrap: string) {
    this.#clock = clock
    this.#ledger = ledger
    this.#origin = origin
    this.#producer = demoClient(bootstrap, 'demo-shop').producer({
      idempotent: true,
      maxInFlightRequests: 1,
      allowAutoTopicCreation: false,
    })
  }

  async start(): Promise<void> {
    await this.#producer.connect()
    this.#loop = this.#run()
  }

  /** Ends after the send under way; what was acknowledged is in the ledger, what is unknown is not. */
  async stop(): Promise<void> {
    this.#stopping = true
    await this.#loop
    await this.#producer.disconnect()
  }

  async #run(): Promise<void> {
    while (!this.#stopping) {
      const startedAt = this.#clock.monotonic()
      try {
        await this.#tick()
      } catch {
        // The cluster is gone. A record whose fate is unknown must not be followed by another: this producer is done.
        return
      }
      await sleep(this.#clock, Math.max(0, tickMs - (this.#clock.monotonic() - startedAt)))
    }
  }

  async #tick(): Promise<void> {
    const topicMessages = demoTopics.map(({ name, partitions, recordsPerSecond }) => ({
      topic: name,
      messages: Array.from({ length: Math.max(1, Math.round((recordsPerSecond * tickMs) / 1_000)) }, (_, index) => {
        const partition = index % partitions
        const key = `${name}/${partition}`
        const sequence =
          this.#next.get(key) ?? this.#ledger.acknowledged({ origin: this.#origin, topic: name, partition })
        this.#next.set(key, sequence + 1)
        const value = idText({ origin: this.#origin, topic: name, partition, sequence })
        return { partition, key: `customer-${sequence % 97}`, value, headers: { shop: 'demo' } }
      }),
    }))
    await this.#producer.sendBatch({ topicMessages, acks: -1, compression: CompressionTypes.None })
    for (const { topic, messages } of topicMessages) {
      for (const { partition } of messages) {
        const sequence = (this.#next.get(`${topic}/${partition}`) ?? 0) - 1
        this.#ledger.acknowledge({ origin: this.#origin, topic, partition, sequence })
      }
    }
  }
}
