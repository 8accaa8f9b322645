// The records of `heliostat.<source>.progress.internal`: what must survive us for a partition to go on exactly where it was.
// Keys are JSON arrays, so that a person reading the topic sees what they are; every value begins with its version.
//
//   ["producer"]                       the producer id and epoch that write this slot, here and in the mirrored partitions
//   ["owner"]                          whether the last owner said goodbye: then none of its requests can arrive late
//   ["partition", topic, partition]    what is mirrored where, since when, and the source's leader epochs
//   ["map", topic, partition, chunk]   a chunk of its offset map, in the offset map's own binary form
//   ["last", topic, partition]         in transactions: the last batch that was committed, so that what is appended later is known by that
//   ["writers"]                        the producer ids under which transactions of this slot were ever written
import type { OffsetMapChanges } from '../offset-translation/offset-map.ts'
import type { EpochStart } from '../source/divergence.ts'
import type { LastBatch } from './partition/committed-tail.ts'

export interface ProducerIdentity {
  readonly id: number
  readonly epoch: number
}

export interface ProgressRecord {
  readonly key: string
  /** Null takes the key away. */
  readonly value: Buffer | null
}

export interface PartitionProgress {
  readonly sourceTopicId: string
  readonly remoteTopic: string
  readonly targetTopicId: string
  /** Where mirroring began; what lies below on the target is not ours. */
  readonly start: { readonly upstream: number; readonly downstream: number }
  readonly epochs: readonly EpochStart[]
  /** Source records below this offset were given up. */
  readonly resumeAt?: number
  /** Where the target's log, or the source's, was not what it should be, and how the copy went on. The last one. */
  readonly joint?: Joint
  /** Its records stand on the target exactly as far as the map says: both are written in one transaction. */
  readonly isTransactional?: boolean
}

/**
 * At target offset `downstream` the copy went on with source offset `upstream`. The offset map ends at `mapped`: what stands between
 * the two is not the source's any more, or never was. From here on a batch at target offset d carries sequence d − `lag`: so many
 * records of others stand below.
 */
export interface Joint {
  readonly downstream: number
  readonly mapped: number
  readonly upstream: number
  readonly lag: number
}

const VERSION = 1

export function producerRecord(producer: ProducerIdentity): ProgressRecord {
  return json(['producer'], { producerId: producer.id, producerEpoch: producer.epoch })
}

export function ownerRecord(state: 'open' | 'closed'): ProgressRecord {
  return json(['owner'], { state })
}

export function partitionRecord(topic: string, partition: number, progress: PartitionProgress): ProgressRecord {
  return json(['partition', topic, partition], progress)
}

function chunkRecord(topic: string, partition: number, chunk: number, bytes: Buffer | null): ProgressRecord {
  return { key: JSON.stringify(['map', topic, partition, chunk]), value: bytes }
}

/** All that changed in its map. */
export function mapRecords(topic: string, partition: number, { chunks, removed }: OffsetMapChanges): ProgressRecord[] {
  const records = chunks.map(({ index, bytes }) => chunkRecord(topic, partition, index, bytes))
  for (const index of removed) records.push(chunkRecord(topic, partition, index, null))
  return records
}

export function lastRecord(topic: string, partition: number, last: LastBatch): ProgressRecord {
  return json(['last', topic, partition], last)
}

export function writersRecord(producerIds: Iterable<number>): ProgressRecord {
  return json(['writers'], { producerIds: [...producerIds] })
}

function json(key: unknown[], value: object): ProgressRecord {
  return { key: JSON.stringify(key), value: Buffer.from(JSON.stringify({ version: VERSION, ...value })) }
}

/** Everything that a slot's partition of the topic says, read from its start. */
export class SlotState {
  producer: ProducerIdentity | undefined
  /** Who wrote of partitions first: it is the producer for good. */
  owner: ProducerIdentity | undefined
  closed = false
  /** Producer ids of transactions. */
  #writers: ReadonlySet<number> = new Set()
  readonly #last = new Map<string, LastBatch>()
  readonly #partitions = new Map<string, PartitionProgress>()
  /** By chunk index; the bytes only until they are taken. */
  readonly #chunks = new Map<string, Map<number, Buffer | undefined>>()

  get partitionCount(): number {
    return this.#partitions.size
  }

  partition(topic: string, partition: number): PartitionProgress | undefined {
    return this.#partitions.get(id(topic, partition))
  }

  *partitions(): Generator<{ topic: string; partition: number; progress: PartitionProgress }> {
    for (const [key, progress] of this.#partitions) {
      const dash = key.lastIndexOf('-')
      yield { topic: key.slice(0, dash), partition: Number(key.slice(dash + 1)), progress }
    }
  }

