// Operating errors of a flow by their codes, and the log's lines about them.
import type { HeliostatError } from '../platform/errors.ts'
import type { Logger } from '../platform/platform.ts'

export class ErrorCounts {
  readonly #log: Logger
  readonly #counts = new Map<string, number>()

  constructor(log: Logger) {
    this.#log = log
  }

  count(code: string): void {
    this.#counts.set(code, (this.#counts.get(code) ?? 0) + 1)
  }

  tell(error: HeliostatError): void {
    this.count(error.code ?? 'HEL_UNEXPECTED')
    this.#log.warn('mirror.error', error.message, { code: error.code, ...error.where })
  }

  /** What a cluster answers while it makes topics and elects leaders is no error yet. */
  tellUnlessRetriable(error: HeliostatError): void {
    if (error.retriable) this.#log.debug('mirror.retrying', error.message, { code: error.code, ...error.where })
    else this.tell(error)
  }

  get byCode(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#counts)
  }
}

/** Of several that counted apart. */
export function sumOfCounts(all: readonly Readonly<Record<string, number>>[]): Record<string, number> {
  const sum: Record<string, number> = {}
  for (const counts of all) for (const [code, count] of Object.entries(counts)) sum[code] = (sum[code] ?? 0) + count
  return sum
}
