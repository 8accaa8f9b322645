// One request that faults may meet: what it names, what is left of it to carry out, and the answer that joins what was carried
// out with what was refused on purpose. Pure.

import { ErrorCode, type ErrorName } from '../../protocol/errors.ts'
import type { Api, Fields } from '../../protocol/schema.ts'
import { answeredIdentity, blank, identityOf, list, merge, type Struct } from './answer-items.ts'
import {
  errorFieldOf,
  holdsTopics,
  type Level,
  partitionField,
  type Shape,
  shapeOf,
  structArrays,
  topicFields,
} from './item-shape.ts'

/** What is known of one item. */
interface Place {
  readonly topic?: string | undefined
  readonly partition?: number | undefined
}

/** The topics and partitions that a fault is for; both absent: any, and what names none. */
export interface Target {
  readonly topic: RegExp | undefined
  readonly partition: number | undefined
}

export interface Asked {
  readonly api: Api
  readonly version: number
  readonly request: Struct
  /** The name of a topic that the request names by id. */
  readonly topicName: (topicId: string) => string | undefined
  /** Fetch: topics that the request does not repeat because its session knows them, in the form of the request's. */
  readonly remembered?: readonly Struct[]
}

/** Errors that Kafka only says of a topic or partition; every other one it says of the whole request where it can. */
const ERRORS_OF_ITEMS: ReadonlySet<ErrorName> = new Set<ErrorName>([
  'OFFSET_OUT_OF_RANGE',
  'CORRUPT_MESSAGE',
  'UNKNOWN_TOPIC_OR_PARTITION',
  'LEADER_NOT_AVAILABLE',
  'NOT_LEADER_OR_FOLLOWER',
  'REPLICA_NOT_AVAILABLE',
  'MESSAGE_TOO_LARGE',
  'OFFSET_METADATA_TOO_LARGE',
  'INVALID_TOPIC_EXCEPTION',
  'RECORD_LIST_TOO_LARGE',
  'NOT_ENOUGH_REPLICAS',
  'NOT_ENOUGH_REPLICAS_AFTER_APPEND',
  'TOPIC_AUTHORIZATION_FAILED',
  'KAFKA_STORAGE_ERROR',
  'FENCED_LEADER_EPOCH',
  'UNKNOWN_LEADER_EPOCH',
  'OFFSET_NOT_AVAILABLE',
  'UNSTABLE_OFFSET_COMMIT',
  'UNKNOWN_TOPIC_ID',
  'INCONSISTENT_TOPIC_ID',
])
const TOPIC_RESOURCE = 2

/**
 * 1. What was refused is neither in `rest` nor carried out; Fetch alone is carried out whole, because its session remembers what
 *    is read, and the answer's items are replaced.
 * 2. An item is refused once: by the first fault that wants it.
 */
export class FaultedRequest {
  readonly api: Api
  readonly #version: number
  readonly #shape: Shape
  readonly #topicName: (topicId: string) => string | undefined
  /** The request as it came, with what the session remembers. */
  readonly #asked: Struct
  readonly #original: Struct
  /** `#asked` less what was refused. */
  #left: Struct
  readonly #refused = new Map<Level, Struct[]>()
  #refusedWhole: Struct | undefined
  readonly #patches: ((answer: Struct) => Struct)[] = []

  constructor({ api, version, request, topicName, remembered = [] }: Asked) {
    this.api = api
    this.#version = version
    this.#shape = shapeOf(api, version)
    this.#topicName = topicName
    this.#original = request
    this.#asked =
      remembered.length === 0 ? request : { ...request, topics: [...list(request['topics']), ...remembered] }
    this.#left = this.#asked
  }

