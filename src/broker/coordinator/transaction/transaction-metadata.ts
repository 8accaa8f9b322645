/** As DescribeTransactions spells them, in the order of Kafka's status numbers. The last two are steps that nobody here stops at. */
export const TRANSACTION_STATES = [
  'Empty',
  'Ongoing',
  'PrepareCommit',
  'PrepareAbort',
  'CompleteCommit',
  'CompleteAbort',
  'Dead',
  'PrepareEpochFence',
] as const

export type TransactionState = (typeof TRANSACTION_STATES)[number]

export const NO_PRODUCER_ID = -1
export const NO_EPOCH = -1
/** The one after it is never given to a producer: it is left for fencing whoever has this one. */
export const LAST_GIVEN_EPOCH = 32_766

/** Partition ids by topic. */
export type Partitions = ReadonlyMap<string, ReadonlySet<number>>
export const NO_PARTITIONS: Partitions = new Map()

export interface TopicPartition {
  readonly topic: string
  readonly partition: number
}

/**
 * A transactional id: who may use it, and where its transaction stands. A value; each step makes the next one.
 *
 * 1. The epoch never falls but with a new producer id, and only the newest epoch may do anything.
 * 2. There are partitions only in Ongoing and Prepare*; a decision, once it is in Prepare*, is never taken back.
 */
export interface TransactionMetadata {
  readonly producerId: number
  /** Whose the last step was. */
  readonly previousProducerId: number
  /** Which the producer goes on with after this transaction, its epochs being used up. */
  readonly nextProducerId: number
  /** NO_EPOCH: nobody has been given the id yet. */
  readonly producerEpoch: number
  /** The one before, while its owner may ask again for the present one (KIP-360). Kafka's record has no place for it. */
  readonly lastProducerEpoch: number
  readonly timeoutMs: number
  readonly state: TransactionState
  readonly partitions: Partitions
  /** −1: none has started. */
  readonly startTimestamp: number
  readonly lastUpdateTimestamp: number
  /** Which protocol the transaction's producer follows: from 2 on, each transaction has an epoch of its own (KIP-890). */
  readonly clientTransactionVersion: number
}

/** A record of `__transaction_state`; null forgets the id. */
export interface TransactionRecord {
  readonly transactionalId: string
  readonly value: TransactionMetadata | null
}

export function isEpochExhausted(epoch: number): boolean {
  return epoch >= LAST_GIVEN_EPOCH
}

export function nextEpoch(epoch: number): number {
  return Math.min(epoch, LAST_GIVEN_EPOCH) + 1
}

export function bumpsEpoch(transactionVersion: number): boolean {
  return transactionVersion >= 2
}

export function isPrepared({ state }: TransactionMetadata): boolean {
  return state === 'PrepareCommit' || state === 'PrepareAbort'
}

/** Nothing is open: the next transaction may begin, and the id may expire. */
export function isSettled({ state }: TransactionMetadata): boolean {
  return state === 'Empty' || state === 'CompleteCommit' || state === 'CompleteAbort'
}

export function holds(partitions: Partitions, { topic, partition }: TopicPartition): boolean {
  return partitions.get(topic)?.has(partition) === true
}

export function* partitionsOf(partitions: Partitions): Generator<TopicPartition> {
  for (const [topic, ids] of partitions) for (const partition of ids) yield { topic, partition }
}

export function withPartitions(partitions: Partitions, added: readonly TopicPartition[]): Partitions {
  const all = new Map([...partitions].map(([topic, ids]) => [topic, new Set(ids)]))
  for (const { topic, partition } of added) {
    const ids = all.get(topic) ?? new Set()
    all.set(topic, ids.add(partition))
  }
  return all
}
