// The configs that a single group may have of its own (KIP-848, KIP-932), most of them in place of the broker property `group.<name>` and
// within its bounds.

import { type ConfigDefinition, whyInvalid } from './config-definition.ts'
import type { Bounded, GroupConfig } from './coordinator/group/group-config.ts'

/** The bounds come with the question: they are the broker's. */
export type GroupBounds = Pick<GroupConfig, 'consumer' | 'share'>

const BOUNDS: Readonly<Record<string, (bounds: GroupBounds) => Bounded>> = {
  'consumer.assignment.interval.ms': ({ consumer }) => consumer.assignmentIntervalMs,
  'consumer.heartbeat.interval.ms': ({ consumer }) => consumer.heartbeatIntervalMs,
  'consumer.session.timeout.ms': ({ consumer }) => consumer.sessionTimeoutMs,
  'share.delivery.count.limit': ({ share }) => share.deliveryCountLimit,
  'share.heartbeat.interval.ms': ({ share }) => share.heartbeatIntervalMs,
  'share.partition.max.record.locks': ({ share }) => share.maxRecordLocks,
  'share.record.lock.duration.ms': ({ share }) => share.recordLockMs,
  'share.session.timeout.ms': ({ share }) => share.sessionTimeoutMs,
}

/** Where there is no default, it is the broker's, see `group.<name>`. */
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
  {
    name: 'share.auto.offset.reset',
    type: 'STRING',
    default: 'latest',
    doc: 'Where a share group begins in a partition: earliest, latest, or by_duration:<ISO 8601> before now.',
  },
  {
    name: 'share.delivery.count.limit',
    type: 'INT',
    default: null,
    min: 1,
    doc: 'A record that was delivered so often and is still not done is given up.',
  },
  {
    name: 'share.heartbeat.interval.ms',
    type: 'INT',
    default: null,
    min: 1,
    doc: 'Time between two heartbeats that members of a share group are told.',
  },
  {
    name: 'share.isolation.level',
    type: 'STRING',
    default: 'read_uncommitted',
    oneOf: ['read_uncommitted', 'read_committed'],
    doc: 'Whether a share group is given records of transactions that are open or were aborted.',
  },
  {
    name: 'share.partition.max.record.locks',
    type: 'INT',
    default: null,
    min: 1,
    doc: 'Records of a partition that may be under way.',
  },
  {
    name: 'share.record.lock.duration.ms',
    type: 'INT',
    default: null,
    min: 1,
    doc: 'A record that is not acknowledged for this long is given to another.',
  },
  {
    name: 'share.renew.acknowledge.enable',
    type: 'BOOLEAN',
    default: 'true',
    doc: 'Whether members may ask for more time with a record.',
  },
  {
    name: 'share.session.timeout.ms',
    type: 'INT',
    default: null,
    min: 1,
    doc: 'A member of a share group that is silent for this long is lost.',
  },
]

const byName = new Map(GROUP_CONFIGS.map((definition) => [definition.name, definition]))

/** Why a group cannot have these configs; undefined when it can. Kafka answers INVALID_CONFIG with such a message. */
export function whyInvalidGroupConfigs(configs: ReadonlyMap<string, string>, bounds: GroupBounds): string | undefined {
  for (const name of configs.keys()) if (!byName.has(name)) return `Unknown group config name: ${name}`
  for (const [name, value] of configs) {
    const complaint =
      whyInvalid(byName.get(name)!, value) ?? boundComplaint(name, value, bounds) ?? resetComplaint(name, value)
    if (complaint !== undefined) return complaint
  }
  const held = (name: string) => Number(configs.get(name) ?? BOUNDS[name]!(bounds).value)
  for (const kind of ['consumer', 'share']) {
    if (held(`${kind}.session.timeout.ms`) > held(`${kind}.heartbeat.interval.ms`)) continue
    return `${kind}.session.timeout.ms must be greater than ${kind}.heartbeat.interval.ms`
  }
  return undefined
}

function boundComplaint(name: string, value: string, bounds: GroupBounds): string | undefined {
  const of = BOUNDS[name]
  if (!of) return undefined
  const { min, max } = of(bounds)
  const bound = (which: string) => `group.${name.replace(/^(consumer|share)\./, `$1.${which}.`)}`
  if (Number(value) < min) return `${name} must be greater than or equal to ${bound('min')}`
  if (Number(value) > max) return `${name} must be less than or equal to ${bound('max')}`
  return undefined
}

const DURATION = /^by_duration:P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?$/

/** What `by_duration:…` says in milliseconds; undefined when it is none. */
export function resetDurationMs(text: string): number | undefined {
  const parts = DURATION.exec(text)
  if (!parts || parts.slice(1).every((part) => part === undefined)) return undefined
  const [days, hours, minutes, seconds] = parts.slice(1).map((part) => Number(part ?? 0))
  return (((days! * 24 + hours!) * 60 + minutes!) * 60 + seconds!) * 1000
}

function resetComplaint(name: string, value: string): string | undefined {
  if (name !== 'share.auto.offset.reset' || value === 'earliest' || value === 'latest') return undefined
  if (resetDurationMs(value) !== undefined) return undefined
  return `Invalid value ${value} for configuration ${name}: must be 'earliest', 'latest' or of the format 'by_duration:<duration>'`
}
