// What a command answers: data on stdout in the form that was asked for, everything else on stderr.
import { stringify } from 'yaml'

export const formats = ['table', 'json', 'ndjson', 'yaml'] as const
export type Format = (typeof formats)[number]

export interface Column<Row> {
  readonly title: string
  readonly value: (row: Row) => string | number | boolean | undefined | null
  readonly right?: boolean
}

/** The rows as text with a last line break; a table is never cut to the width of a terminal. */
export function render<Row>(rows: readonly Row[], columns: readonly Column<Row>[], format: Format): string {
  if (format === 'json') return `${JSON.stringify(rows, null, 2)}\n`
  if (format === 'ndjson') return rows.map((row) => `${JSON.stringify(row)}\n`).join('')
  if (format === 'yaml') return stringify(rows)
  const cells = [
    columns.map((column) => column.title),
    ...rows.map((row) => columns.map((column) => cell(column.value(row)))),
  ]
  const widths = columns.map((_, index) => Math.max(...cells.map((line) => line[index]!.length)))
  const lines = cells.map((line) =>
    line
      .map((text, index) => (columns[index]!.right ? text.padStart(widths[index]!) : text.padEnd(widths[index]!)))
      .join('  '),
  )
  return lines.map((line) => `${line.trimEnd()}\n`).join('')
}

/** One answer that is no list; for scripts, so there is no table of it. */
export function renderOne(value: object, format: Exclude<Format, 'table'>): string {
  if (format === 'yaml') return stringify(value)
  return `${JSON.stringify(value, null, format === 'json' ? 2 : 0)}\n`
}

const cell = (value: string | number | boolean | undefined | null) =>
  value === undefined || value === null ? '-' : String(value)

/** 1536 → `1.5 KiB`. */
export function bytesText(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB']
  let value = bytes
  let unit = 0
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024
    unit += 1
  }
  return `${unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`
}

/** How long a message is on its way, and how much that is off. */
export function latencyText({ latencyMs, jitterMs }: { latencyMs: number; jitterMs: number }): string {
  if (latencyMs === 0 && jitterMs === 0) return 'no delay'
  return jitterMs === 0 ? `${latencyMs} ms` : `${latencyMs} ± ${jitterMs} ms`
}

/** Bits a second: 10000000 → `10 Mbit/s`; null is no limit. */
export function bandwidthText(bitsPerSecond: number | null): string {
  if (bitsPerSecond === null) return 'unlimited'
  const units = ['bit', 'kbit', 'Mbit', 'Gbit', 'Tbit']
  let value = bitsPerSecond
  let unit = 0
  while (value >= 1_000 && unit < units.length - 1) {
    value /= 1_000
    unit += 1
  }
  return `${Number(value.toPrecision(3))} ${units[unit]}/s`
}

/** 1234567 → `1,234,567`. */
export const countText = (count: number) => count.toLocaleString('en-US')
