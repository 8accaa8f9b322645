// What a question prints: a table for people and one JSON line for scripts.
import { readFileSync } from 'node:fs'
import { cpus, totalmem } from 'node:os'
import { kafkaVersion } from '../../test/support/apache-kafka.ts'

/** One contestant's figures; several runs of it are reduced to medians. */
export type Figures = Readonly<Record<string, number>>

export interface Row {
  readonly name: string
  readonly settings: string
  readonly runs: readonly Figures[]
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((left, right) => left - right)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}

function medians(runs: readonly Figures[]): Figures {
  const names = Object.keys(runs[0] ?? {})
  return Object.fromEntries(names.map((name) => [name, median(runs.map((run) => run[name]!))]))
}

export function report(question: string, rows: readonly Row[]): void {
  const results = rows.map((row) => ({ name: row.name, figures: medians(row.runs) }))
  const names = Object.keys(results[0]?.figures ?? {})
  const heading = ['', ...results.map(({ name }) => name)]
  const cells = [heading, ...names.map((name) => [name, ...results.map(({ figures }) => show(figures[name]!))])]
  const widths = heading.map((_, column) => Math.max(...cells.map((row) => row[column]!.length)))
  process.stdout.write(`\n${question} (medians of ${Math.max(0, ...rows.map((row) => row.runs.length))})\n`)
  for (const [name, ...values] of cells) {
    const padded = values.map((value, column) => value.padStart(widths[column + 1]!))
    process.stdout.write(`${[name!.padEnd(widths[0]!), ...padded].join('  ')}\n`)
  }
  process.stdout.write(
    `${JSON.stringify({ question, ...ground(), results: rows.map((row, index) => ({ ...row, ...results[index] })) })}\n`,
  )
}

function show(value: number): string {
  if (Number.isInteger(value)) return value.toLocaleString('en-US')
  return Math.abs(value) >= 100 ? value.toFixed(0) : value.toPrecision(3)
}

/** What the figures were taken on. */
function ground() {
  return {
    at: new Date().toISOString(),
    cores: cpus().length,
    cpu: cpus()[0]?.model,
    memoryGb: Math.round(totalmem() / 1e9),
    load: Number(readFileSync('/proc/loadavg', 'utf8').split(' ')[0]),
    node: process.version,
    kafka: kafkaVersion,
  }
}
