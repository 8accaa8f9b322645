import type { Record as LogRecord } from '../../src/records/record.ts'

/** A record as a reader saw it. */
export interface SeenRecord {
  readonly offset: number
  /** What tells it from all others of its log. */
  readonly id: string
  /** Timestamp, key, value and headers: equal text for equal records. */
  readonly content: string
}

/** The first word of a value that begins with `#` is an id; where there is none the content must do. */
const ID = /^#\S+/

/** What a reader was given, in the order in which it was given. */
export function seenOf(records: readonly LogRecord[]): SeenRecord[] {
  return records.map((record) => {
    const content = contentOf(record)
    return { offset: record.offset, id: idOf(record.value) ?? content, content }
  })
}

export function contentOf({ timestamp, key, value, headers }: Omit<LogRecord, 'offset'>): string {
  return [timestamp, text(key), text(value), ...headers.map((header) => `${header.key}=${text(header.value)}`)].join(
    ' ',
  )
}

/** The key within what `contentOf` gives. */
export function keyOf(content: string): string {
  return content.split(' ', 2)[1]!
}

function idOf(value: Buffer | null): string | undefined {
  // Few values begin so; of the others nothing is decoded.
  return value?.[0] === HASH ? ID.exec(value.toString('latin1'))?.[0] : undefined
}

const HASH = '#'.charCodeAt(0)

function text(bytes: Buffer | null): string {
  return bytes === null ? 'null' : bytes.toString('base64')
}
