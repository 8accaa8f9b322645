// Plays a script against a transaction machine and writes down what it answers, what it puts in its log and what its timers do.
//
// A script is prose (lines with #) and blocks: a command, `----`, the expected output. A caller keeps the producer id and epoch that it
// was given last; words `key=value` override that. Records pass through Kafka's bytes on their way.

import { type Effects, NO_REQUEST } from '../../../../src/broker/coordinator/state-machine.ts'
import {
  NEEDS_PRODUCER_ID,
  type ProducerReply,
  type TransactionCommand,
  type TransactionReply,
} from '../../../../src/broker/coordinator/transaction/command.ts'
import type { TransactionConfig } from '../../../../src/broker/coordinator/transaction/transaction-config.ts'
import { TransactionMachine } from '../../../../src/broker/coordinator/transaction/transaction-machine.ts'
import {
  LAST_GIVEN_EPOCH,
  partitionsOf,
  type TopicPartition,
  type TransactionMetadata,
  type TransactionRecord,
} from '../../../../src/broker/coordinator/transaction/transaction-metadata.ts'
import { transactionRecordCodec } from '../../../../src/broker/coordinator/transaction/transaction-record-codec.ts'
import { errorOf } from '../../../../src/protocol/errors.ts'

const START_MS = 1_000_000
const FIRST_PRODUCER_ID = 100

interface Producer {
  readonly producerId: number
  readonly producerEpoch: number
}

