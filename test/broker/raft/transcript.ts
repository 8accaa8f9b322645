// Plays a script against replicas of Raft and writes down what they do, as etcd's raft does in its tests.
//
// A script is prose (lines with #) and blocks: a command, `----`, the expected output. Messages wait until the script lets them arrive;
// time does not pass: the script says which timer goes off.
//
//   nodes 1 2 3 [observers 4] [recorded]   makes replicas, each with an empty log, and starts them; or their logs say who votes
//   voters 1 2 3 4              the leader, who must be able to, writes down that these vote
//   timeout 1 election          the timer goes off, if it is set
//   deliver [1->2 …]            messages on these ways arrive, and all that follows from them on these ways; absent: on all ways
//   lose 1->2                   the messages on this way are not delivered, and whoever asked hears of that
//   silence 1->2                they are lost, and nobody hears of anything
//   append 1 word …             the leader appends
//   restart 1 · lose-disk 1     it begins anew with its log and state file, or with none
//   move 1 somewhere            … and is found there
//   snapshot 1 offset           a snapshot stands for its log below the offset
//   resign 1                    it leaves
//   state                       what everybody is and has

import type { ElectionState } from '../../../src/broker/raft/election-state.ts'
import type { OffsetAndEpoch, RaftResponse, SentRequest } from '../../../src/broker/raft/message.ts'
import { Raft } from '../../../src/broker/raft/raft.ts'
import type { RaftEffect, RaftEvent, RaftTimer } from '../../../src/broker/raft/raft-event.ts'
import { bootstrapVoter, voterNode } from '../../../src/broker/raft/voter-set.ts'
import { errorOf } from '../../../src/protocol/errors.ts'
import { MemoryRaftLog } from './memory-raft-log.ts'

const TIMEOUTS = { electionMs: 1000, fetchMs: 2000, electionBackoffMaxMs: 1000, retryBackoffMs: 20, firstElectionMs: 0 }

interface Node {
  readonly id: number
  raft: Raft
  log: MemoryRaftLog
  kept: ElectionState | undefined
  /** Where it says that it is; undefined: it says nothing. */
  place: string | undefined
  readonly timers: Set<RaftTimer>
}

interface Message {
  readonly from: number
  readonly to: number
  readonly request: SentRequest
  /** Absent: it is the request that is on its way. */
  readonly response?: RaftResponse
}

export class Transcript {
  readonly #nodes = new Map<number, Node>()
  #voters: number[] = []
  #recordsVoters = false
  #messages: Message[] = []
  #lines: string[] = []
  #nowMs = 0

  /** Runs one command of the script and returns what came of it. */
  run(text: string): string {
    this.#lines = []
    this.#nowMs += 10
    const [verb = '', ...words] = text.trim().split(/\s+/)
    this.#do(verb, words)
    return this.#lines.length === 0 ? 'nothing\n' : `${this.#lines.join('\n')}\n`
  }

