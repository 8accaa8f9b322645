import { RESOURCE_TYPE } from './metadata-image.ts'
import { changedBroker, changedPartition, type MetadataRecord } from './metadata-record.ts'

type Of<Type extends MetadataRecord['type']> = Extract<MetadataRecord, { type: Type }>

interface LiveTopic {
  readonly topic: Of<'topic'>
  readonly partitions: Map<number, Of<'partition'>>
}

/**
 * Of the records of the metadata log, those that still say something: what a snapshot holds.
 *
 * 1. Applied in order, `all` makes the image that the records given so far make.
 */
export class LiveRecords {
  readonly #brokers = new Map<number, Of<'register-broker'>>()
  readonly #topics = new Map<string, LiveTopic>()
  readonly #configs = new Map<string, Map<string, Of<'config'>>>()
  /** Of the kinds whose newest record replaces the older, by what they speak of. */
  readonly #others = new Map<string, MetadataRecord>()
  /** All of them: the image counts their changes. */
  readonly #features: Of<'feature'>[] = []

  get all(): MetadataRecord[] {
    return [
      ...this.#features,
      ...this.#brokers.values(),
      ...[...this.#topics.values()].flatMap(({ topic, partitions }) => [topic, ...partitions.values()]),
      ...[...this.#configs.values()].flatMap((configs) => [...configs.values()]),
      ...this.#others.values(),
    ]
  }

  apply(record: MetadataRecord): void {
    switch (record.type) {
      case 'register-broker':
        this.#brokers.set(record.brokerId, record)
        return
      case 'unregister-broker':
        this.#brokers.delete(record.brokerId)
        return
      case 'broker-registration-change': {
        const broker = this.#brokers.get(record.brokerId)
        if (broker) this.#brokers.set(record.brokerId, { type: 'register-broker', ...changedBroker(broker, record) })
        return
      }
      case 'topic':
        this.#topics.set(record.topicId, { topic: record, partitions: new Map() })
        return
      case 'partition':
        this.#topics.get(record.topicId)?.partitions.set(record.partitionId, record)
        return
      case 'partition-change': {
        const { topicId, partitionId } = record
        const partitions = this.#topics.get(topicId)?.partitions
        const before = partitions?.get(partitionId)
        if (before) partitions!.set(partitionId, { type: 'partition', topicId, ...changedPartition(before, record) })
        return
      }
      case 'remove-topic':
        this.#removeTopic(record.topicId)
        return
      case 'config':
        this.#setConfig(record)
        return
      case 'feature':
        this.#features.push(record)
        return
      case 'access-control-entry':
        this.#others.set(`acl ${record.id}`, record)
        return
      case 'remove-access-control-entry':
        this.#others.delete(`acl ${record.id}`)
        return
      case 'scram-credential':
        this.#others.set(`scram ${record.mechanism} ${record.name}`, record)
        return
      case 'remove-scram-credential':
        this.#others.delete(`scram ${record.mechanism} ${record.name}`)
        return
      case 'client-quota': {
        const entity = record.entity.map(({ entityType, entityName }) => [entityType, entityName]).sort()
        const key = `quota ${JSON.stringify([record.key, entity])}`
        if (record.remove) this.#others.delete(key)
        else this.#others.set(key, record)
        return
      }
      case 'producer-ids':
        this.#others.set('producer-ids', record)
        return
      default:
        // A new kind of record must say here what becomes of it, or a snapshot would forget it.
        record satisfies never
    }
  }

  #removeTopic(topicId: string): void {
    const live = this.#topics.get(topicId)
    if (!live) return
    this.#topics.delete(topicId)
    this.#configs.delete(`${RESOURCE_TYPE.TOPIC} ${live.topic.name}`)
  }

  #setConfig(record: Of<'config'>): void {
    const key = `${record.resourceType} ${record.resourceName}`
    const configs = this.#configs.get(key) ?? new Map<string, Of<'config'>>()
    if (record.value === null) configs.delete(record.name)
    else configs.set(record.name, record)
    if (configs.size === 0) this.#configs.delete(key)
    else this.#configs.set(key, configs)
  }
}
