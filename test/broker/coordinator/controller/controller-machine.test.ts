import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { BrokerConfig } from '../../../../src/broker/broker-config.ts'
import type { ControllerCommand, ControllerReplies } from '../../../../src/broker/coordinator/controller/command.ts'
import type { ControllerMachine } from '../../../../src/broker/coordinator/controller/controller-machine.ts'
import {
  type MetadataRecord,
  metadataRecordCodec,
} from '../../../../src/broker/coordinator/controller/metadata-record.ts'
import { ErrorCode } from '../../../../src/protocol/errors.ts'
import { controllerOf } from './registered-brokers.ts'

/** A machine whose records pass through Kafka's bytes, as in its log. */
function controller(brokerIds: readonly number[] = [1, 2, 3]) {
  const { machine, replay } = controllerOf(brokerIds)
  const log: MetadataRecord[] = []
  return {
    machine,
    log,
    ask<C extends ControllerCommand>(command: C): ControllerReplies[C['type']] {
      const { records, replies } = machine.handle(1, command, 0)
      for (const record of records) {
        const decoded = metadataRecordCodec.decode(metadataRecordCodec.encode(record))!
        expect(decoded).toMatchObject(record)
        log.push(decoded)
        replay(decoded)
      }
      return replies[0]!.reply as ControllerReplies[C['type']]
    },
  }
}

const groupBounds = new BrokerConfig().groups

let ids = 0
function creation(
  name: string,
  numPartitions = 1,
  replicationFactor = 1,
): ControllerCommand & { type: 'create-topics' } {
  const topicId = Buffer.alloc(16, ++ids).toString('base64url')
  const topic = {
    name,
    topicId,
    numPartitions,
    replicationFactor,
    assignments: [],
    configs: new Map([['retention.ms', '1']]),
  }
  return {
    type: 'create-topics',
    topics: [topic],
    validateOnly: false,
    defaultPartitions: 1,
    defaultReplicationFactor: 1,
  }
}

it('goes on with the leaders where it was when a topic grows', () => {
  const { ask, machine } = controller()
  ask(creation('t', 4, 2))
  const { partitions } = machine.image.topics.get('t')!
  const first = partitions[0]!.leader
  const round = [0, 1, 2, 3, 4].map((turn) => ((first - 1 + turn) % 3) + 1)
  expect(partitions.map(({ leader }) => leader)).toEqual(round.slice(0, 4))
  ask({ type: 'create-partitions', topics: [{ name: 't', count: 5, assignments: null }], validateOnly: false })
  expect(machine.image.topics.get('t')!.partitions[4]!.leader).toBe(round[4])
})

it('drops the configs of a deleted topic', () => {
  const { ask, machine } = controller()
  ask(creation('t'))
  expect([...machine.image.configs(2, 't')]).toEqual([['retention.ms', '1']])
  ask({ type: 'delete-topics', topics: [{ name: 't', topicId: '' }] })
  expect([...machine.image.configs(2, 't')]).toEqual([])
  ask({ ...creation('t'), topics: [{ ...creation('t').topics[0]!, configs: new Map() }] })
  expect([...machine.image.configs(2, 't')]).toEqual([])
})

it('writes only the configs that change', () => {
  const { ask, log } = controller()
  ask(creation('t'))
  const before = log.length
  const operations = [
    { name: 'retention.ms', operation: 0, value: '1' },
    { name: 'segment.ms', operation: 0, value: '5' },
  ]
  const resource = { resourceType: 2, resourceName: 't', operations, replaceAll: false }
  ask({ type: 'alter-configs', groupBounds, resources: [resource], validateOnly: false })
  expect(log.slice(before)).toEqual([
    { type: 'config', resourceType: 2, resourceName: 't', name: 'segment.ms', value: '5' },
  ])
})

it('gives out blocks of producer ids that never meet', () => {
  const { ask } = controller()
  const blocks = [1, 2, 1].map((brokerId) =>
    ask({ type: 'allocate-producer-ids', brokerId, brokerEpoch: brokerId, count: 10 }),
  )
  expect(blocks.map(({ first }) => first)).toEqual([0, 10, 20])
})

