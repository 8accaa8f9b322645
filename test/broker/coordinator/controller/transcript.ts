// Plays a script against a controller and writes down what it answers, what it puts in its log and what its timers do.
//
// A script is prose (lines with #) and blocks: a command, `----`, the expected output. Records pass through Kafka's bytes on their way.

import { BrokerConfig } from '../../../../src/broker/broker-config.ts'
import type { ControllerCommand, ControllerReply } from '../../../../src/broker/coordinator/controller/command.ts'
import { ControllerMachine } from '../../../../src/broker/coordinator/controller/controller-machine.ts'
import { ELECTION } from '../../../../src/broker/coordinator/controller/leader-election.ts'
import {
  type MetadataRecord,
  metadataRecordCodec,
  NO_LEADER_CHANGE,
  NO_RECOVERY_CHANGE,
  UNFENCE,
} from '../../../../src/broker/coordinator/controller/metadata-record.ts'
import { type Effects, NO_PRODUCER, NO_REQUEST } from '../../../../src/broker/coordinator/state-machine.ts'
import { errorOf } from '../../../../src/protocol/errors.ts'
import { features } from './registered-brokers.ts'

const CONTROLLER = 100
const SESSION_MS = 9000
const BALANCE_MS = 300_000

type Words = Readonly<Record<string, string>>
type Timer = { readonly at: number; readonly command: ControllerCommand }

export class Transcript {
  #machine = this.#fresh()
  readonly #log: MetadataRecord[] = []
  readonly #timers = new Map<string, Timer>()
  readonly #topicIds = new Map<string, string>()
  #now = 0
  #lines: string[] = []

  run(line: string): string {
    this.#lines = []
    const [verb, ...rest] = line.trim().split(/\s+/)
    const names = rest.filter((word) => !word.includes('='))
    const words: Words = Object.fromEntries(rest.filter((word) => word.includes('=')).map((word) => word.split('=')))
    this.#play(verb!, names, words)
    return this.#lines.map((text) => `${text}\n`).join('')
  }

