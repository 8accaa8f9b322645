// Plays a script against the state of one leader's replicas. A line is a command; what it leads to is printed below it.
import type { IsrProposal } from '../../../src/broker/replication/replica-state.ts'
import { ReplicaState } from '../../../src/broker/replication/replica-state.ts'
import { ErrorCode } from '../../../src/protocol/errors.ts'
import { registrationOf, TestHosts } from './registration.ts'

const LAG_TIME_MAX_MS = 30_000

export function play(script: string): string {
  const world = new World()
  const out: string[] = []
  for (const line of script.split('\n')) {
    const command = line.trim()
    if (command.startsWith('=')) continue
    if (command === '' || command.startsWith('#')) {
      out.push(line)
      continue
    }
    out.push(line, ...world.run(command).map((text) => `= ${text}`))
  }
  return out.join('\n')
}

class World {
  readonly #hosts = new TestHosts()
  #state: ReplicaState | undefined
  #logEndOffset = 0
  #highWatermark = 0
  #nowMs = 0
  #minInSync = 1
  #awaited: IsrProposal | undefined

  run(command: string): string[] {
    const [verb, ...words] = command.split(/\s+/)
    const options = new Map(
      words.filter((word) => word.includes('=')).map((word) => word.split('=') as [string, string]),
    )
    const first = Number(words[0])
    const number = (name: string, otherwise: number) => Number(options.get(name) ?? otherwise)
    const ids = (name: string, otherwise: readonly number[]) => options.get(name)?.split(',').map(Number) ?? otherwise
    switch (verb) {
      case 'lead':
      case 'change': {
        const before = this.#state?.registration ?? registrationOf()
        const replicas = ids('replicas', before.replicas)
        const registration = registrationOf({
          replicas,
          isr: ids('isr', verb === 'lead' ? replicas : before.isr),
          leaderEpoch: number('epoch', before.leaderEpoch),
          partitionEpoch: number('partition-epoch', before.partitionEpoch + 1),
        })
        this.#logEndOffset = number('end', this.#logEndOffset)
        this.#highWatermark = number('hw', this.#highWatermark)
        this.#minInSync = number('min', this.#minInSync)
        const leader = { nodeId: 1, hosts: this.#hosts, lagTimeMaxMs: LAG_TIME_MAX_MS }
        if (verb === 'change') this.#state!.change(registration, this.#moment)
        else this.#state = new ReplicaState(registration, leader, this.#moment)
        return this.#show()
      }
      case 'append':
        this.#logEndOffset += first
        return this.#show()
      case 'fetch': {
        const fetch = {
          fetchOffset: number('at', this.#logEndOffset),
          logStartOffset: number('start', 0),
          brokerEpoch: number('broker-epoch', 0),
        }
        if (!this.#state!.knows(first)) return [`${first} is not known`]
        this.#state!.fetched(first, fetch, this.#moment)
        return this.#propose(this.#state!.expand(first, this.#highWatermark))
      }
      case 'pass':
        this.#nowMs += first * 1000
        return []
      case 'shrink':
        return this.#propose(this.#state!.shrink(this.#moment))
      case 'away':
        this.#hosts.away.add(first)
        return []
      case 'restart':
        this.#hosts.epochs.set(first, (this.#hosts.epochs.get(first) ?? 0) + 1)
        return []
      case 'answer': {
        const errorCode = ErrorCode[words[0] as keyof typeof ErrorCode]
        const { isr, leaderEpoch, partitionEpoch } = this.#awaited!
        const again = this.#state!.answered(this.#awaited!, {
          errorCode,
          isr: isr.map(({ brokerId }) => brokerId),
          leaderEpoch: number('epoch', leaderEpoch),
          partitionEpoch: number('partition-epoch', partitionEpoch + 1),
        })
        return again ? ['asks again', ...this.#show()] : this.#show()
      }
      case 'low':
        return [`low watermark ${this.#state!.lowWatermark(first)}`]
      case 'readable':
        return [`readable from ${this.#state!.readableFrom(first).join(',') || 'nobody'}`]
      default:
        throw new Error(`no command ${verb}`)
    }
  }

  get #moment() {
    return { logEndOffset: this.#logEndOffset, nowMs: this.#nowMs }
  }

  #propose(proposal: IsrProposal | undefined): string[] {
    if (!proposal) return this.#show()
    this.#awaited = proposal
    const isr = proposal.isr.map(({ brokerId, brokerEpoch }) => `${brokerId}@${brokerEpoch}`).join(',')
    return [`asks for ISR ${isr}`, ...this.#show()]
  }

  #show(): string[] {
    const state = this.#state!
    const { isr } = state.registration
    const highWatermark = state.highWatermark(this.#moment, this.#minInSync)
    this.#highWatermark = Math.max(this.#highWatermark, highWatermark ?? 0)
    const maximal = [...state.maximalIsr].join(',')
    const isrText = maximal === isr.join(',') ? `ISR ${isr.join(',')}` : `ISR ${isr.join(',')}, maximal ${maximal}`
    const stuck = highWatermark === undefined ? ', too few in sync' : ''
    return [`end ${this.#logEndOffset}, high watermark ${this.#highWatermark}${stuck}, ${isrText}`]
  }
}
