// The control plane's client of a cluster: membership of the groups that share work, for which kafkajs stands behind it. Not
// here: topics, configs, group states and offsets, which kafkajs tells wrongly or in part; they go through ClusterClient.
import type { Kafka } from 'kafkajs'
import type { Platform } from '../platform/platform.ts'
import { type KafkajsOptions, makeKafkajs } from './kafkajs.ts'
import { Membership, type MembershipListener, type MembershipOptions } from './membership.ts'

export class ControlClient {
  readonly #platform: Platform
  readonly #options: KafkajsOptions
  readonly #cluster: string
  readonly #memberships = new Set<Membership>()
  #kafka: Promise<Kafka> | undefined

  constructor(platform: Platform, options: KafkajsOptions) {
    this.#platform = platform
    this.#options = options
    this.#cluster = options.name ?? options.bootstrap.map(({ host, port }) => `${host}:${port}`).join(',')
  }

  /** Joins a group that shares the partitions of a topic as units of work; resolves when joining has begun. */
  async joinGroup(options: MembershipOptions, listener: MembershipListener): Promise<Membership> {
    this.#kafka ??= makeKafkajs(this.#platform, this.#options)
    const membership = await Membership.join(this.#platform, await this.#kafka, this.#cluster, options, listener)
    this.#memberships.add(membership)
    return membership
  }

  async close(): Promise<void> {
    for (const membership of this.#memberships) await membership.stop()
    this.#memberships.clear()
  }
}
