// The broker properties of groups of the protocol of KIP-848.

import { type ConfigDefinition, listOf, numberOf } from './config-definition.ts'
import type { Bounded, ConsumerGroupConfig } from './coordinator/group/group-config.ts'

const INT_MAX = 2_147_483_647

/** Kafka also takes the classes of its two assignors; there are no others here. */
const ASSIGNOR_NAMES: Readonly<Record<string, string>> = {
  uniform: 'uniform',
  range: 'range',
  'org.apache.kafka.coordinator.group.assignor.UniformAssignor': 'uniform',
  'org.apache.kafka.coordinator.group.assignor.RangeAssignor': 'range',
}

function times(name: string, value: number, min: number, max: number, what: string): ConfigDefinition[] {
  const row = (own: string, byDefault: number, doc: string): ConfigDefinition => {
    return {
      name: `group.consumer.${own}`,
      type: 'INT',
      default: String(byDefault),
      min: name.includes('assign') ? 0 : 1,
      doc,
    }
  }
  return [
    row(name, value, `${what}.`),
    row(`min.${name}`, min, `${what}: the least that a group may have as its own.`),
    row(`max.${name}`, max, `${what}: the most that a group may have as its own.`),
  ]
}

export const CONSUMER_GROUP_CONFIGS: readonly ConfigDefinition[] = [
  ...times(
    'assignment.interval.ms',
    0,
    0,
    15_000,
    'Time between two computations of a target assignment (Kafka: 1000)',
  ),
  ...times('heartbeat.interval.ms', 5000, 5000, 15_000, 'Time between two heartbeats that members are told'),
  ...times(
    'session.timeout.ms',
    45_000,
    45_000,
    60_000,
    'A member of a consumer group that is silent for this long is lost',
  ),
  {
    name: 'group.consumer.assignors',
    type: 'LIST',
    default: 'uniform,range',
    oneOf: Object.keys(ASSIGNOR_NAMES),
    doc: 'What members may ask for to share partitions; the first where none asks.',
  },
  {
    name: 'group.consumer.max.size',
    type: 'INT',
    default: String(INT_MAX),
    min: 1,
    doc: 'The most members of a consumer group.',
  },
  {
    name: 'group.consumer.migration.policy',
    type: 'STRING',
    default: 'bidirectional',
    oneOf: ['disabled', 'downgrade', 'upgrade', 'bidirectional'],
    doc: 'Whether groups with members may change from the classic to the consumer protocol (upgrade) and back (downgrade).',
  },
  {
    name: 'group.consumer.regex.refresh.interval.ms',
    type: 'INT',
    default: '600000',
    min: 10_000,
    doc: 'At least so often topics are matched anew with the regular expressions that members are subscribed by.',
  },
]

export function consumerGroupConfig(textOf: (name: string) => string): ConsumerGroupConfig {
  const number = (name: string) => numberOf(textOf(`group.consumer.${name}`))
  const bounded = (name: string): Bounded => {
    return { value: number(name), min: number(`min.${name}`), max: number(`max.${name}`) }
  }
  return {
    sessionTimeoutMs: bounded('session.timeout.ms'),
    heartbeatIntervalMs: bounded('heartbeat.interval.ms'),
    assignmentIntervalMs: bounded('assignment.interval.ms'),
    maxSize: number('max.size'),
    assignors: listOf(textOf('group.consumer.assignors')).map((name) => ASSIGNOR_NAMES[name]!),
    migrationPolicy: textOf('group.consumer.migration.policy'),
    regexRefreshIntervalMs: number('regex.refresh.interval.ms'),
  }
}