  /** The durable chunks of its offset map. They are needed once, when the partition starts. */
  takeChunks(topic: string, partition: number): Buffer[] {
    const chunks = this.#chunks.get(id(topic, partition)) ?? new Map<number, Buffer | undefined>()
    const taken = [...chunks.values()].filter((bytes) => bytes !== undefined)
    for (const index of chunks.keys()) chunks.set(index, undefined)
    return taken
  }

  chunkIndexes(topic: string, partition: number): number[] {
    return [...(this.#chunks.get(id(topic, partition))?.keys() ?? [])]
  }

  get writers(): ReadonlySet<number> {
    return this.#writers
  }

  /** The last batch that was committed, where that is known. */
  last(topic: string, partition: number): LastBatch | undefined {
    return this.#last.get(id(topic, partition))
  }

  /** The records that take away all that is known of a partition. */
  forgetting(topic: string, partition: number): ProgressRecord[] {
    const chunks = this.chunkIndexes(topic, partition).map((chunk) => chunkRecord(topic, partition, chunk, null))
    const kinds = this.last(topic, partition) ? ['last', 'partition'] : ['partition']
    return [...chunks, ...kinds.map((kind) => ({ key: JSON.stringify([kind, topic, partition]), value: null }))]
  }

  /** One of our own records is durable: the partition that wrote it has its content. */
  wrote(record: ProgressRecord): void {
    const [kind, topic, partition, chunk] = JSON.parse(record.key) as [string, string, number, number]
    if (kind !== 'map') {
      this.apply(record)
      return
    }
    this.#applyChunk(id(topic, partition), chunk, record.value)
    if (record.value) this.#chunks.get(id(topic, partition))!.set(chunk, undefined)
  }

  /** Applies one record, in the order of the log. */
  apply(record: ProgressRecord): void {
    const [kind, topic, partition, chunk] = JSON.parse(record.key) as [string, string, number, number]
    if (kind === 'map') {
      this.#applyChunk(id(topic, partition), chunk, record.value)
      return
    }
    const value = record.value === null ? undefined : parse(record.value)
    if (kind === 'producer')
      this.producer = value && { id: value['producerId'] as number, epoch: value['producerEpoch'] as number }
    else if (kind === 'owner') this.closed = value?.['state'] === 'closed'
    else if (kind === 'partition') {
      if (value) this.#partitions.set(id(topic, partition), value as unknown as PartitionProgress)
      else this.#partitions.delete(id(topic, partition))
    } else if (kind === 'writers') this.#writers = new Set(value?.['producerIds'] as number[])
    else if (kind === 'last') {
      if (value) this.#last.set(id(topic, partition), value as unknown as LastBatch)
      else this.#last.delete(id(topic, partition))
    }
    // A kind that a later release added is not ours to read, and is left alone.
  }

  #applyChunk(of: string, chunk: number, bytes: Buffer | null): void {
    let chunks = this.#chunks.get(of)
    if (!chunks) {
      chunks = new Map()
      this.#chunks.set(of, chunks)
    }
    if (bytes) chunks.set(chunk, bytes)
    else chunks.delete(chunk)
  }
}

/** Whether it is about a partition, and not about the slot. */
export function isOfPartition({ key }: ProgressRecord): boolean {
  return key.startsWith('["partition"') || key.startsWith('["map"')
}

function parse(value: Buffer): Readonly<Record<string, unknown>> {
  const parsed = JSON.parse(value.toString()) as Readonly<Record<string, unknown>>
  if (parsed['version'] !== VERSION) throw new Error(`a progress record of version ${parsed['version']}`)
  return parsed
}

function id(topic: string, partition: number): string {
  return `${topic}-${partition}`
}

/** The slot of a source partition: Kafka's murmur2 of its name, so that every release and instance agrees. */
export function slotOf(topic: string, partition: number, slots: number): number {
  return (murmur2(Buffer.from(id(topic, partition))) & 0x7fffffff) % slots
}

function murmur2(bytes: Buffer): number {
  const mix = 0x5bd1e995
  let hash = 0x9747b28c ^ bytes.length
  let at = 0
  for (; at + 4 <= bytes.length; at += 4) {
    let word = Math.imul(bytes.readInt32LE(at), mix)
    word ^= word >>> 24
    hash = Math.imul(hash, mix) ^ Math.imul(word, mix)
  }
  for (let left = bytes.length - at; left > 0; left--) {
    hash ^= bytes[at + left - 1]! << (8 * (left - 1))
    if (left === 1) hash = Math.imul(hash, mix)
  }
  hash ^= hash >>> 13
  hash = Math.imul(hash, mix)
  return hash ^ (hash >>> 15)
}
