// The configs that a single group may have of its own (KIP-848), each in place of the broker property `group.<name>` and within its
// bounds `group.<min|max>`.

import { type ConfigDefinition, whyInvalid } from './config-definition.ts'
import type { Bounded, ConsumerGroupConfig } from './coordinator/group/group-config.ts'

/** The bounds come with the question: they are the broker's. */
export type GroupBounds = Pick<ConsumerGroupConfig, 'assignmentIntervalMs' | 'heartbeatIntervalMs' | 'sessionTimeoutMs'>

const BOUNDS: Readonly<Record<string, keyof GroupBounds>> = {
  'consumer.assignment.interval.ms': 'assignmentIntervalMs',
  'consumer.heartbeat.interval.ms': 'heartbeatIntervalMs',
  'consumer.session.timeout.ms': 'sessionTimeoutMs',
}

/** The defaults are the broker's, see `group.<name>`. */
export const GROUP_CONFIGS: readonly ConfigDefinition[] = [
  {
    name: 'consumer.assignment.interval.ms',
    type: 'INT',
    default: null,
    min: 0,
    doc: 'Time between two computations of a target assignment.',
  },
  {
    name: 'consumer.heartbeat.interval.ms',
    type: 'INT',
    default: null,
    min: 1,
    doc: 'Time between two heartbeats that members are told.',
  },
  {
    name: 'consumer.session.timeout.ms',
    type: 'INT',
    default: null,
    min: 1,
    doc: 'A member that is silent for this long is lost.',
  },
]

const byName = new Map(GROUP_CONFIGS.map((definition) => [definition.name, definition]))

/** Why a group cannot have these configs; undefined when it can. Kafka answers INVALID_CONFIG with such a message. */
export function whyInvalidGroupConfigs(configs: ReadonlyMap<string, string>, bounds: GroupBounds): string | undefined {
  for (const name of configs.keys()) if (!byName.has(name)) return `Unknown group config name: ${name}`
  for (const [name, value] of configs) {
    const complaint = whyInvalid(byName.get(name)!, value) ?? boundComplaint(name, Number(value), bounds[BOUNDS[name]!])
    if (complaint !== undefined) return complaint
  }
  const held = (name: string) => Number(configs.get(name) ?? bounds[BOUNDS[name]!].value)
  if (held('consumer.session.timeout.ms') > held('consumer.heartbeat.interval.ms')) return undefined
  return 'consumer.session.timeout.ms must be greater than consumer.heartbeat.interval.ms'
}

function boundComplaint(name: string, value: number, { min, max }: Bounded): string | undefined {
  const bound = (which: string) => `group.${name.replace('consumer.', `consumer.${which}.`)}`
  if (value < min) return `${name} must be greater than or equal to ${bound('min')}`
  if (value > max) return `${name} must be less than or equal to ${bound('max')}`
  return undefined
}
