import type { Connection } from '../../client/connection.ts'
import type { Clock, Logger, Timer } from '../../platform/platform.ts'
import type { Partition, PartitionHost } from '../partition.ts'
import { IsrChanges, type IsrChangesOptions } from './isr-changes.ts'
import { ReplicaFetcher, type ReplicaFetchLimits } from './replica-fetcher.ts'
import type { ReplicaHosts } from './replica-state.ts'

export interface ReplicationOptions {
  readonly clock: Clock
  readonly log: Logger
  readonly nodeId: number
  /** Of this broker's registration; −1 while it has none. */
  readonly brokerEpoch: () => number
  readonly hosts: ReplicaHosts
  /** A follower that has not been at the end of the log for so long is not in sync. */
  readonly lagTimeMaxMs: number
  readonly limits: ReplicaFetchLimits
  /** A connection of its own to another broker. */
  readonly dial: (nodeId: number) => Promise<Connection>
  /** Takes the memory of records that came over such a connection, once they are in the log. */
  readonly giveBack: (records: Uint8Array) => void
  readonly alterPartition: IsrChangesOptions['send']
}

/**
 * The replicas of this broker among those of others: follows the leaders of what it does not lead, and looks after who follows it.
 *
 * 1. A partition is fetched by at most one fetcher, that of its leader, and by none while this broker leads it.
 * 2. Partitions with one replica are not known here: they cost nothing.
 */
export class Replication {
  readonly host: PartitionHost
  readonly #options: ReplicationOptions
  readonly #isrChanges: IsrChanges
  readonly #fetchers = new Map<number, ReplicaFetcher>()
  readonly #followed = new Map<Partition, ReplicaFetcher>()
  readonly #led = new Set<Partition>()
  #timer: Timer | undefined
  #closed = false

  constructor(options: ReplicationOptions) {
    const { clock, log, nodeId, brokerEpoch, hosts, lagTimeMaxMs } = options
    this.#options = options
    this.#isrChanges = new IsrChanges({ clock, log, nodeId, brokerEpoch, send: options.alterPartition })
    const propose: PartitionHost['propose'] = (partition, proposal) => this.#isrChanges.submit(partition, proposal)
    this.host = { nodeId, clock, hosts, lagTimeMaxMs, propose }
  }

  /** The metadata says something new of the partition; `isNewLeader`: another leader, or another epoch of the same. */
  changed(partition: Partition, replicaCount: number, isNewLeader: boolean): void {
    if (this.#closed) return
    if (partition.isLeader && replicaCount > 1) {
      this.#led.add(partition)
      this.#watch()
    } else this.#led.delete(partition)
    if (!isNewLeader) return
    const fetcher = partition.isLeader || partition.leaderId < 0 ? undefined : this.#fetcherOf(partition.leaderId)
    if (this.#followed.get(partition) !== fetcher) this.#unfollow(partition)
    if (!fetcher) return
    this.#followed.set(partition, fetcher)
    fetcher.add(partition)
  }

  /** The partition is no longer of this broker. */
  forget(partition: Partition): void {
    this.#led.delete(partition)
    this.#isrChanges.forget(partition)
    this.#unfollow(partition)
  }

  close(): void {
    this.#closed = true
    this.#timer?.cancel()
    this.#isrChanges.close()
    for (const fetcher of this.#fetchers.values()) fetcher.close()
    this.#fetchers.clear()
    this.#followed.clear()
    this.#led.clear()
  }

  #fetcherOf(leaderId: number): ReplicaFetcher {
    const { clock, log, nodeId, brokerEpoch, limits, dial, giveBack } = this.#options
    const present = this.#fetchers.get(leaderId)
    if (present) return present
    const options = { clock, log, nodeId, leaderId, brokerEpoch, limits, giveBack, dial: () => dial(leaderId) }
    const fetcher = new ReplicaFetcher(options)
    this.#fetchers.set(leaderId, fetcher)
    return fetcher
  }

  #unfollow(partition: Partition): void {
    const fetcher = this.#followed.get(partition)
    if (!fetcher) return
    this.#followed.delete(partition)
    fetcher.remove(partition)
    if (fetcher.size > 0) return
    fetcher.close()
    this.#fetchers.delete(fetcher.leaderId)
  }

  /** Twice within the time that a follower may lag, as Kafka; not at all without followers. */
  #watch(): void {
    this.#timer ??= this.#options.clock.setTimer(this.#options.lagTimeMaxMs / 2, () => {
      this.#timer = undefined
      for (const partition of this.#led) partition.shrinkIsr()
      if (this.#led.size > 0) this.#watch()
    })
  }
}