  #fresh() {
    return new ControllerMachine(CONTROLLER, {
      sessionTimeoutMs: () => SESSION_MS,
      balanceMs: () => BALANCE_MS,
      allowsUnclean: (own) => own.get('unclean.leader.election.enable') === 'true',
    })
  }

  #play(verb: string, names: readonly string[], words: Words): void {
    switch (verb) {
      case 'register':
        this.#register(Number(names[0]), words)
        return
      case 'start':
        // Registers brokers and lets them serve.
        for (const id of names.map(Number)) {
          this.#register(id, words)
          this.#heartbeat(id, words)
        }
        return
      case 'heartbeat':
        for (const id of names.map(Number)) this.#heartbeat(id, words)
        return
      case 'unregister':
        this.#ask({ type: 'unregister-broker', brokerId: Number(names[0]) })
        return
      case 'topic':
        this.#topic(names[0]!, words)
        return
      case 'alter': {
        const [topicName, partition] = names[0]!.split('/')
        const topic = this.#machine.image.topics.get(topicName!)
        const held = topic?.partitions[Number(partition)]
        const brokerId = Number(words['by'])
        const asked = {
          partitionIndex: Number(partition),
          leaderEpoch: Number(words['leaderEpoch'] ?? held?.leaderEpoch ?? 0),
          partitionEpoch: Number(words['partitionEpoch'] ?? held?.partitionEpoch ?? 0),
          leaderRecoveryState: Number(words['recovering'] ?? 0),
          newIsr: numbers(words['isr']!).map((id) => ({
            brokerId: id,
            brokerEpoch: Number(words['epoch'] ?? this.#epochOf(id)),
          })),
        }
        const topics = [{ topicId: topic?.topicId ?? 'AAAAAAAAAAAAAAAAAAAAAA', partitions: [asked] }]
        this.#ask({ type: 'alter-partition', brokerId, brokerEpoch: this.#epochOf(brokerId), topics })
        return
      }
      case 'elect': {
        const electionType = names[0] === 'preferred' ? ELECTION.PREFERRED : ELECTION.UNCLEAN
        const asked = names[1]?.split('/')
        const topics = asked ? [{ topic: asked[0]!, partitions: [Number(asked[1])] }] : null
        this.#ask({ type: 'elect-leaders', electionType, topics })
        return
      }
      case 'reassign': {
        const [name, partition] = names[0]!.split('/')
        const replicas = words['to'] === undefined ? null : numbers(words['to'])
        const partitions = [{ partitionIndex: Number(partition), replicas }]
        const allowReplicationFactorChange = words['factor'] !== 'same'
        const topics = [{ name: name!, partitions }]
        this.#ask({ type: 'alter-partition-reassignments', allowReplicationFactorChange, topics })
        return
      }
      case 'config': {
        const operations = Object.entries(words).map(([name, value]) => ({ name, value, operation: 0 }))
        const resource = { resourceType: 2, resourceName: names[0]!, operations, replaceAll: false }
        const groupBounds = new BrokerConfig().groups
        this.#ask({ type: 'alter-configs', groupBounds, resources: [resource], validateOnly: false })
        return
      }
      case 'ids': {
        const brokerId = Number(names[0])
        const brokerEpoch = Number(words['epoch'] ?? this.#epochOf(brokerId))
        this.#ask({ type: 'allocate-producer-ids', brokerId, brokerEpoch, count: 1000 })
        return
      }
      case 'fire': {
        // A timer goes off, however far away it is.
        const timer = this.#timers.get(names[0]!)!
        this.#timers.delete(names[0]!)
        this.#apply(this.#machine.handle(NO_REQUEST, timer.command, this.#now))
        return
      }
      case 'wait':
        this.#wait(Number(names[0]))
        return
      case 'crash':
        this.#crash()
        return
      case 'show':
        this.#show(names[0]!)
        return
      default:
        throw new Error(`no such command: ${verb}`)
    }
  }

  #register(brokerId: number, words: Words): void {
    const incarnation = Number(words['incarnation'] ?? 1)
    const rack = words['rack'] ?? null
    const registration = {
      brokerId,
      incarnationId: Buffer.from([...Buffer.alloc(14), brokerId, incarnation]).toString('base64url'),
      endPoints: [{ name: 'PLAINTEXT', host: 'localhost', port: 9000 + brokerId, securityProtocol: 0 }],
      features: words['features'] === 'none' ? [] : features,
      rack,
    }
    this.#ask({ type: 'register-broker', registration })
  }

  #heartbeat(brokerId: number, words: Words): void {
    const brokerEpoch = Number(words['epoch'] ?? this.#epochOf(brokerId))
    const currentMetadataOffset = Number(words['offset'] ?? this.#log.length - 1)
    const wantFence = words['want'] === 'fence'
    const wantShutDown = words['want'] === 'shutdown'
    const flags = { currentMetadataOffset, wantFence, wantShutDown }
    this.#ask({ type: 'broker-heartbeat', brokerId, brokerEpoch, ...flags })
  }

  #topic(name: string, words: Words): void {
    const assignments = words['replicas']
      ?.split('|')
      .map((replicas, partitionIndex) => ({ partitionIndex, brokerIds: numbers(replicas) }))
    const topicId = Buffer.alloc(16, this.#topicIds.size + 1).toString('base64url')
    this.#topicIds.set(topicId, name)
    const configs = new Map(words['unclean'] ? [['unclean.leader.election.enable', words['unclean']]] : [])
    const factor = assignments ? -1 : Number(words['factor'] ?? 1)
    const count = assignments ? -1 : Number(words['count'] ?? 1)
    const topic = { name, topicId, numPartitions: count, replicationFactor: factor, configs }
    this.#ask({
      type: 'create-topics',
      topics: [{ ...topic, assignments: assignments ?? [] }],
      validateOnly: false,
      defaultPartitions: 1,
      defaultReplicationFactor: 1,
    })
  }

  #epochOf(brokerId: number): number {
    return this.#machine.image.brokers.get(brokerId)?.brokerEpoch ?? -1
  }

  #ask(command: ControllerCommand): void {
    this.#apply(this.#machine.handle(1, command, this.#now))
  }

  #apply({ records, replies, timers }: Effects<ControllerCommand, MetadataRecord, ControllerReply>): void {
    for (const record of records) this.#append(record)
    for (const { reply } of replies) this.#lines.push(`= ${shownReply(reply)}`)
    for (const { key, delayMs, command } of timers) {
      if (command) this.#timers.set(key, { at: this.#now + delayMs, command })
      else this.#timers.delete(key)
    }
  }

  #append(record: MetadataRecord): void {
    const decoded = metadataRecordCodec.decode(metadataRecordCodec.encode(record))!
    this.#log.push(decoded)
    this.#machine.replay(decoded, { offset: this.#log.length - 1, producerId: NO_PRODUCER })
    this.#lines.push(`log: ${this.#shown(decoded)}`)
  }

  #wait(ms: number): void {
    const until = this.#now + ms
    for (;;) {
      const due = [...this.#timers].sort((a, b) => a[1].at - b[1].at)[0]
      if (!due || due[1].at > until) break
      this.#timers.delete(due[0])
      this.#now = due[1].at
      this.#lines.push(`at ${this.#now} ms: ${due[0]}`)
      this.#apply(this.#machine.handle(NO_REQUEST, due[1].command, this.#now))
    }
    this.#now = until
  }

  /** Another node takes over: the log is all that it has. */
  #crash(): void {
    this.#timers.clear()
    this.#machine = this.#fresh()
    for (const [offset, record] of this.#log.entries())
      this.#machine.replay(record, { offset, producerId: NO_PRODUCER })
    this.#apply(this.#machine.loaded(this.#now))
    this.#lines.push(`timers: ${[...this.#timers.keys()].join(', ') || 'none'}`)
  }

  #show(what: string): void {
    if (what === 'brokers') {
      for (const {
        brokerId,
        brokerEpoch,
        fenced,
        inControlledShutdown,
        rack,
      } of this.#machine.image.brokers.values()) {
        const state = fenced ? 'fenced' : inControlledShutdown ? 'shutting down' : 'active'
        this.#lines.push(`${brokerId}: epoch ${brokerEpoch} ${state}${rack === null ? '' : ` in ${rack}`}`)
      }
      return
    }
    for (const partition of this.#machine.image.topics.get(what)!.partitions) {
      const { partitionId, replicas, isr, leader, leaderEpoch, addingReplicas, removingReplicas } = partition
      const moving = [
        addingReplicas.length > 0 ? ` adding=${addingReplicas}` : '',
        removingReplicas.length > 0 ? ` removing=${removingReplicas}` : '',
        partition.leaderRecoveryState === 1 ? ' recovering' : '',
      ].join('')
      const state = `replicas=${replicas} isr=${isr} leader=${leader} epoch=${leaderEpoch}/${partition.partitionEpoch}`
      this.#lines.push(`${what}-${partitionId}: ${state}${moving}`)
    }
  }

  #shown(record: MetadataRecord): string {
    switch (record.type) {
      case 'register-broker':
        return `register ${record.brokerId} epoch=${record.brokerEpoch} ${record.fenced ? 'fenced' : 'unfenced'}`
      case 'unregister-broker':
        return `unregister ${record.brokerId} epoch=${record.brokerEpoch}`
      case 'broker-registration-change': {
        const { brokerId, fenced, inControlledShutdown } = record
        if (inControlledShutdown) return `broker ${brokerId} shuts down`
        return `broker ${brokerId} ${fenced === UNFENCE ? 'unfenced' : 'fenced'}`
      }
      case 'partition': {
        const name = this.#topicIds.get(record.topicId)
        return `${name}-${record.partitionId} replicas=${record.replicas} isr=${record.isr} leader=${record.leader}`
      }
      case 'partition-change': {
        const { isr, leader, replicas, addingReplicas, removingReplicas, leaderRecoveryState } = record
        const parts = [
          isr && `isr=${isr}`,
          leader !== NO_LEADER_CHANGE && `leader=${leader}`,
          replicas && `replicas=${replicas}`,
          addingReplicas && `adding=${addingReplicas}`,
          removingReplicas && `removing=${removingReplicas}`,
          leaderRecoveryState !== NO_RECOVERY_CHANGE && (leaderRecoveryState === 1 ? 'recovering' : 'recovered'),
        ].filter(Boolean)
        return `${this.#topicIds.get(record.topicId)}-${record.partitionId} ${parts.join(' ')}`
      }
      case 'topic':
        return `topic ${record.name}`
      case 'config':
        return `config ${record.resourceName} ${record.name}=${record.value}`
      case 'producer-ids':
        return `producer ids of ${record.brokerId} up to ${record.nextProducerId}`
      default:
        return record.type
    }
  }
}

function numbers(text: string): number[] {
  return text === '' ? [] : text.split(',').map(Number)
}

/** Error codes by their names, what is empty left out. */
function shownReply(reply: ControllerReply): string {
  const text = JSON.stringify(reply, (key, value) => {
    if (key === 'errorCode') return errorOf(value).name
    if (['topicId', 'pauseMs', 'numPartitions', 'replicationFactor', 'partitionIndex'].includes(key)) return undefined
    return value === null ? undefined : value
  })
  return (text ?? 'done').replaceAll('"', '')
}
