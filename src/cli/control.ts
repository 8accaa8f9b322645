// Asks a running `heliostat broker` at its control address.
import { HeliostatError } from '../platform/errors.ts'
import type { Format } from './output.ts'

export interface ControlOptions {
  readonly url: string
  readonly output: Format
}

/** `path` begins after `/api/v1`. */
export async function callControl<Answer>(url: string, method: string, path: string, body?: object): Promise<Answer> {
  const at = `${url.replace(/\/$/, '')}/api/v1${path}`
  const sent = body && { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }
  let response: Response
  try {
    response = await fetch(at, { method, ...sent })
  } catch (error) {
    const message = `no broker answers at ${url}; --url names another, and heliostat broker logs its own`
    throw new HeliostatError('HEL_UNREACHABLE', message, { cause: error, where: { url } })
  }
  const text = await response.text()
  if (response.ok) return JSON.parse(text)
  throw new HeliostatError(
    response.status === 400 ? 'HEL_USAGE' : 'HEL_REFUSED',
    reasonOf(text) ?? `${at} answers ${response.status}`,
  )
}

function reasonOf(text: string): string | undefined {
  try {
    return JSON.parse(text).error
  } catch {
    return undefined
  }
}
