// Where in the messages of an API its items stand: the topics, partitions, groups … that a request names one by one and that its
// response answers one by one. Read off the schemas, so an API that is served tomorrow needs no line here.
//
// An array of the request belongs to an array of the response when their elements are known by the same thing (a name, an id, a
// partition number) and the response's elements, or what lies in them, can carry an error.

import { type Api, carries, type Field, type FieldSpec, type Fields } from '../../protocol/schema.ts'

export interface Level {
  /** The arrays' fields. */
  readonly request: string
  readonly response: string
  readonly holds: 'topic' | 'partition' | 'other'
  /** The request's elements are bare names or numbers. */
  readonly plain: boolean
  /** Fields of the response's elements that repeat what the request's elements are known by, and where those have it. */
  readonly identity: Readonly<Record<string, string>>
  /** Of the response's elements. */
  readonly fields: Fields
  readonly errorField: string | undefined
  readonly inner: Level | undefined
}

export interface Shape {
  /** Of the response as a whole. */
  readonly errorField: string | undefined
  readonly levels: readonly Level[]
}

/** Names under which one thing goes. */
const SYNONYMS: readonly (readonly string[])[] = [
  ['name', 'topic', 'topicName', 'user'],
  ['topicId'],
  ['index', 'partition', 'partitionIndex', 'partitionId'],
  ['groupId'],
  ['transactionalId'],
  ['key'],
  ['resourceType'],
  ['resourceName'],
  ['memberId'],
  ['groupInstanceId'],
  ['producerId'],
  ['entity'],
]
const PARTITION_NAMES = SYNONYMS[2]!
const TOPIC_NAMES = [...SYNONYMS[0]!, 'topicId']
const ERROR_FIELDS = ['errorCode', 'partitionErrorCode']
/** What a client no longer wants is nothing that is answered. */
const NOT_ANSWERED = ['forgottenTopicsData']
/** Their items are answered in the order of the request and repeat nothing of it. */
const BY_ORDER: Readonly<Record<string, readonly [request: string, response: string]>> = {
  CreateAcls: ['creations', 'results'],
  DeleteAcls: ['filters', 'filterResults'],
}

const shapes = new WeakMap<Api, Shape[]>()

export function shapeOf(api: Api, version: number): Shape {
  const known = shapes.get(api) ?? []
  shapes.set(api, known)
  known[version] ??= {
    errorField: errorFieldOf(api.response.fields, version),
    levels: levelsByOrder(api, version) ?? pairs(api.request.fields, api.response.fields, version),
  }
  return known[version]
}

export function errorFieldOf(fields: Fields, version: number): string | undefined {
  return ERROR_FIELDS.find((name) => has(fields, name, version))
}

/** Whether arrays of this name hold topics; in responses some are called after the response. */
export function holdsTopics(array: string): boolean {
  return /topic|^responses$|^replicaElectionResults$/i.test(array)
}

/** What of a topic or partition an element tells of itself. */
export function topicFields(fields: Fields, version: number): readonly string[] {
  return TOPIC_NAMES.filter((name) => has(fields, name, version))
}

export function partitionField(fields: Fields, version: number): string | undefined {
  return PARTITION_NAMES.find((name) => has(fields, name, version))
}

/** The fields of a struct that are arrays of structs in this version. */
export function structArrays(fields: Fields, version: number): (readonly [name: string, elements: Fields])[] {
  return arrays(fields, version).flatMap(([name, spec]) => (spec.fields ? [[name, spec.fields] as const] : []))
}

function levelsByOrder(api: Api, version: number): Level[] | undefined {
  const names = BY_ORDER[api.name]
  if (!names) return undefined
  const [request, response] = names
  const fields = api.response.fields[response]!.spec.fields!
  const errorField = errorFieldOf(fields, version)
  return [{ request, response, holds: 'other', plain: false, identity: {}, fields, errorField, inner: undefined }]
}

function pairs(request: Fields, response: Fields, version: number): Level[] {
  return arrays(request, version).flatMap(([name, spec]) => {
    if (NOT_ANSWERED.includes(name)) return []
    for (const [answer, fields] of structArrays(response, version)) {
      const level = pair(name, spec, answer, fields, version)
      if (level) return [level]
    }
    return []
  })
}

function pair(request: string, spec: FieldSpec, response: string, fields: Fields, version: number): Level | undefined {
  const identity = spec.fields
    ? sharedIdentity(spec.fields, fields, version)
    : plainIdentity(spec.element!.spec, fields, version)
  if (Object.keys(identity).length === 0) return undefined
  const inner = spec.fields ? pairs(spec.fields, fields, version)[0] : undefined
  const errorField = errorFieldOf(fields, version)
  if (errorField === undefined && inner === undefined) return undefined
  const isPartition = Object.keys(identity).some((name) => PARTITION_NAMES.includes(name))
  const holds = isPartition ? 'partition' : holdsTopics(request) || 'resourceType' in identity ? 'topic' : 'other'
  return { request, response, holds, plain: !spec.fields, identity, fields, errorField, inner }
}

function sharedIdentity(request: Fields, response: Fields, version: number): Record<string, string> {
  const shared: Record<string, string> = {}
  for (const synonyms of SYNONYMS) {
    const asked = synonyms.find((name) => has(request, name, version))
    const answered = synonyms.find((name) => has(response, name, version))
    if (asked !== undefined && answered !== undefined) shared[answered] = asked
  }
  return shared
}

/** A bare number is a partition, a bare text whatever the response's elements are called by. */
function plainIdentity(element: FieldSpec, response: Fields, version: number): Record<string, string> {
  const candidates = element.kind === 'int32' ? PARTITION_NAMES : SYNONYMS.flat()
  const field = candidates.find((name) => has(response, name, version) && response[name]!.spec.kind === element.kind)
  return field === undefined ? {} : { [field]: '' }
}

function arrays(fields: Fields, version: number): (readonly [string, FieldSpec])[] {
  return Object.entries(fields).flatMap(([name, { spec }]: [string, Field<unknown, unknown, boolean>]) =>
    spec.kind === 'array' && spec.tag === undefined && carries(spec, version) ? [[name, spec] as const] : [],
  )
}

function has(fields: Fields, name: string, version: number): boolean {
  return Object.hasOwn(fields, name) && carries(fields[name]!.spec, version)
}
