// The log: JSON lines on stderr, or one readable line each on a terminal. Secrets never pass: a field whose name speaks of a
// password, token or secret is masked at any depth.
import { createRequire } from 'node:module'
import type pino from 'pino'
import { HeliostatError } from './errors.ts'
import type { LogFields, Logger, LogLevel } from './platform.ts'

export interface NodeLogOptions {
  level?: LogLevel
  /** One line for people instead of JSON; by default when stderr is a terminal. */
  pretty?: boolean
  /** Where lines go, with their line end; by default stderr. */
  write?: (line: string) => void
}

const MASK = '***'
const SECRET_NAME = /password|passwd|token|secret|credential/i
const DEPTH_MAX = 6

export function nodeLog(options: NodeLogOptions = {}): Logger {
  if (options.level === 'silent') return silence
  const pino = loadPino()
  const toStderr = options.write === undefined
  const write = options.write ?? ((line: string) => void process.stderr.write(line))
  const pretty = options.pretty ?? (toStderr && process.stderr.isTTY === true)
  const colour = pretty && toStderr && process.stderr.isTTY === true && !process.env['NO_COLOR']
  const settings: pino.LoggerOptions = {
    level: options.level ?? 'info',
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
  }
  // Synchronous: a line written just before a crash is the one that is wanted.
  if (!pretty && toStderr) return new PinoLog(pino(settings, pino.destination({ fd: 2, sync: true })))
  return new PinoLog(pino(settings, { write: pretty ? (line) => write(prettyLine(line, colour)) : write }))
}

/** Loaded when it is first needed: most tests that embed a broker log nothing. */
function loadPino(): typeof pino {
  return createRequire(import.meta.url)('pino') as typeof pino
}

const silence: Logger = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {}, child: () => silence }

class PinoLog implements Logger {
  readonly #pino: pino.Logger

  constructor(logger: pino.Logger) {
    this.#pino = logger
  }

  debug(event: string, message: string, fields?: LogFields): void {
    if (this.#pino.isLevelEnabled('debug')) this.#pino.debug(line(event, fields), message)
  }

  info(event: string, message: string, fields?: LogFields): void {
    if (this.#pino.isLevelEnabled('info')) this.#pino.info(line(event, fields), message)
  }

  warn(event: string, message: string, fields?: LogFields): void {
    if (this.#pino.isLevelEnabled('warn')) this.#pino.warn(line(event, fields), message)
  }

  error(event: string, message: string, fields?: LogFields): void {
    if (this.#pino.isLevelEnabled('error')) this.#pino.error(line(event, fields), message)
  }

  get level(): LogLevel {
    return this.#pino.level as LogLevel
  }

  child(fields: LogFields, level?: LogLevel): Logger {
    return new PinoLog(this.#pino.child(printableFields(fields, 0), level === undefined ? {} : { level }))
  }
}

function line(event: string, fields: LogFields | undefined): object {
  return fields === undefined ? { event } : { event, ...printableFields(fields, 0) }
}

function printableFields(fields: LogFields, depth: number): Record<string, unknown> {
  const printed: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(fields)) {
    printed[name] = SECRET_NAME.test(name) && value !== undefined ? MASK : printable(value, depth + 1)
  }
  return printed
}

/** The value as JSON can hold it: errors with their causes, no bytes, no bigint, no endless depth. */
function printable(value: unknown, depth: number): unknown {
  if (typeof value === 'bigint') return value.toString()
  if (typeof value !== 'object' || value === null) return value
  if (depth > DEPTH_MAX) return '…'
  if (value instanceof Error) return printableError(value, depth)
  if (value instanceof Uint8Array) return `${value.length} bytes`
  if (value instanceof Date) return value.toISOString()
  if (value instanceof Map) return printableFields(Object.fromEntries(value), depth)
  if (Array.isArray(value) || value instanceof Set) return [...value].map((item) => printable(item, depth + 1))
  return printableFields(value as LogFields, depth)
}

function printableError(error: Error & { code?: unknown }, depth: number): object {
  const known = error instanceof HeliostatError
  return {
    name: error.name,
    ...(error.code === undefined ? {} : { code: error.code }),
    message: error.message,
    ...(known ? { where: printable(error.where, depth + 1) } : { stack: error.stack }),
    ...(error.cause === undefined ? {} : { cause: printable(error.cause, depth + 1) }),
  }
}

const colours: Readonly<Record<string, string>> = { debug: '90', info: '32', warn: '33', error: '31' }

function prettyLine(json: string, colour: boolean): string {
  const { level, time, event, msg, ...fields } = JSON.parse(json) as Record<string, unknown>
  const label = String(level).toUpperCase().padEnd(5)
  const shown = colour ? `\u001b[${colours[String(level)] ?? '0'}m${label}\u001b[0m` : label
  const details = Object.entries(fields).map(([name, value]) => `${name}=${prettyValue(value)}`)
  return `${[String(time).slice(11, 23), shown, event, msg, ...details].join(' ')}\n`
}

function prettyValue(value: unknown): string {
  if (typeof value === 'string') return /^[\w.:/@-]+$/.test(value) ? value : JSON.stringify(value)
  if (typeof value === 'object' && value !== null && 'message' in value) return JSON.stringify(value.message)
  return JSON.stringify(value)
}
