import { HeliostatError } from '../platform/errors.ts'
import { errorOf } from '../protocol/errors.ts'

/**
 * A broker's error code as an operating error: the sentence says what could not be done and, in Kafka's words, why. Whether to try again
 * is Kafka's own judgement, unless the caller knows better.
 */
export function refusal(
  code: `HEL_${string}`,
  what: string,
  errorCode: number,
  { where, retriable }: { where?: Readonly<Record<string, unknown>>; retriable?: boolean } = {},
): HeliostatError {
  const error = errorOf(errorCode)
  return new HeliostatError(code, `${what}: ${error.name} (${error.message})`, {
    retriable: retriable ?? error.retriable,
    where: { ...where, errorCode },
  })
}