it('is the same machine after a replay of its log, whatever was asked', () => {
  const name = fc.constantFrom('a', 'b', 'c.d', 'c_d', 'bad name')
  const command = fc.oneof(
    fc.record({ kind: fc.constant('create' as const), name, count: fc.integer({ min: -1, max: 3 }) }),
    fc.record({ kind: fc.constant('delete' as const), name, count: fc.constant(0) }),
    fc.record({ kind: fc.constant('grow' as const), name, count: fc.integer({ min: 0, max: 6 }) }),
    fc.record({ kind: fc.constant('alter' as const), name, count: fc.integer({ min: -3, max: 9 }) }),
  )
  fc.assert(
    fc.property(fc.array(command, { maxLength: 30 }), (commands) => {
      const { ask, machine, log } = controller()
      for (const { kind, name: topic, count } of commands) {
        if (kind === 'create') ask(creation(topic, count))
        else if (kind === 'delete') ask({ type: 'delete-topics', topics: [{ name: topic, topicId: '' }] })
        else if (kind === 'grow')
          ask({ type: 'create-partitions', topics: [{ name: topic, count, assignments: null }], validateOnly: false })
        else {
          const operations = [{ name: 'retention.ms', operation: 0, value: String(count) }]
          const resource = { resourceType: 2, resourceName: topic, operations, replaceAll: false }
          ask({ type: 'alter-configs', groupBounds, resources: [resource], validateOnly: false })
        }
      }
      const { machine: again, replay } = controllerOf([1, 2, 3])
      for (const record of log) replay(record)
      expect([...again.image.topics]).toEqual([...machine.image.topics])
      for (const topic of machine.image.topics.keys()) {
        expect([...again.image.configs(2, topic)]).toEqual([...machine.image.configs(2, topic)])
      }
    }),
    { numRuns: 200 },
  )
})

it('refuses a request that creates more partitions than one unit of the log should hold', () => {
  const { ask } = controller()
  expect(ask(creation('huge', 10_001)).topics[0]!.errorCode).toBe(ErrorCode.POLICY_VIOLATION)
})

it('keeps each access rule once, and has the same rules after a replay', () => {
  const acl = fc.record({
    resourceType: fc.constantFrom(2, 3),
    resourceName: fc.constantFrom('a', 'b', '*'),
    patternType: fc.constantFrom(3, 4),
    principal: fc.constantFrom('User:x', 'User:y'),
    host: fc.constant('*'),
    operation: fc.constantFrom(3, 4),
    permissionType: fc.constantFrom(2, 3),
  })
  const step = fc.record({ removes: fc.boolean(), acls: fc.array(acl, { maxLength: 5 }) })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 20 }), (steps) => {
      const { ask, machine, log } = controller()
      const expected = new Set<string>()
      for (const { removes, acls } of steps) {
        if (removes) ask({ type: 'delete-acls', filters: acls })
        else ask({ type: 'create-acls', acls: acls.map((one) => ({ ...one, id: uuidOf(String(++ids)) })) })
        for (const one of acls) expected[removes ? 'delete' : 'add'](JSON.stringify(one))
      }
      const rulesOf = (of: ControllerMachine) =>
        [...of.image.acls.entries()].map(([, one]) => JSON.stringify(one)).sort()
      const { machine: again, replay } = controllerOf([1, 2, 3])
      for (const record of log) replay(record)
      expect(rulesOf(machine)).toEqual([...expected].sort())
      expect(rulesOf(again)).toEqual([...expected].sort())
    }),
    { numRuns: 200 },
  )
})

/** A UUID in Kafka's text, of a text. */
function uuidOf(text: string): string {
  return createHash('md5').update(text).digest('base64url')
}

it('waits a whole session for brokers when it begins, and less for the one whose node led the controllers before', () => {
  const config = { ...new BrokerConfig().controller, sessionTimeoutMs: () => 3000 }
  const waits = (silentMs: number) => {
    const { machine } = controllerOf([1, 2, 3], config, { nodeId: 2, silentMs })
    return machine.loaded(0).timers.flatMap(({ key, delayMs, command }) => (command ? [`${key}: ${delayMs}`] : []))
  }
  expect(waits(1200)).toEqual(['session 2: 1800', 'session 3: 3000', expect.stringContaining('balance')])
  // It may live all the same: then it has half a session to be heard.
  expect(waits(60_000)[0]).toBe('session 2: 1500')
})
