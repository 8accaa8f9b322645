/** An operating error: something outside the program's logic went wrong, and the message tells a person what and where. */
export class HeliostatError extends Error {
  /** Stable, for scripts and tests: HEL_UNREACHABLE, HEL_AUTHENTICATION, … */
  readonly code: string
  /** Whether the same call may succeed later; the one retry loop reads this. */
  readonly retriable: boolean
  /** What was at fault: cluster, topic, partition, address, file. */
  readonly where: Readonly<Record<string, unknown>>

  constructor(code: `HEL_${string}`, message: string, options: ErrorDetails = {}) {
    super(message, { cause: options.cause })
    this.name = 'HeliostatError'
    this.code = code
    this.retriable = options.retriable ?? false
    this.where = options.where ?? {}
  }
}

export interface ErrorDetails {
  retriable?: boolean
  cause?: unknown
  where?: Readonly<Record<string, unknown>>
}
