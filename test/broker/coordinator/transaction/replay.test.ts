// Whatever producers ask, in whatever order: the machine that replays the log is the machine that wrote it, nobody is served with an
// epoch that another was given, and what was decided is carried out.
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { NO_REQUEST } from '../../../../src/broker/coordinator/state-machine.ts'
import {
  NEEDS_PRODUCER_ID,
  type ProducerReply,
  type TransactionCommand,
} from '../../../../src/broker/coordinator/transaction/command.ts'
import type { TransactionConfig } from '../../../../src/broker/coordinator/transaction/transaction-config.ts'
import { TransactionMachine } from '../../../../src/broker/coordinator/transaction/transaction-machine.ts'
import {
  isPrepared,
  LAST_GIVEN_EPOCH,
  type TransactionMetadata,
  type TransactionRecord,
} from '../../../../src/broker/coordinator/transaction/transaction-metadata.ts'
import { transactionRecordCodec } from '../../../../src/broker/coordinator/transaction/transaction-record-codec.ts'

const config: TransactionConfig = {
  maxTimeoutMs: 900_000,
  idExpirationMs: 50_000,
  abortTimedOutIntervalMs: 10_000,
  removeExpiredIntervalMs: 10_000,
  transactionVersion: 2,
}
const codec = transactionRecordCodec(() => config.transactionVersion)

type Step =
  | { readonly ask: 'init' | 'recover' | 'add' | 'commit' | 'abort'; readonly who: number; readonly version: number }
  | { readonly ask: 'markers' | 'time-outs' | 'expiry' | 'restart' | 'exhaust' }

const who = fc.integer({ min: 0, max: 2 })
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 10,
    arbitrary: fc.record({
      ask: fc.constantFrom('init' as const, 'recover' as const, 'add' as const, 'commit' as const, 'abort' as const),
      who,
      version: fc.constantFrom(0, 2),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      ask: fc.constantFrom(
        'markers' as const,
        'time-outs' as const,
        'expiry' as const,
        'restart' as const,
        'exhaust' as const,
      ),
    }),
  },
)

class World {
  machine = new TransactionMachine(() => config)
  readonly log: { key: Buffer | null; value: Buffer | null }[] = []
  readonly #producers = new Map<number, { producerId: number; producerEpoch: number }>()
  /** Whom each producer id and epoch was given to by InitProducerId. */
  readonly #owners = new Map<string, number>()
  #nextProducerId = 1
  #nowMs = 1_000_000

  play(one: Step) {
    this.#nowMs += 5000
    switch (one.ask) {
      case 'markers': {
        const transaction = this.machine.transaction('tx')
        if (!transaction) return
        const { producerId, producerEpoch } = transaction
        return void this.#decide({ type: 'markers-written', transactionalId: 'tx', producerId, producerEpoch })
      }
      case 'time-outs':
        return void this.#decide({ type: 'abort-timed-out' })
      case 'expiry':
        return void this.#decide({ type: 'remove-expired' })
      case 'restart':
        this.machine = this.rebuilt()
        return
      case 'exhaust':
        return this.#exhaust()
      default:
        return this.#ask(one.ask, one.who, one.version)
    }
  }

  rebuilt(): TransactionMachine {
    const machine = new TransactionMachine(() => config)
    for (const bytes of this.log) machine.replay(codec.decode(bytes)!)
    return machine
  }

  #ask(ask: 'init' | 'recover' | 'add' | 'commit' | 'abort', producer: number, clientTransactionVersion: number): void {
    const own = this.#producers.get(producer) ?? { producerId: -1, producerEpoch: -1 }
    const transactionalId = 'tx'
    const freshProducerId = undefined
    if (ask === 'add') {
      const partitions = [{ topic: 't', partition: producer }]
      this.#decide({ type: 'add-partitions', transactionalId, ...own, partitions, clientTransactionVersion })
      return
    }
    const command: TransactionCommand =
      ask === 'init' || ask === 'recover'
        ? {
            type: 'init-producer-id',
            transactionalId,
            timeoutMs: 20_000,
            expected: ask === 'recover' && own.producerId >= 0 ? own : undefined,
            freshProducerId,
          }
        : {
            type: 'end',
            transactionalId,
            ...own,
            committed: ask === 'commit',
            clientTransactionVersion,
            freshProducerId,
          }
    let reply = this.#decide(command)
    if (reply === NEEDS_PRODUCER_ID) {
      reply = this.#decide({ ...command, freshProducerId: this.#nextProducerId++ } as TransactionCommand)
    }
    const { errorCode, producerId, producerEpoch } = reply as ProducerReply
    if (errorCode !== 0 || producerId < 0) return
    this.#producers.set(producer, { producerId, producerEpoch })
    if (ask !== 'init') return
    const key = `${producerId}/${producerEpoch}`
    expect(this.#owners.get(key), `${key} was given to another`).toBeUndefined()
    this.#owners.set(key, producer)
  }

  #decide(command: TransactionCommand) {
    const effects = this.machine.handle(NO_REQUEST + 1, command, this.#nowMs)
    for (const record of effects.records) this.#append(record)
    return effects.replies[0]?.reply
  }

  #append(record: TransactionRecord): void {
    const before = this.machine.transaction(record.transactionalId)
    if (before && record.value) expectStep(before, record.value)
    if (!record.value) expect(before && isPrepared(before)).not.toBe(true)
    this.log.push(codec.encode(record))
    this.machine.replay(record)
  }

  #exhaust(): void {
    const transaction = this.machine.transaction('tx')
    if (!transaction || isPrepared(transaction) || transaction.producerEpoch >= LAST_GIVEN_EPOCH) return
    this.#append({ transactionalId: 'tx', value: { ...transaction, producerEpoch: LAST_GIVEN_EPOCH } })
    this.#producers.clear()
  }
}

function expectStep(before: TransactionMetadata, after: TransactionMetadata): void {
  if (after.producerId === before.producerId) {
    expect(after.producerEpoch).toBeGreaterThanOrEqual(before.producerEpoch)
  }
  if (before.state === 'PrepareCommit') expect(after.state).toBe('CompleteCommit')
  if (before.state === 'PrepareAbort') expect(after.state).toBe('CompleteAbort')
  if (isPrepared(after)) expect(after.partitions).toEqual(before.partitions)
  if (after.state === 'Ongoing') expect(after.partitions.size).toBeGreaterThan(0)
}

it('comes back from its log as it was, whatever it was asked', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const world = new World()
      for (const one of steps) world.play(one)
      const known = world.machine.transaction('tx')
      // Kafka's record has no place for the epoch before.
      const durable = known && { ...known, lastProducerEpoch: -1 }
      expect(world.rebuilt().transaction('tx')).toEqual(durable)
    }),
    { numRuns: 300 },
  )
})
