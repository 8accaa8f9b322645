// The configs of a client metrics subscription (KIP-714): which clients push which of their metrics, and how often.

import { ErrorCode } from '../protocol/errors.ts'
import { type ConfigDefinition, listOf, whyInvalid } from './config-definition.ts'
import type { ItemError } from './coordinator/controller/command.ts'

const INTERVAL_MS_MIN = 100
const INTERVAL_MS_MAX = 3_600_000

/** What clients can be told apart by. */
const MATCHABLE: readonly string[] = [
  'client_instance_id',
  'client_id',
  'client_software_name',
  'client_software_version',
  'client_source_address',
  'client_source_port',
]

export const CLIENT_METRICS_CONFIGS: readonly ConfigDefinition[] = [
  { name: 'interval.ms', type: 'INT', default: '300000', doc: 'Time between two pushes of a client.' },
  {
    name: 'match',
    type: 'LIST',
    default: '',
    doc: 'Which clients: pairs of what a client is told apart by and a regular expression. Empty for all.',
  },
  { name: 'metrics', type: 'LIST', default: '', doc: 'Prefixes of the names of the metrics that are asked for.' },
]

const byName = new Map(CLIENT_METRICS_CONFIGS.map((definition) => [definition.name, definition]))

/** Why a subscription cannot have these configs (Kafka's ClientMetricsConfigs); undefined when it can. */
export function whyInvalidClientMetrics(configs: ReadonlyMap<string, string>): ItemError | undefined {
  for (const name of configs.keys()) {
    if (!byName.has(name)) return refusal('INVALID_REQUEST', `Unknown client metrics configuration: ${name}`)
  }
  for (const [name, value] of configs) {
    const complaint = whyInvalid(byName.get(name)!, value)
    if (complaint !== undefined) return refusal('INVALID_CONFIG', complaint)
  }
  const intervalMs = Number(configs.get('interval.ms') ?? INTERVAL_MS_MIN)
  if (intervalMs < INTERVAL_MS_MIN || intervalMs > INTERVAL_MS_MAX) {
    const message = `Invalid value ${intervalMs} for interval.ms, interval must be between 100 and 3600000 (1 hour)`
    return refusal('INVALID_REQUEST', message)
  }
  const pattern = listOf(configs.get('match') ?? '').find((item) => !isPattern(item))
  return pattern === undefined ? undefined : refusal('INVALID_CONFIG', `Illegal client matching pattern: ${pattern}`)
}

function isPattern(item: string): boolean {
  const parts = item.split('=')
  if (parts.length !== 2 || parts[1] === '' || !MATCHABLE.includes(parts[0]!.trim())) return false
  try {
    new RegExp(parts[1]!.trim())
    return true
  } catch {
    return false
  }
}

function refusal(name: 'INVALID_REQUEST' | 'INVALID_CONFIG', errorMessage: string): ItemError {
  return { errorCode: ErrorCode[name], errorMessage }
}