  #do(verb: string, words: readonly string[]): void {
    const node = this.#nodes.get(Number(words[0]))
    switch (verb) {
      case 'nodes':
        this.#make(words)
        return
      case 'timeout': {
        const timer = words[1] as RaftTimer
        if (node!.timers.delete(timer)) this.#happen(node!, { type: 'timeout', timer })
        else this.#lines.push(`${node!.id}: no such timer`)
        return
      }
      case 'deliver':
        this.#deliver(words)
        return
      case 'lose':
      case 'silence':
        this.#lose(words[0]!, verb === 'lose')
        return
      case 'append':
        for (const word of words.slice(1)) node!.log.append(word, node!.raft.epoch)
        this.#happen(node!, { type: 'appended' })
        return
      case 'voters': {
        const leader = [...this.#nodes.values()].find(
          ({ raft }) => raft.leaderState !== undefined && raft.mayChangeVoters,
        )
        if (leader) this.#happen(leader, { type: 'change-voters', voters: words.map(Number).map(bootstrapVoter) })
        else this.#lines.push('nobody may change the voters now')
        return
      }
      case 'restart':
        this.#start(node!)
        return
      case 'move':
        node!.place = words[1]
        this.#start(node!)
        return
      case 'lose-disk':
        node!.log = new MemoryRaftLog(this.#voters)
        node!.kept = undefined
        this.#start(node!)
        return
      case 'snapshot':
        node!.log.compactTo(Number(words[1]))
        return
      case 'resign':
        this.#happen(node!, { type: 'resign' })
        return
      case 'state':
        for (const one of this.#nodes.values()) this.#lines.push(describe(one))
        return
      default:
        throw new Error(`the script says ${verb}, which is nothing`)
    }
  }

  #make(words: readonly string[]): void {
    this.#recordsVoters = words.includes('recorded')
    const at = words.indexOf('observers')
    const ids = words.filter((word) => word !== 'observers' && word !== 'recorded').map(Number)
    this.#voters = at < 0 ? ids : ids.slice(0, at)
    for (const id of ids) {
      const node = {
        id,
        log: new MemoryRaftLog(this.#voters),
        kept: undefined,
        place: undefined,
        timers: new Set<RaftTimer>(),
      } as unknown as Node
      this.#nodes.set(id, node)
      this.#start(node)
    }
  }

  #start(node: Node): void {
    // What it asked, and what was asked of it and answered, is gone with its connections.
    this.#messages = this.#messages.filter(
      ({ from, to, response }) => from !== node.id && !(response && to === node.id),
    )
    node.timers.clear()
    const options = { nodeId: node.id, directoryId: `d${node.id}`, timeouts: TIMEOUTS, log: node.log }
    const others = () => (this.#recordsVoters ? [...this.#nodes.keys()] : [])
    const localVoter = () => {
      return node.place === undefined ? undefined : voterAt(node.id, node.place)
    }
    const how = { recordsVoters: this.#recordsVoters, others, electionState: node.kept, localVoter }
    node.raft = new Raft({ ...options, ...how }, node.log.start.offset)
    this.#happen(node, { type: 'start' })
  }

  #happen(node: Node, event: RaftEvent): RaftResponse | undefined {
    const effects = node.raft.handle(event, this.#nowMs)
    for (const effect of effects) this.#carryOut(node, effect)
    return effects.find((effect) => effect.type === 'reply')?.response
  }

  #carryOut(node: Node, effect: RaftEffect): void {
    const { id } = node
    switch (effect.type) {
      case 'persist': {
        node.kept = effect.state
        const { leaderEpoch, leaderId, votedId } = effect.state
        this.#lines.push(`${id} keeps epoch=${leaderEpoch} leader=${leaderId} voted=${votedId}`)
        return
      }
      case 'send':
        this.#messages.push({ from: id, to: effect.to, request: effect.request })
        return
      case 'set-timer': {
        node.timers.add(effect.timer)
        const isTold = effect.timer === 'fetch' && effect.ms !== TIMEOUTS.fetchMs
        if (isTold) this.#lines.push(`${id} waits ${effect.ms} ms for fetch`)
        return
      }
      case 'cancel-timer':
        node.timers.delete(effect.timer)
        return
      case 'high-watermark':
        this.#lines.push(`${id} has committed up to ${effect.offset}`)
        return
      case 'leader':
        this.#lines.push(`${id} is ${node.raft.state} in ${effect.leaderEpoch}, leader ${effect.leaderId}`)
        return
      case 'fetch-snapshot': {
        this.#lines.push(`${id} reads snapshot ${end(effect.snapshotId)} of ${effect.from}`)
        node.log.startAt(effect.snapshotId)
        this.#happen(node, { type: 'snapshot-ended' })
        return
      }
      case 'reply':
        return
    }
  }

