// Items of an answer: as they say no more than an error, and as they join those that were carried out.

import { carries, type FieldSpec, type Fields } from '../../protocol/schema.ts'
import { type Level, partitionField, topicFields } from './item-shape.ts'

export type Struct = Readonly<Record<string, unknown>>

/** Integers that say "none" by −1 though the schema does not say so. */
const MINUS_ONE = /(?:Offset|Watermark)$|^(?:offset|leaderId|nodeId|port|producerEpoch)$/

/** What the answer's item is known by, from the request's. */
export function identityOf(level: Level, element: unknown): Struct {
  const entries = Object.entries(level.identity).map(([answered, asked]) => [
    answered,
    level.plain ? element : (element as Struct)[asked],
  ])
  return Object.fromEntries(entries)
}

/** The same, from the item that stands in the answer. */
export function answeredIdentity(fields: Fields, version: number, element: Struct): Struct {
  const names = [...topicFields(fields, version), partitionField(fields, version), 'groupId']
  return Object.fromEntries(
    names.flatMap((name) => (name !== undefined && name in element ? [[name, element[name]]] : [])),
  )
}

/** Puts the elements into those that are there, in the place of those that are known by the same. */
export function merge(level: Level, present: readonly unknown[], elements: readonly Struct[]): Struct[] {
  const names = Object.keys(level.identity)
  const merged = [...present] as Struct[]
  if (names.length === 0) return [...merged, ...elements]
  const keyOf = (element: Struct) => JSON.stringify(names.map((name) => element[name]))
  const at = new Map(merged.map((element, index) => [keyOf(element), index]))
  for (const element of elements) {
    const index = at.get(keyOf(element))
    const { inner } = level
    if (index === undefined) at.set(keyOf(element), merged.push(element) - 1)
    else if (inner === undefined || (level.errorField !== undefined && level.errorField in element))
      merged[index] = element
    else {
      const items = merge(inner, list(merged[index]![inner.response]), list(element[inner.response]) as Struct[])
      merged[index] = { ...merged[index], [inner.response]: items }
    }
  }
  return merged
}

/** A struct that says nothing, as Kafka says it beside an error. */
export function blank(fields: Fields, version: number, message: string): Record<string, unknown> {
  const value: Record<string, unknown> = {}
  for (const [name, { spec }] of Object.entries(fields)) {
    if (!carries(spec, version)) continue
    if (name === 'errorMessage') value[name] = message
    else if (spec.kind === 'records') value[name] = []
    else if (spec.default === 0 && isWhole(spec) && MINUS_ONE.test(name)) value[name] = -1
  }
  return value
}

function isWhole({ kind }: FieldSpec): boolean {
  return kind === 'int16' || kind === 'int32' || kind === 'int64'
}

export function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : []
}
