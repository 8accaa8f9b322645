// Where two answers differ, once what each broker made up for itself has a common name.
import { ZERO_UUID } from '../../../src/protocol/schema.ts'
import { splitBatches } from '../../../src/records/record-batch.ts'
import type { Outcome, Side } from './side.ts'

export interface Difference {
  /** `topics[known].partitions[0].errorCode`; empty when the outcomes are of different kinds. */
  readonly path: string
  readonly ours: unknown
  readonly kafkas: unknown
}

const ABSENT = '<absent>'
const dayMs = 86_400_000
const uuids = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g

export function compare(ours: Outcome, kafkas: Outcome, sides: readonly [Side, Side]): Difference[] {
  if (typeof ours === 'string' || typeof kafkas === 'string') {
    const kind = (outcome: Outcome) => (typeof outcome === 'string' ? outcome : 'answered')
    return kind(ours) === kind(kafkas) ? [] : [{ path: '', ours: told(ours), kafkas: told(kafkas) }]
  }
  const found: Difference[] = []
  differ('', normal('', ours.answer, sides[0]), normal('', kafkas.answer, sides[1]), found)
  return found
}

function told(outcome: Outcome): unknown {
  return typeof outcome === 'string' ? outcome : outcome.answer
}

function differ(path: string, ours: unknown, kafkas: unknown, found: Difference[]): void {
  if (isObject(ours) && isObject(kafkas)) {
    for (const name of new Set([...Object.keys(ours), ...Object.keys(kafkas)])) {
      const separator = path === '' || name.startsWith('[') ? '' : '.'
      differ(
        `${path}${separator}${name}`,
        name in ours ? ours[name] : ABSENT,
        name in kafkas ? kafkas[name] : ABSENT,
        found,
      )
    }
  } else if (ours !== kafkas) found.push({ path, ours, kafkas })
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}

/** Objects as they are, lists as objects by what their elements are called, everything else as text or number. */
function normal(name: string, value: unknown, side: Side): unknown {
  if (name === 'records') return recordsOf(value)
  if (Buffer.isBuffer(value)) return `bytes ${value.toString('hex')}`
  if (Array.isArray(value)) return byLabel(value.map((item) => normal(name, item, side)))
  if (isObject(value))
    return Object.fromEntries(
      Object.entries(value)
        .filter(([field]) => !ignored.has(field))
        .map(([field, inner]) => [field, normal(field, inner, side)]),
    )
  if (typeof value === 'string') return text(name, value, side)
  if (typeof value === 'number') return number(name, value, side)
  return value
}

/** Of the machine and the moment: nobody could make them agree. */
const ignored = new Set(['throttleTimeMs', 'host', 'port', 'clusterId', 'logDir'])
const messages = new Set(['errorMessage', 'batchIndexErrorMessage', 'documentation'])
const times = /time|timestamp/i

function text(name: string, value: string, side: Side): string {
  if (messages.has(name)) return value === '' ? '' : '<text>'
  if (name === 'topicId' || name === 'topicIds') {
    const topic = [...side.topicIds].find(([, id]) => id === value)?.[0]
    if (topic !== undefined) return `<id of ${topic}>`
    return value === ZERO_UUID ? value : '<id of no topic>'
  }
  return value.replaceAll(uuids, (uuid) => side.nameOf('uuid', uuid))
}

function number(name: string, value: number, side: Side): number | string {
  if (name === 'producerId' && value >= 0) return '<producer>'
  if (name === 'sessionId' && value !== 0) return side.nameOf('session', value)
  if (times.test(name) && Math.abs(value - Date.now()) < dayMs) return '<now>'
  return value
}

function recordsOf(value: unknown): string {
  if (value === null) return 'null'
  const { batches, incompleteBytes } = splitBatches(Buffer.concat(value as Buffer[]))
  const told = batches.map((batch) => {
    const span = `${batch.baseOffset}–${batch.lastOffset} of ${batch.sizeInBytes} bytes`
    // A transaction's batches hold the producer's id, and its markers the time.
    const content = batch.isTransactional ? `sequence ${batch.baseSequence}` : `sum ${sumOf(batch.bytes)}`
    return `${span}, ${batch.isControl ? 'control' : content}`
  })
  return [...told, `${incompleteBytes} bytes`].join('; ')
}

function sumOf(bytes: Buffer): number {
  let sum = 0
  for (const byte of bytes) sum = (Math.imul(sum, 31) + byte) | 0
  return sum
}

/** Which order a list has is nobody's promise, but for lists of plain values. */
function byLabel(items: readonly unknown[]): Record<string, unknown> {
  const found: Record<string, unknown> = {}
  items.forEach((item, index) => {
    const label = isObject(item) ? labelOf(item) : undefined
    const place = `[${label ?? index}]`
    found[place in found ? `${place}#${index}` : place] = item
  })
  return found
}

const labels = [
  'partitionIndex',
  'index',
  'partition',
  'name',
  'topic',
  'groupId',
  'topicId',
  'apiKey',
  'resourceName',
  'key',
  'memberId',
  'transactionalId',
  'nodeId',
  'entityType',
  'topicName',
]

function labelOf(item: Record<string, unknown>): string | undefined {
  // The same name may stand for a broker and for its loggers.
  if ('resourceType' in item) return `${item['resourceType']} ${item['resourceName']}`
  const said = labels.map((label) => item[label]).filter((value) => value !== undefined && value !== null)
  const label = said.find((value) => value !== '') ?? said[0]
  return label === undefined ? undefined : String(label)
}