  #deliver(ways: readonly string[]): void {
    // Followers fetch for ever: what has nothing new to say stays where it is.
    for (let count = 0; count < 200; count++) {
      const index = this.#messages.findIndex((message) => this.#isDue(message, ways))
      if (index < 0) return
      const [message] = this.#messages.splice(index, 1)
      this.#arrive(message!)
    }
    throw new Error('the messages do not end')
  }

  #isDue({ from, to, request, response }: Message, ways: readonly string[]): boolean {
    if (ways.length > 0 && !ways.includes(`${from}->${to}`)) return false
    if (response || request.type !== 'fetch') return true
    const leader = this.#nodes.get(to)!
    if (leader.raft.leaderState === undefined || leader.raft.epoch !== request.currentLeaderEpoch) return true
    const isBehind = request.fetchOffset !== leader.log.end.offset || request.lastFetchedEpoch !== leader.log.end.epoch
    const known = leader.raft.leaderState.describe(0)
    const progress = [...known.voters, ...known.observers].find(({ replicaId }) => replicaId === request.replicaId)
    const isHeard = progress !== undefined && progress.logEndOffset >= request.fetchOffset
    return isBehind || !isHeard || leader.raft.leaderState.highWatermark > request.highWatermark
  }

  #arrive({ from, to, request, response }: Message): void {
    const node = this.#nodes.get(to)!
    if (response) {
      this.#lines.push(`${from}->${to} ${answer(request, response)}`)
      this.#happen(node, { type: 'response', from, request, response })
      return
    }
    this.#lines.push(`${from}->${to} ${question(request)}`)
    const reply = this.#happen(node, { type: 'request', request })!
    const { fetched } = reply
    const isServed = request.type === 'fetch' && fetched && !fetched.diverging && !fetched.snapshotId
    const full = isServed ? { ...reply, fetched: { ...fetched, records: node.log.read(request.fetchOffset) } } : reply
    this.#messages.push({ from: to, to: from, request, response: full })
  }

  #lose(way: string, isHeard: boolean): void {
    const [from, to] = way.split('->').map(Number)
    const lost = this.#messages.filter((message) => message.from === from && message.to === to)
    this.#messages = this.#messages.filter((message) => !lost.includes(message))
    for (const message of lost) {
      this.#lines.push(`${way} lost: ${message.response ? 'an answer' : question(message.request)}`)
      if (!isHeard) continue
      const asker = this.#nodes.get(message.response ? message.to : message.from)!
      this.#happen(asker, { type: 'undelivered', to: message.response ? from! : to!, request: message.request })
    }
  }
}

function voterAt(nodeId: number, host: string) {
  return voterNode(nodeId, [{ name: 'INTERNAL', host, port: 1 }], `d${nodeId}`)
}

function describe({ id, raft, log }: Node): string {
  const { state, epoch, leaderId, votedId, highWatermark } = raft
  return `${id}: ${state} epoch=${epoch} leader=${leaderId} voted=${votedId} hw=${highWatermark} [${log}]`
}

function end({ offset, epoch }: OffsetAndEpoch): string {
  return `${offset}/${epoch}`
}

function question(request: SentRequest): string {
  switch (request.type) {
    case 'vote':
      return `${request.preVote ? 'pre-vote' : 'vote'}? epoch=${request.replicaEpoch} end=${end(request.last)}`
    case 'begin-quorum-epoch':
      return `begins epoch ${request.leaderEpoch}`
    case 'update-voter':
      return `is at ${request.voter.endpoints[0]?.host} now, epoch=${request.currentLeaderEpoch}`
    case 'end-quorum-epoch':
      return `ends epoch ${request.leaderEpoch}, successors ${request.preferredSuccessors}`
    case 'fetch':
      return `fetch? epoch=${request.currentLeaderEpoch} from=${request.fetchOffset}/${request.lastFetchedEpoch}`
  }
}

function answer(
  request: SentRequest,
  { errorCode, leaderId, leaderEpoch, voteGranted, fetched }: RaftResponse,
): string {
  const known = `(epoch=${leaderEpoch} leader=${leaderId})`
  if (errorCode !== 0) return `${request.type}: ${errorOf(errorCode).name} ${known}`
  if (request.type === 'vote')
    return `${request.preVote ? 'pre-vote' : 'vote'} ${voteGranted ? 'granted' : 'refused'} ${known}`
  if (!fetched) return `${request.type}: ok`
  if (fetched.diverging) return `fetched: parts at ${end(fetched.diverging)}`
  if (fetched.snapshotId) return `fetched: see snapshot ${end(fetched.snapshotId)}`
  const words = fetched.records.length === 0 ? [] : (JSON.parse(fetched.records.toString()) as { value: string }[])
  return `fetched: [${words.map(({ value }) => value).join(' ')}] hw=${fetched.highWatermark}`
}
