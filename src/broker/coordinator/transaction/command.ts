import type { Re2 } from '../../re2.ts'
import type { TopicPartition, TransactionState } from './transaction-metadata.ts'

/** What a transaction coordinator is asked. */
export type TransactionCommand =
  | InitProducerIdCommand
  | AddPartitionsCommand
  | EndCommand
  | {
      readonly type: 'verify-partitions'
      readonly transactionalId: string
      readonly producerId: number
      readonly producerEpoch: number
      readonly partitions: readonly TopicPartition[]
    }
  /** Every partition has its marker. */
  | {
      readonly type: 'markers-written'
      readonly transactionalId: string
      readonly producerId: number
      readonly producerEpoch: number
    }
  | { readonly type: 'describe'; readonly transactionalId: string }
  | ListCommand
  | TransactionTimerCommand

/** Commands that only timers give. */
type TransactionTimerCommand = { readonly type: 'abort-timed-out' } | { readonly type: 'remove-expired' }

export interface InitProducerIdCommand {
  readonly type: 'init-producer-id'
  readonly transactionalId: string
  readonly timeoutMs: number
  /** What the producer has, when it recovers its own epoch (KIP-360). */
  readonly expected: { readonly producerId: number; readonly producerEpoch: number } | undefined
  /** A producer id never used before, once the coordinator has said that it needs one. */
  readonly freshProducerId: number | undefined
}

export interface AddPartitionsCommand {
  readonly type: 'add-partitions'
  readonly transactionalId: string
  readonly producerId: number
  readonly producerEpoch: number
  readonly partitions: readonly TopicPartition[]
  readonly clientTransactionVersion: number
}

export interface EndCommand {
  readonly type: 'end'
  readonly transactionalId: string
  readonly producerId: number
  readonly producerEpoch: number
  readonly committed: boolean
  readonly clientTransactionVersion: number
  readonly freshProducerId: number | undefined
}

export interface ListCommand {
  readonly type: 'list'
  /** Empty: all. */
  readonly states: readonly string[]
  /** Empty: all. */
  readonly producerIds: readonly number[]
  /** Only transactions that run longer than this; negative: all. */
  readonly durationMs: number
  readonly pattern: Re2 | undefined
}

/** Asked again with a fresh producer id, the coordinator will decide. */
export const NEEDS_PRODUCER_ID = 'needs-producer-id'

/** The reply to each command that has one. */
export interface TransactionReplies {
  'init-producer-id': ProducerReply | typeof NEEDS_PRODUCER_ID
  'add-partitions': { readonly errorCode: number }
  'verify-partitions': { readonly partitions: readonly (TopicPartition & { readonly errorCode: number })[] }
  end: ProducerReply | typeof NEEDS_PRODUCER_ID
  'markers-written': undefined
  describe: TransactionDescription | undefined
  list: { readonly transactions: readonly TransactionListing[] }
}

export type TransactionReply = TransactionReplies[keyof TransactionReplies]

/** With an error, and where nothing changed, both are −1. */
export interface ProducerReply {
  readonly errorCode: number
  readonly producerId: number
  readonly producerEpoch: number
}

export interface TransactionListing {
  readonly transactionalId: string
  readonly producerId: number
  readonly state: TransactionState
}

export interface TransactionDescription extends TransactionListing {
  readonly producerEpoch: number
  readonly timeoutMs: number
  readonly startTimestamp: number
  readonly topics: readonly { readonly topic: string; readonly partitions: readonly number[] }[]
}
