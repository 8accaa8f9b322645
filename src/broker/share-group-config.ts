// The broker properties of share groups (KIP-932).

import { type ConfigDefinition, numberOf } from './config-definition.ts'
import type { Bounded, ShareGroupConfig } from './coordinator/group/group-config.ts'

function bounded(name: string, value: number, min: number, max: number, what: string): ConfigDefinition[] {
  const row = (own: string, byDefault: number, doc: string): ConfigDefinition => {
    return { name: `group.share.${own}`, type: 'INT', default: String(byDefault), min: 1, doc }
  }
  return [
    row(name, value, `${what}.`),
    row(`min.${name}`, min, `${what}: the least that a group may have as its own.`),
    row(`max.${name}`, max, `${what}: the most that a group may have as its own.`),
  ]
}

export const SHARE_GROUP_CONFIGS: readonly ConfigDefinition[] = [
  ...bounded(
    'delivery.count.limit',
    5,
    2,
    10,
    'A record that was delivered so often and is still not done is given up',
  ),
  ...bounded('heartbeat.interval.ms', 5000, 5000, 15_000, 'Time between two heartbeats that members are told'),
  ...bounded('partition.max.record.locks', 2000, 100, 4000, 'Records of a partition that may be under way'),
  ...bounded(
    'record.lock.duration.ms',
    30_000,
    15_000,
    60_000,
    'A record that is not acknowledged for this long is given to another',
  ),
  ...bounded(
    'session.timeout.ms',
    45_000,
    45_000,
    60_000,
    'A member of a share group that is silent for this long is lost',
  ),
  {
    name: 'group.share.max.share.sessions',
    type: 'INT',
    default: '2000',
    min: 1,
    doc: 'The most share sessions that this broker holds.',
  },
  { name: 'group.share.max.size', type: 'INT', default: '200', min: 1, doc: 'The most members of a share group.' },
  {
    name: 'share.coordinator.snapshot.update.records.per.snapshot',
    type: 'INT',
    default: '500',
    min: 0,
    doc: 'After so many updates the state of a share partition is written as a whole again.',
  },
  {
    name: 'share.coordinator.state.topic.min.isr',
    type: 'SHORT',
    default: '1',
    min: 1,
    doc: 'The topic config min.insync.replicas of __share_group_state. Kafka: 2.',
  },
  {
    name: 'share.coordinator.state.topic.num.partitions',
    type: 'INT',
    default: '4',
    min: 1,
    doc: 'Partitions of __share_group_state. Kafka: 50.',
  },
  {
    name: 'share.coordinator.state.topic.replication.factor',
    type: 'SHORT',
    default: '1',
    min: 1,
    doc: 'Replicas of __share_group_state. Kafka: 3.',
  },
  {
    name: 'share.coordinator.state.topic.segment.bytes',
    type: 'INT',
    default: '104857600',
    min: 1_048_576,
    doc: 'Segment size of __share_group_state.',
  },
]

export function shareGroupConfig(textOf: (name: string) => string): ShareGroupConfig {
  const number = (name: string) => numberOf(textOf(`group.share.${name}`))
  const within = (name: string): Bounded => {
    return { value: number(name), min: number(`min.${name}`), max: number(`max.${name}`) }
  }
  return {
    sessionTimeoutMs: within('session.timeout.ms'),
    heartbeatIntervalMs: within('heartbeat.interval.ms'),
    recordLockMs: within('record.lock.duration.ms'),
    deliveryCountLimit: within('delivery.count.limit'),
    maxRecordLocks: within('partition.max.record.locks'),
    maxSize: number('max.size'),
    maxSessions: number('max.share.sessions'),
  }
}
