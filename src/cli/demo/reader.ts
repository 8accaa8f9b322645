import type { Consumer } from 'kafkajs'
import { type Ledger, parseId } from './ledger.ts'
import { demoClient } from './traffic.ts'

/** One member of a consumer group: processes records into the ledger and commits after each batch. */
export class Reader {
  readonly #ledger: Ledger
  readonly #group: string
  readonly #consumer: Consumer

  constructor(ledger: Ledger, group: string, bootstrap: string) {
    this.#ledger = ledger
    this.#group = group
    this.#consumer = demoClient(bootstrap, `demo-${group}`).consumer({
      groupId: group,
      sessionTimeout: 6_000,
      heartbeatInterval: 1_000,
      maxWaitTimeInMs: 200,
      metadataMaxAge: 1_000,
      // The reader is told when its cluster is dead; it does not come back by itself.
      retry: { retries: 0, restartOnFailure: async () => false },
    })
  }

  async start(topics: readonly string[]): Promise<void> {
    await this.#consumer.connect()
    await this.#consumer.subscribe({ topics: [...topics], fromBeginning: true })
    await this.#consumer.run({
      autoCommit: false,
      partitionsConsumedConcurrently: 4,
      eachBatch: async ({ batch, isStale, isRunning }) => {
        if (isStale() || !isRunning()) return
        for (const message of batch.messages) {
          const id = parseId(message.value?.toString() ?? '')
          if (id) this.#ledger.process(this.#group, id)
        }
        const offset = String(Number(batch.lastOffset()) + 1)
        await this.#consumer.commitOffsets([{ topic: batch.topic, partition: batch.partition, offset }])
      },
    })
  }

  async stop(): Promise<void> {
    await this.#consumer.disconnect()
  }
}
