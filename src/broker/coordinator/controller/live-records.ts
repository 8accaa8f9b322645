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
 * 2. Applied to that image, `changesTo` makes the image of what it leads to: for whoever missed the records between.
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

  /** What makes of these records those, which the same log says at a later point: what is gone is removed, then comes what is new. */
  changesTo(later: LiveRecords): MetadataRecord[] {
    const removedConfigs = [...this.#topics]
      .filter(([id]) => !later.#topics.has(id))
      .map(([, { topic }]) => configsOf(topic))
    const configsBefore = (key: string) => (removedConfigs.includes(key) ? undefined : this.#configs.get(key))
    return [
      ...this.#removedIn(later),
      ...later.#features.slice(this.#features.length),
      ...changed(this.#brokers, later.#brokers),
      ...[...later.#topics].flatMap(([id, { topic, partitions }]) => {
        const before = this.#topics.get(id)?.partitions
        const goesOn = before !== undefined && [...before.keys()].every((partitionId) => partitions.has(partitionId))
        return goesOn ? changed(before, partitions) : [topic, ...partitions.values()]
      }),
      ...[...later.#configs].flatMap(([key, configs]) => changed(configsBefore(key) ?? new Map(), configs)),
      ...changed(this.#others, later.#others),
    ]
  }

  #removedIn(later: LiveRecords): MetadataRecord[] {
    const gone = <Key, Value>(before: ReadonlyMap<Key, Value>, after: ReadonlyMap<Key, Value>) =>
      [...before].filter(([key]) => !after.has(key)).map(([, value]) => value)
    const unregistered = gone(this.#brokers, later.#brokers).map(({ brokerId, brokerEpoch }) => {
      return { type: 'unregister-broker', brokerId, brokerEpoch } as const
    })
    const topics = gone(this.#topics, later.#topics).map(({ topic }) => {
      return { type: 'remove-topic', topicId: topic.topicId } as const
    })
    const configs = [...this.#configs].flatMap(([key, before]) =>
      gone(before, later.#configs.get(key) ?? new Map()).map((config) => ({ ...config, value: null })),
    )
    return [...unregistered, ...configs, ...topics, ...gone(this.#others, later.#others).flatMap(removalOf)]
  }

  #removeTopic(topicId: string): void {
    const live = this.#topics.get(topicId)
    if (!live) return
    this.#topics.delete(topicId)
    this.#configs.delete(configsOf(live.topic))
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

/** The key of a topic's configs. */
function configsOf({ name }: Of<'topic'>): string {
  return `${RESOURCE_TYPE.TOPIC} ${name}`
}

function changed<Key, Rec extends MetadataRecord>(before: ReadonlyMap<Key, Rec>, after: ReadonlyMap<Key, Rec>): Rec[] {
  return [...after].filter(([key, record]) => !isSame(before.get(key), record)).map(([, record]) => record)
}

function isSame(one: MetadataRecord | undefined, other: MetadataRecord): boolean {
  return one === other || JSON.stringify(one) === JSON.stringify(other)
}

/** Of the kinds that are removed by a record of their own. */
function removalOf(record: MetadataRecord): MetadataRecord[] {
  if (record.type === 'access-control-entry') return [{ type: 'remove-access-control-entry', id: record.id }]
  if (record.type === 'client-quota') return [{ ...record, remove: true }]
  if (record.type !== 'scram-credential') return []
  const { name, mechanism } = record
  return [{ type: 'remove-scram-credential', name, mechanism }]
}