  /** Whether a fault for this target meets the request at all. */
  meets(target: Target): boolean {
    if (target.topic === undefined && target.partition === undefined) return true
    if (this.#isOpen()) return true
    const chosen = this.#chosen(this.#answersPartitionsOfTopics() ? { ...target, partition: undefined } : target)
    return this.#shape.levels.some((level) =>
      list(this.#asked[level.request]).some((element) => this.#some(level, element, {}, chosen)),
    )
  }

  /** Refuses what the target meets and is not refused yet; undefined when there is none, else the deed. */
  refusal(target: Target, error: ErrorName, message: string): (() => void) | undefined {
    if (this.#refusedWhole || !this.meets(target)) return undefined
    const { topic, partition } = target
    const failure: Failure = { code: ErrorCode[error], message }
    const ofItems = topic !== undefined || partition !== undefined || ERRORS_OF_ITEMS.has(error)
    // A client reads the error of a whole Metadata response only for this one code.
    const wholeFirst = this.#shape.errorField !== undefined && !ofItems
    if (wholeFirst && (this.api.name !== 'Metadata' || error === 'REBOOTSTRAP_REQUIRED')) return this.#whole(failure)
    if (this.#isOpen() || (partition !== undefined && this.#answersPartitionsOfTopics())) {
      const need = { topic: topic !== undefined || ofItems, partition: partition !== undefined }
      return () =>
        this.#patches.push((answer) => this.#patch(this.api.response.fields, answer, {}, target, need, failure))
    }
    const refused = this.#itemRefusal(target, ofItems, failure)
    if (refused || this.#refused.size > 0 || this.#hasItems()) return refused
    return this.#shape.errorField === undefined ? undefined : this.#whole(failure)
  }

  /** What is left to carry out; undefined when there is nothing. */
  rest(): Struct | undefined {
    if (this.#refusedWhole) return undefined
    if (this.#refused.size === 0) return this.#original
    // The refused partitions are news, so the answer must not wait for more.
    if (this.#isKept()) return this.api.name === 'Fetch' ? { ...this.#original, maxWaitMs: 0 } : this.#original
    // Clients take the brokers from the answer, whatever became of the topics.
    const isLeft = this.#hasItems() || this.api.name === 'Metadata'
    return isLeft ? this.#left : undefined
  }

  get isRefused(): boolean {
    return this.#refusedWhole !== undefined || this.#refused.size > 0
  }

  /** Joins the answer to what was carried out, if anything was, with what was refused. */
  answer(carried: Struct = {}): Struct {
    if (this.#refusedWhole) return this.#refusedWhole
    // A session that cannot go on is said so, without items.
    if (this.#isKept() && carried['errorCode']) return carried
    let answer = carried
    for (const [level, elements] of this.#refused) {
      answer = { ...answer, [level.response]: merge(level, list(answer[level.response]), elements) }
    }
    return this.#patches.reduce((patched, patch) => patch(patched), answer)
  }

  #whole(failure: Failure): () => void {
    return () => {
      this.#refusedWhole = this.#failed(this.api.response.fields, failure, {})
    }
  }

  #itemRefusal(target: Target, ofItems: boolean, failure: Failure): (() => void) | undefined {
    const chosen = this.#chosen(target)
    const found = this.#shape.levels.flatMap((level) => {
      const depth = placeDepth(level, target, ofItems)
      if (depth === undefined) return []
      const taken = this.#take(level, depth, list(this.#left[level.request]), {}, chosen, failure)
      return taken.refused.length > 0 ? [{ level, ...taken }] : []
    })
    if (found.length === 0) return undefined
    return () => {
      for (const { level, rest, refused } of found) {
        this.#left = { ...this.#left, [level.request]: rest }
        this.#refused.set(level, merge(level, this.#refused.get(level) ?? [], refused))
      }
    }
  }

  #take(
    level: Level,
    depth: number,
    elements: readonly unknown[],
    above: Place,
    chosen: (place: Place) => boolean,
    failure: Failure,
  ): { rest: unknown[]; refused: Struct[] } {
    const rest: unknown[] = []
    const refused: Struct[] = []
    for (const element of elements) {
      if (depth === 0) {
        if (this.#some(level, element, above, chosen)) {
          refused.push(this.#failed(level.fields, failure, identityOf(level, element)))
        } else rest.push(element)
        continue
      }
      const inner = level.inner!
      const items = list((element as Struct)[inner.request])
      const taken = this.#take(inner, depth - 1, items, this.#placeOf(level, element, above), chosen, failure)
      if (taken.refused.length === 0) rest.push(element)
      else {
        refused.push({ ...identityOf(level, element), [inner.response]: taken.refused })
        if (taken.rest.length > 0) rest.push({ ...(element as Struct), [inner.request]: taken.rest })
      }
    }
    return { rest, refused }
  }

  /** Whether the element, or anything in it, is chosen. */
  #some(level: Level, element: unknown, above: Place, chosen: (place: Place) => boolean): boolean {
    const place = this.#placeOf(level, element, above)
    const inner = level.inner === undefined ? [] : list((element as Struct)[level.inner.request])
    return inner.length === 0 ? chosen(place) : inner.some((item) => this.#some(level.inner!, item, place, chosen))
  }

  #placeOf(level: Level, element: unknown, above: Place): Place {
    if (level.holds === 'other') return above
    if (level.plain) {
      return level.holds === 'topic' ? { topic: element as string } : { ...above, partition: element as number }
    }
    const value = (answerField: string) => (element as Struct)[level.identity[answerField]!]
    if (level.holds === 'partition') {
      const field = Object.keys(level.identity)[0]!
      return { ...above, partition: value(field) as number }
    }
    if ('resourceType' in level.identity) {
      return value('resourceType') === TOPIC_RESOURCE ? { topic: value('resourceName') as string } : {}
    }
    return { topic: this.#nameOf(Object.keys(level.identity), value) }
  }

  #nameOf(fields: readonly string[], value: (field: string) => unknown): string | undefined {
    const name = fields
      .filter((field) => field !== 'topicId')
      .map(value)
      .find((text) => typeof text === 'string' && text !== '')
    if (name !== undefined) return name as string
    return fields.includes('topicId') ? this.#topicName(value('topicId') as string) : undefined
  }

  /** The answer's items that the target meets, where the request does not name them. */
  #patch(
    fields: Fields,
    answer: Struct,
    above: Place,
    target: Target,
    need: { topic: boolean; partition: boolean },
    failure: Failure,
  ): Struct {
    const chosen = this.#chosen(target)
    const patched: Record<string, unknown> = { ...answer }
    for (const [name, inner] of structArrays(fields, this.#version)) {
      if (!Array.isArray(answer[name])) continue
      patched[name] = answer[name].map((item) => {
        const element = item as Struct
        const place = this.#placeInAnswer(name, inner, element, above)
        const known = (!need.topic || place.topic !== undefined) && (!need.partition || place.partition !== undefined)
        if (known && this.#errorField(inner) !== undefined) {
          return chosen(place) ? this.#failed(inner, failure, answeredIdentity(inner, this.#version, element)) : element
        }
        return this.#patch(inner, element, place, target, need, failure)
      })
    }
    return patched
  }

  #placeInAnswer(array: string, fields: Fields, element: Struct, above: Place): Place {
    if (holdsTopics(array)) {
      return { topic: this.#nameOf(topicFields(fields, this.#version), (field) => element[field]) }
    }
    const partition = partitionField(fields, this.#version)
    return partition === undefined ? above : { ...above, partition: element[partition] as number }
  }

  #failed(fields: Fields, { code, message }: Failure, identity: Struct): Struct {
    return { ...blank(fields, this.#version, message), ...identity, [this.#errorField(fields)!]: code }
  }

  #errorField(fields: Fields): string | undefined {
    return errorFieldOf(fields, this.#version)
  }

  #chosen({ topic, partition }: Target): (place: Place) => boolean {
    return (place) =>
      (topic === undefined || (place.topic !== undefined && topic.test(place.topic))) &&
      (partition === undefined || place.partition === partition)
  }

  /** Whether it asks for everything there is, by null or as this API says so. */
  #isOpen(): boolean {
    const isNull = (level: Level | undefined, elements: unknown): boolean => {
      if (level === undefined) return false
      if (elements === null) return true
      const { inner } = level
      return inner !== undefined && list(elements).some((element) => isNull(inner, (element as Struct)[inner.request]))
    }
    if (this.#shape.levels.some((level) => isNull(level, this.#asked[level.request]))) return true
    const emptyIsAll =
      this.api.name === 'DescribeTopicPartitions' || (this.api.name === 'Metadata' && this.#version === 0)
    return emptyIsAll && list(this.#asked['topics']).length === 0
  }

  /** They are asked for topics and answer with their partitions. */
  #answersPartitionsOfTopics(): boolean {
    return this.api.name === 'Metadata' || this.api.name === 'DescribeTopicPartitions'
  }

  /** In Metadata v0 what is left over when all topics are refused would mean all topics. */
  #isKept(): boolean {
    return this.api.name === 'Fetch' || (this.api.name === 'Metadata' && this.#version === 0)
  }

  #hasItems(): boolean {
    return this.#shape.levels.some((level) => list(this.#left[level.request]).length > 0)
  }
}

interface Failure {
  readonly code: number
  readonly message: string
}

/** How deep the items stand that carry the error: as high as they can, but not above what the fault tells apart. */
function placeDepth(outermost: Level, target: Target, ofItems: boolean): number | undefined {
  const levels: Level[] = []
  for (let level: Level | undefined = outermost; level; level = level.inner) levels.push(level)
  const wanted = target.partition !== undefined ? 'partition' : ofItems ? 'topic' : undefined
  const first = Math.max(
    levels.findIndex(({ holds }) => holds === wanted),
    0,
  )
  const below = levels.findIndex((level, depth) => depth >= first && level.errorField !== undefined)
  if (below >= 0) return below
  const above = levels.findLastIndex((level) => level.errorField !== undefined)
  return above >= 0 ? above : undefined
}
