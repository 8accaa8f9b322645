// From whom a partition is read: its leader, or a replica that stands nearer (KIP-392). And since when nobody can have known what came
// to the source.
import type { TopicPartition } from '../../client/topic-partition.ts'
import type { Fetcher } from '../../source/fetcher.ts'
import type { PartitionHost } from './partition-host.ts'
import type { PartitionMirror } from './partition-mirror.ts'

/** As long as Java clients believe in metadata. */
const NEARER_MS = 5 * 60_000

/** All moments are monotonic. */
export class SourceReading {
  readonly #host: Pick<PartitionHost, 'platform' | 'source' | 'fetcher'>
  readonly #source: TopicPartition
  /** The one that is asked to fetch it. */
  #fetcher: Fetcher | undefined
  /** The leader's word, and how long it counts. */
  #nearer: { readonly nodeId: number; readonly until: number } | undefined
  /** When the fetcher was told that it is wanted. */
  #wantedAt = 0
  /** When it was last known where the source ends, other than by the fetcher. */
  #knownAt: number
  #isLeftOut = false

  constructor(host: Pick<PartitionHost, 'platform' | 'source' | 'fetcher'>, source: TopicPartition) {
    this.#host = host
    this.#source = source
    this.#knownAt = this.#now
  }

  get isUnderWay(): boolean {
    return this.#fetcher !== undefined
  }

  /** The partition has enough for now, and its fetcher does not ask for it. */
  get isLeftOut(): boolean {
    return this.#isLeftOut
  }

  /** From where the mirror goes on; false when there is no leader at the moment. */
  begin({ nextUpstream, leaderEpoch }: PartitionMirror, topicId: string): boolean {
    const leader = this.#leader
    if (!leader) return false
    const fetcher = this.#host.fetcher(this.#nodeFor(leader))
    if (fetcher !== this.#fetcher) this.end()
    this.#knownAt = this.#heardAt
    this.#wantedAt = this.#now
    this.#fetcher = fetcher
    this.#isLeftOut = false
    fetcher.want({
      topicPartition: this.#source,
      topicId,
      fetchOffset: nextUpstream,
      currentLeaderEpoch: leader.leaderEpoch,
      lastFetchedEpoch: leaderEpoch,
    })
    return true
  }

  end(): void {
    this.#fetcher?.drop(this.#source)
    this.dropped()
  }

  /** By its fetcher. */
  dropped(): void {
    this.#knownAt = this.#heardAt
    this.#fetcher = undefined
    this.#isLeftOut = false
  }

  /** The fetcher brought something, which may be enough for now. */
  brought({ isEnough }: { isEnough: boolean }): void {
    this.#isLeftOut = isEnough
  }

  // ---- where

  /** By now it should be read from elsewhere. */
  get hasMoved(): boolean {
    const leader = this.#leader
    return leader !== undefined && this.#fetcher !== undefined && this.#nodeFor(leader) !== this.#fetcher.nodeId
  }

  /** The leader says that this replica stands nearer to us; the fetcher has dropped the partition. */
  preferred(nodeId: number): void {
    this.dropped()
    this.#nearer = { nodeId, until: this.#now + NEARER_MS }
  }

  /** Back to the leader; false when it was read from there, or from another than this replica. */
  leaveNearer(nodeId = this.#nearer?.nodeId): boolean {
    if (!this.#nearer || this.#nearer.nodeId !== nodeId) return false
    this.#nearer = undefined
    return true
  }

  get #leader() {
    return this.#host.source.leaderOf(this.#source.topic, this.#source.partition)
  }

  #nodeFor(leader: { readonly nodeId: number }): number {
    if (this.#nearer && (this.#nearer.until <= this.#now || !this.#host.source.nodes().has(this.#nearer.nodeId)))
      this.#nearer = undefined
    return this.#nearer?.nodeId ?? leader.nodeId
  }

  // ---- since when

  /** At this moment it was known where the source ends. */
  noteKnown(at = this.#heardAt): void {
    this.#knownAt = at
  }

  /** A broker that answers and says nothing of a partition has no news of it. */
  get #heardAt(): number {
    const heard = this.#isLeftOut ? undefined : this.#fetcher?.heard
    return heard && heard.sentAt >= this.#wantedAt ? Math.max(this.#knownAt, heard.at) : this.#knownAt
  }

  /** What came to the source since nobody here can know. */
  get unheardMs(): number {
    return this.#now - this.#heardAt
  }

  get #now(): number {
    return this.#host.platform.clock.monotonic()
  }
}