export class Transcript {
  #config: TransactionConfig = {
    maxTimeoutMs: 900_000,
    idExpirationMs: 3_600_000,
    abortTimedOutIntervalMs: 10_000,
    removeExpiredIntervalMs: 600_000,
    transactionVersion: 2,
  }
  #machine = new TransactionMachine(() => this.#config)
  readonly #codec = transactionRecordCodec(() => this.#config.transactionVersion)
  readonly #log: { key: Buffer | null; value: Buffer | null }[] = []
  readonly #timers = new Map<string, { at: number; command: TransactionCommand }>()
  readonly #known = new Map<string, Producer>()
  #nextProducerId = FIRST_PRODUCER_ID
  #nowMs = START_MS
  #lines: string[] = []

  constructor() {
    this.#apply(this.#machine.loaded(this.#nowMs))
    this.#lines = []
  }

  /** Runs one command of the script and returns what came of it. */
  run(text: string): string {
    this.#lines = []
    const [verb = '', ...words] = text.trim().split(/\s+/)
    if (verb === 'advance') this.#advance(Number(words[0]))
    else if (verb === 'restart') this.#restart()
    else if (verb === 'config') this.#configure(words)
    else if (verb === 'exhaust') this.#exhaust(words[0]!)
    else this.#call(verb, words)
    return this.#lines.length === 0 ? 'nothing\n' : `${this.#lines.join('\n')}\n`
  }

  #call(verb: string, words: readonly string[]) {
    const name = words.find((word) => !word.includes('=')) ?? 'admin'
    const rest = words.filter((word) => !word.includes('=')).slice(1)
    const options = new Map(
      words.filter((word) => word.includes('=')).map((word) => word.split('=') as [string, string]),
    )
    const own = this.#known.get(name)
    const number = (key: string, otherwise: number) => Number(options.get(key) ?? otherwise)
    const common = {
      transactionalId: options.get('id') ?? 'tx',
      producerId: number('pid', own?.producerId ?? -1),
      producerEpoch: number('epoch', own?.producerEpoch ?? -1),
    }
    const { transactionalId, producerId, producerEpoch } = common
    const partitions = rest.map(topicPartition)
    const clientTransactionVersion = number('version', 2)
    switch (verb) {
      case 'init': {
        const timeoutMs = number('timeout', 60_000)
        return this.#ask(name, {
          type: 'init-producer-id',
          transactionalId,
          timeoutMs,
          expected: undefined,
          freshProducerId: undefined,
        })
      }
      case 'recover': {
        const expected = { producerId, producerEpoch }
        const timeoutMs = number('timeout', 60_000)
        return this.#ask(name, {
          type: 'init-producer-id',
          transactionalId,
          timeoutMs,
          expected,
          freshProducerId: undefined,
        })
      }
      case 'add':
        return this.#ask(name, { type: 'add-partitions', ...common, partitions, clientTransactionVersion })
      case 'verify':
        return this.#ask(name, { type: 'verify-partitions', ...common, partitions })
      case 'commit':
      case 'abort': {
        const committed = verb === 'commit'
        return this.#ask(name, {
          type: 'end',
          ...common,
          committed,
          clientTransactionVersion,
          freshProducerId: undefined,
        })
      }
      case 'markers-written':
        return this.#ask(name, { type: 'markers-written', ...common })
      case 'describe':
        return this.#ask(name, { type: 'describe', transactionalId })
      default:
        throw new Error(`the script says ${verb}, which is nothing`)
    }
  }

  /** As the host does: a fresh producer id is drawn when the machine says that it needs one. */
  #ask(name: string, command: TransactionCommand): void {
    const effects = this.#machine.handle(1, command, this.#nowMs)
    const reply = effects.replies[0]?.reply
    if (reply === NEEDS_PRODUCER_ID) {
      const freshProducerId = this.#nextProducerId++
      this.#lines.push(`fresh producer id ${freshProducerId}`)
      this.#ask(name, { ...command, freshProducerId } as TransactionCommand)
      return
    }
    this.#apply(effects)
    if (command.type === 'init-producer-id' || command.type === 'end') this.#keep(name, reply as ProducerReply)
    this.#lines.push(`${name}: ${describeReply(reply)}`)
  }

  #keep(name: string, { errorCode, producerId, producerEpoch }: ProducerReply): void {
    if (errorCode === 0 && producerId >= 0) this.#known.set(name, { producerId, producerEpoch })
  }

  #apply(effects: Effects<TransactionCommand, TransactionRecord, TransactionReply>): void {
    for (const record of effects.records) {
      this.#log.push(this.#codec.encode(record))
      this.#lines.push(`log: ${describeRecord(record)}`)
      this.#machine.replay(record)
    }
    for (const { key, delayMs, command } of effects.timers) {
      if (command) this.#timers.set(key, { at: this.#nowMs + delayMs, command })
      else this.#timers.delete(key)
    }
  }

  #advance(ms: number): void {
    const end = this.#nowMs + ms
    for (;;) {
      const due = [...this.#timers].filter(([, timer]) => timer.at <= end).sort((a, b) => a[1].at - b[1].at)[0]
      if (!due) break
      const [key, { at, command }] = due
      this.#timers.delete(key)
      this.#nowMs = at
      const before = this.#lines.length
      this.#apply(this.#machine.handle(NO_REQUEST, command, at))
      if (this.#lines.length > before) this.#lines.splice(before, 0, `${at - START_MS} ms: ${command.type}`)
    }
    this.#nowMs = end
  }

  /** As if the caller had recovered its epoch until the last that is given. */
  #exhaust(name: string): void {
    const { producerId } = this.#known.get(name)!
    const from = this.#machine.transaction('tx')!
    const record = {
      transactionalId: 'tx',
      value: { ...from, producerEpoch: LAST_GIVEN_EPOCH, lastProducerEpoch: LAST_GIVEN_EPOCH - 1 },
    }
    this.#log.push(this.#codec.encode(record))
    this.#machine.replay(record)
    this.#known.set(name, { producerId, producerEpoch: LAST_GIVEN_EPOCH })
    this.#lines.push(`${name}: ${producerId}/${LAST_GIVEN_EPOCH}`)
  }

  /** The broker dies: what was not in the log is forgotten. */
  #restart(): void {
    this.#machine = new TransactionMachine(() => this.#config)
    this.#timers.clear()
    for (const bytes of this.#log) this.#machine.replay(this.#codec.decode(bytes)!)
    this.#apply(this.#machine.loaded(this.#nowMs))
    this.#lines.push(`replayed ${this.#log.length} records`)
  }

  #configure(words: readonly string[]): void {
    const changes = Object.fromEntries(words.map((word) => word.split('=')).map(([key, value]) => [key, Number(value)]))
    this.#config = { ...this.#config, ...changes }
    this.#lines.push('ok')
  }
}

function topicPartition(word: string): TopicPartition {
  const at = word.lastIndexOf('-')
  return { topic: word.slice(0, at), partition: Number(word.slice(at + 1)) }
}

function describeRecord({ transactionalId, value }: TransactionRecord): string {
  return value ? `${transactionalId} ${describeMetadata(value)}` : `${transactionalId} forgotten`
}

function describeMetadata(transaction: TransactionMetadata): string {
  const { state, producerId, previousProducerId, nextProducerId, producerEpoch, startTimestamp } = transaction
  const ids = `${producerId}/${producerEpoch} before=${previousProducerId}`
  const next = nextProducerId >= 0 ? ` next=${nextProducerId}` : ''
  const partitions = [...partitionsOf(transaction.partitions)].map(({ topic, partition }) => `${topic}-${partition}`)
  const since = startTimestamp < 0 ? '' : ` since=${startTimestamp - START_MS}`
  const version = transaction.clientTransactionVersion
  return `${state} ${ids}${next}${since} version=${version} [${partitions.join(' ')}]`
}

function describeReply(reply: TransactionReply | undefined): string {
  if (reply === undefined) return 'nothing'
  return JSON.stringify(reply, (key, value) =>
    key === 'errorCode' ? errorOf(value as number).name : value,
  ).replaceAll('"', '')
}
