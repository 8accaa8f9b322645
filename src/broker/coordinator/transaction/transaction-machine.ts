import { type Effects, NO_REQUEST, Outcome, type RequestId, type StateMachine } from '../state-machine.ts'
import { addPartitions, verifyPartitions } from './add-partitions.ts'
import type { Call } from './call.ts'
import type { TransactionCommand, TransactionReplies, TransactionReply } from './command.ts'
import { abortByFencing, complete, endTransaction } from './end-transaction.ts'
import { initProducerId } from './init-producer-id.ts'
import { describeTransaction, listTransactions } from './listing.ts'
import type { TransactionConfig } from './transaction-config.ts'
import { isPrepared, isSettled, type TransactionMetadata, type TransactionRecord } from './transaction-metadata.ts'

/** What a timer finds goes into one batch of the log, which has its limit; the rest comes at once after. */
const FOUND_AT_ONCE = 500
const AT_ONCE_MS = 1

type TransactionEffects = Effects<TransactionCommand, TransactionRecord, TransactionReply>

const READS: ReadonlySet<TransactionCommand['type']> = new Set(['describe', 'list', 'verify-partitions'])

/**
 * The transactions of one partition of `__transaction_state`.
 *
 * 1. All state is in the log but `lastProducerEpoch`, which a restart forgets: a producer that asks again across it is fenced.
 * 2. A transaction leaves Prepare* only by `markers-written` of the same producer id and epoch.
 */
export class TransactionMachine implements StateMachine<TransactionCommand, TransactionRecord, TransactionReply> {
  readonly #config: () => TransactionConfig
  readonly #transactions = new Map<string, TransactionMetadata>()

  /** What the config says is asked anew for each command: it may change while the broker runs. */
  constructor(config: () => TransactionConfig) {
    this.#config = config
  }

  handle(id: RequestId, command: TransactionCommand, nowMs: number): TransactionEffects {
    const call = this.#call(id, nowMs)
    this.#decide(call, command)
    return call.outcome
  }

  replay({ transactionalId, value }: TransactionRecord): void {
    if (value) this.#transactions.set(transactionalId, value)
    else this.#transactions.delete(transactionalId)
  }

  isRead({ type }: TransactionCommand): boolean {
    return READS.has(type)
  }

  loaded(nowMs: number): TransactionEffects {
    const call = this.#call(NO_REQUEST, nowMs)
    this.#armAborts(call)
    this.#armRemoval(call)
    return call.outcome
  }

  /** For tests and transcripts: the transactional id as it stands. */
  transaction(transactionalId: string): TransactionMetadata | undefined {
    return this.#transactions.get(transactionalId)
  }

  #call(id: RequestId, nowMs: number): Call {
    return { id, nowMs, config: this.#config(), outcome: new Outcome() }
  }

  #decide(call: Call, command: TransactionCommand) {
    switch (command.type) {
      case 'abort-timed-out':
        return this.#abortTimedOut(call)
      case 'remove-expired':
        return this.#removeExpired(call)
      case 'list':
        return call.outcome.reply(call.id, {
          transactions: listTransactions(this.#transactions, command, call.nowMs),
        })
      default:
        return call.outcome.reply(call.id, this.#answer(call, command))
    }
  }

  #answer(
    call: Call,
    command: Exclude<TransactionCommand, { type: 'abort-timed-out' | 'remove-expired' | 'list' }>,
  ): TransactionReplies[(typeof command)['type']] {
    const { transactionalId } = command
    const transaction = this.#transactions.get(transactionalId)
    switch (command.type) {
      case 'init-producer-id':
        return initProducerId(call, transaction, command)
      case 'add-partitions':
        return { errorCode: addPartitions(call, transaction, command) }
      case 'verify-partitions':
        return { partitions: verifyPartitions(transaction, command) }
      case 'end':
        return endTransaction(call, transaction, command)
      case 'markers-written':
        return this.#markersWritten(call, transaction, command)
      case 'describe':
        return transaction && describeTransaction(transactionalId, transaction)
    }
  }

  /** Invariant 2. */
  #markersWritten(
    call: Call,
    transaction: TransactionMetadata | undefined,
    { transactionalId, producerId, producerEpoch }: Extract<TransactionCommand, { type: 'markers-written' }>,
  ): undefined {
    if (!transaction || !isPrepared(transaction)) return
    if (transaction.producerId !== producerId || transaction.producerEpoch !== producerEpoch) return
    complete(call, transactionalId, transaction)
  }

  #abortTimedOut(call: Call) {
    for (const [transactionalId, transaction] of this.#transactions) {
      const { state, startTimestamp, timeoutMs } = transaction
      if (state !== 'Ongoing' || startTimestamp + timeoutMs >= call.nowMs) continue
      if (call.outcome.records.length === FOUND_AT_ONCE) return this.#armAborts(call, AT_ONCE_MS)
      abortByFencing(call, transactionalId, transaction)
    }
    this.#armAborts(call)
  }

  #removeExpired(call: Call) {
    const expiredBefore = call.nowMs - call.config.idExpirationMs
    for (const [transactionalId, transaction] of this.#transactions) {
      if (!isSettled(transaction) || transaction.lastUpdateTimestamp > expiredBefore) continue
      if (call.outcome.records.length === FOUND_AT_ONCE) return this.#armRemoval(call, AT_ONCE_MS)
      call.outcome.record({ transactionalId, value: null })
    }
    this.#armRemoval(call)
  }

  #armAborts({ outcome, config }: Call, delayMs = config.abortTimedOutIntervalMs): void {
    outcome.setTimer('abort-timed-out', delayMs, { type: 'abort-timed-out' })
  }

  #armRemoval({ outcome, config }: Call, delayMs = config.removeExpiredIntervalMs): void {
    outcome.setTimer('remove-expired', delayMs, { type: 'remove-expired' })
  }
}
