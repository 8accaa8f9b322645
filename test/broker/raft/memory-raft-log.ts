import type { OffsetAndEpoch } from '../../../src/broker/raft/message.ts'
import type { LeaderChange, RaftLog } from '../../../src/broker/raft/raft-log.ts'
import { bootstrapVoter, VoterHistory, type VoterSet } from '../../../src/broker/raft/voter-set.ts'

interface Entry {
  readonly epoch: number
  readonly value: string
  /** Of a record of voters. */
  readonly voters?: VoterSet
}

/** A log of words. */
export class MemoryRaftLog implements RaftLog {
  start: OffsetAndEpoch = { offset: 0, epoch: 0 }
  latestSnapshotId: OffsetAndEpoch | undefined
  readonly voters: VoterHistory
  #entries: Entry[] = []

  constructor(bootstrap: readonly number[]) {
    this.voters = new VoterHistory(bootstrap.map(bootstrapVoter))
  }

  get end(): OffsetAndEpoch {
    const { offset, epoch } = this.start
    return { offset: offset + this.#entries.length, epoch: this.#entries.at(-1)?.epoch ?? epoch }
  }

  endOf(epoch: number): OffsetAndEpoch {
    const count = this.#entries.filter((entry) => entry.epoch <= epoch).length
    if (count === 0) return this.start
    return { offset: this.start.offset + count, epoch: this.#entries[count - 1]!.epoch }
  }

  append(value: string, epoch: number): void {
    this.#add({ epoch, value })
  }

  appendLeaderChange({ leaderId, grantingVoters }: LeaderChange, epoch: number, voters?: VoterSet): void {
    this.append(`leader=${leaderId}(${grantingVoters})`, epoch)
    if (voters) this.appendVoters(voters, epoch)
  }

  appendVoters(voters: VoterSet, epoch: number): void {
    const named = voters.map(({ nodeId, endpoints: [at] }) => (at ? `${nodeId}@${at.host}` : nodeId))
    this.#add({ epoch, value: `voters=${named}`, voters })
  }

  appendFetched(records: Buffer): void {
    for (const entry of JSON.parse(records.toString()) as Entry[]) this.#add(entry)
  }

  truncateTo(offset: number): void {
    this.#entries.length = offset - this.start.offset
    this.voters.truncateTo(offset)
  }

  #add(entry: Entry): void {
    if (entry.voters) this.voters.add(this.end.offset, entry.voters)
    this.#entries.push(entry)
  }

  read(offset: number): Buffer {
    const entries = this.#entries.slice(offset - this.start.offset)
    return entries.length === 0 ? Buffer.alloc(0) : Buffer.from(JSON.stringify(entries))
  }

  /** A snapshot stands for everything below the offset. */
  compactTo(offset: number): void {
    const { epoch } = this.#entries[offset - this.start.offset - 1]!
    this.#entries = this.#entries.slice(offset - this.start.offset)
    this.start = { offset, epoch }
    this.latestSnapshotId = this.start
  }

  startAt(id: OffsetAndEpoch): void {
    this.#entries = []
    this.start = id
    this.latestSnapshotId = id
  }

  toString(): string {
    const from = this.start.offset > 0 ? [`…${this.start.offset}/${this.start.epoch}`] : []
    return [...from, ...this.#entries.map(({ epoch, value }) => `${epoch}:${value}`)].join(' ')
  }
}
