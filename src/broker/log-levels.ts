import type { LogFields, Logger } from '../platform/platform.ts'
import { ErrorCode } from '../protocol/errors.ts'
import type { ItemError } from './coordinator/controller/command.ts'
import { type ConfigOperation, OPERATION } from './coordinator/controller/config-alteration.ts'

/** As Kafka ranks them. Nothing here is FATAL, and nothing is below DEBUG. */
const RANK: Readonly<Record<string, number>> = { TRACE: 0, DEBUG: 1, INFO: 2, WARN: 3, ERROR: 4, FATAL: 5 }
const OFF = 'OFF'
const ROOT = 'root'

/** What the broker writes of: the first part of each event's name. */
const FAMILIES: readonly string[] = ['broker', 'coordinator', 'log', 'transaction']

/**
 * The levels of the broker's loggers, which are altered while it runs (KIP-412) and forgotten when it ends. A logger whose own level
 * was not set has that of the root.
 */
export class LogLevels {
  readonly #own = new Map<string, string>()

  /** `root`: from which level on the machine's log writes. */
  constructor(root: string) {
    this.#own.set(ROOT, root === 'silent' ? OFF : root.toUpperCase())
  }

  /** Loggers by name, with the level that holds. */
  get levels(): Iterable<[name: string, level: string]> {
    return [ROOT, ...FAMILIES].map((name) => [name, this.#levelOf(name)])
  }

  /** Why the operations cannot be carried out (Kafka's RuntimeLoggerManager); undefined when they are, or would be. */
  alter(operations: readonly ConfigOperation[], validateOnly: boolean): ItemError | undefined {
    for (const operation of operations) {
      const complaint = this.#complaint(operation)
      if (complaint) return complaint
    }
    if (validateOnly) return undefined
    for (const { name, operation, value } of operations) {
      if (operation === OPERATION.SET) this.#own.set(name, value!)
      else this.#own.delete(name)
    }
    return undefined
  }

  /** A logger that obeys these levels; `inner` must write everything. */
  logger(inner: Logger): Logger {
    const write = (level: keyof typeof METHODS) => (event: string, message: string, fields?: LogFields) => {
      const family = event.slice(0, event.indexOf('.'))
      if (RANK[level]! >= (RANK[this.#levelOf(family)] ?? Number.POSITIVE_INFINITY)) {
        inner[METHODS[level]](event, message, fields)
      }
    }
    return {
      debug: write('DEBUG'),
      info: write('INFO'),
      warn: write('WARN'),
      error: write('ERROR'),
      child: (fields) => this.logger(inner.child(fields)),
    }
  }

  #levelOf(name: string): string {
    return this.#own.get(name) ?? this.#own.get(ROOT)!
  }

  #complaint({ name, operation, value }: ConfigOperation): ItemError | undefined {
    if (operation === OPERATION.APPEND || operation === OPERATION.SUBTRACT) {
      const word = operation === OPERATION.APPEND ? 'APPEND' : 'SUBTRACT'
      return refusal('INVALID_REQUEST', `${word} operation is not allowed for the BROKER_LOGGER resource`)
    }
    if (operation !== OPERATION.SET && operation !== OPERATION.DELETE) {
      const message = `Unknown operation type ${operation} is not allowed for the BROKER_LOGGER resource`
      return refusal('INVALID_REQUEST', message)
    }
    if (name !== ROOT && !FAMILIES.includes(name)) {
      return refusal('INVALID_CONFIG', `Logger ${name} does not exist!`)
    }
    if (operation === OPERATION.DELETE) {
      if (name !== ROOT) return undefined
      return refusal('INVALID_REQUEST', 'Removing the log level of the root logger is not allowed')
    }
    if (value !== null && value in RANK) return undefined
    const valid = Object.keys(RANK).sort().join(', ')
    const message = `Cannot set the log level of ${name} to ${value} as it is not a supported log level. Valid log levels are ${valid}`
    return refusal('INVALID_CONFIG', message)
  }
}

const METHODS = { DEBUG: 'debug', INFO: 'info', WARN: 'warn', ERROR: 'error' } as const

function refusal(name: 'INVALID_REQUEST' | 'INVALID_CONFIG', errorMessage: string): ItemError {
  return { errorCode: ErrorCode[name], errorMessage }
}
