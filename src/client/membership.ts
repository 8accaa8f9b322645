// Membership of a consumer group that shares work: to own partition p of a topic is to own the work that p stands for. Nothing
// is read from the topic here; its partitions are paused from the first moment.
//
// Invariants:
// 1. `lost` names only partitions that `owned` named before and that were not lost since; each change is told once.
// 2. A rebalance that leaves a partition with this member says nothing about it.
// 3. A member that has not heard from the coordinator for a session's length is unsure: others may own its partitions by now.
//    It keeps them; the coordinator's next word, to a heartbeat or a join, ends the doubt and tells what was lost, if anything.
// 4. After `stop` nothing is told.
import type { Consumer, Kafka, PartitionAssigner } from 'kafkajs'
import type { HeliostatError } from '../platform/errors.ts'
import type { Platform, Timer } from '../platform/platform.ts'
import { encodeVersioned } from '../protocol/codec.ts'
import {
  consumerProtocolAssignment,
  consumerProtocolSubscription,
  decodeSubscription,
} from '../protocol/messages/consumer-protocol.ts'
import { agree } from './agreement.ts'
import { fromKafkajs } from './kafkajs.ts'
import { assignPartitions } from './sticky-assignor.ts'

export interface MembershipOptions {
  readonly groupId: string
  readonly topic: string
  /** What this member would do, as text: it shares with those who say the same. Absent: with all. */
  readonly settings?: string
  readonly sessionTimeoutMs?: number
  readonly rebalanceTimeoutMs?: number
  readonly heartbeatIntervalMs?: number
}

export interface MembershipListener {
  /** What is added. Called after the first join, and when `unsure` ends, also when that is nothing. */
  owned(partitions: readonly number[]): void
  lost(partitions: readonly number[]): void
  /** A generation was joined, and what it gave has been told. */
  joined(): void
  /** The coordinator was out of reach for a session; nothing is lost by that alone. Ends with the next `owned`. */
  unsure(): void
  /** The membership is over for a reason that trying again does not mend (no right to the group). */
  failed(error: HeliostatError): void
}

const PROTOCOL = 'heliostat-sticky'
// The version of Kafka's consumer protocol that has owned partitions.
const SUBSCRIPTION_VERSION = 1
const ASSIGNMENT_VERSION = 0
// How long kafkajs sleeps between looks at a paused topic: the delay of a heartbeat and of stopping.
const IDLE_MS = 300

export class Membership {
  readonly #platform: Platform
  readonly #options: Required<Omit<MembershipOptions, 'settings'>> & Pick<MembershipOptions, 'settings'>
  readonly #cluster: string
  readonly #listener: MembershipListener
  readonly #consumer: Consumer
  /** What the last generation that we joined gives us, also while we are unsure of it. */
  #owned: ReadonlySet<number> = new Set()
  /** The coordinator was heard within a session. */
  #sure = false
  #stopped = false
  #expiry: Timer | undefined

  /** Resolves when the group is being joined; the first `owned` tells when it is joined. */
  static async join(
    platform: Platform,
    kafka: Kafka,
    cluster: string,
    options: MembershipOptions,
    listener: MembershipListener,
  ): Promise<Membership> {
    const membership = new Membership(platform, kafka, cluster, options, listener)
    try {
      await membership.#start()
      return membership
    } catch (error) {
      await membership.stop()
      throw fromKafkajs(error, cluster, `join group ${options.groupId}`)
    }
  }

  private constructor(
    platform: Platform,
    kafka: Kafka,
    cluster: string,
    options: MembershipOptions,
    listener: MembershipListener,
  ) {
    this.#platform = platform
    this.#cluster = cluster
    this.#listener = listener
    this.#options = { sessionTimeoutMs: 10_000, rebalanceTimeoutMs: 10_000, heartbeatIntervalMs: 1_000, ...options }
    this.#consumer = kafka.consumer({
      groupId: options.groupId,
      partitionAssigners: [this.#assigner],
      sessionTimeout: this.#options.sessionTimeoutMs,
      rebalanceTimeout: this.#options.rebalanceTimeoutMs,
      heartbeatInterval: this.#options.heartbeatIntervalMs,
      maxWaitTimeInMs: IDLE_MS,
      allowAutoTopicCreation: false,
      // A consumer that was still connecting when it was told to stop would otherwise begin anew for ever.
      retry: { restartOnFailure: async () => !this.#stopped },
    })
    this.#listen()
  }

  /** What this member owns now, in order. */
  get partitions(): readonly number[] {
    return [...this.#owned].sort((a, b) => a - b)
  }

  /** Leaves the group at once, so that others need not wait for the session to end. */
  async stop(): Promise<void> {
    this.#stopped = true
    this.#expiry?.cancel()
    await this.#consumer.disconnect()
  }

  async #start(): Promise<void> {
    await this.#consumer.connect()
    await this.#consumer.subscribe({ topics: [this.#options.topic] })
    // Resolves after the first join, which may take as long as the other members need.
    const running = this.#consumer.run({ autoCommit: false, eachBatch: async () => {} })
    running.catch((error) => this.#fail(error))
  }

  #listen(): void {
    const { events, on } = this.#consumer
    const { sessionTimeoutMs, rebalanceTimeoutMs } = this.#options
    on(events.GROUP_JOIN, ({ payload }) => {
      // Before the first fetch, and again after a crash, when kafkajs begins with a fresh state.
      this.#consumer.pause([{ topic: this.#options.topic }])
      this.#heard(sessionTimeoutMs)
      this.#become(payload.memberAssignment[this.#options.topic] ?? [])
      if (!this.#stopped) this.#listener.joined()
    })
    on(events.HEARTBEAT, () => {
      this.#heard(sessionTimeoutMs)
      // A coordinator that was away counts the session anew; its answer says that the assignment still stands.
      this.#become(this.partitions)
    })
    // While it waits for the others to join, a member sends no heartbeat and need not.
    on(events.REBALANCING, () => this.#heard(rebalanceTimeoutMs + sessionTimeoutMs))
    on(events.CRASH, ({ payload }) => {
      if (!payload.restart) this.#fail(payload.error)
    })
  }

  #become(partitions: readonly number[]): void {
    if (this.#stopped) return
    const before = this.#owned
    this.#owned = new Set(partitions)
    const lost = [...before].filter((partition) => !this.#owned.has(partition))
    const gained = [...this.#owned].filter((partition) => !before.has(partition))
    if (lost.length > 0) this.#listener.lost(lost)
    if (gained.length > 0 || !this.#sure) this.#listener.owned(gained)
    this.#sure = true
  }

  #heard(validMs: number): void {
    if (this.#stopped) return
    this.#expiry?.cancel()
    this.#expiry = this.#platform.clock.setTimer(validMs, () => {
      const { groupId } = this.#options
      const message = `group ${groupId} at ${this.#cluster} was out of reach for ${validMs} ms; others may have its work`
      this.#platform.log.warn('membership.expired', message, { groupId, partitions: this.partitions })
      this.#sure = false // invariant 3
      this.#listener.unsure()
    })
  }

  #fail(error: unknown): void {
    if (this.#stopped) return
    this.#stopped = true
    this.#expiry?.cancel()
    this.#listener.failed(fromKafkajs(error, this.#cluster, `stay in group ${this.#options.groupId}`))
  }

  #assigner: PartitionAssigner = ({ cluster }) => ({
    name: PROTOCOL,
    version: SUBSCRIPTION_VERSION,
    protocol: ({ topics }) => {
      const { topic, settings } = this.#options
      const ownedPartitions = [{ topic, partitions: this.partitions }]
      const userData = settings === undefined ? null : Buffer.from(settings)
      const subscription = { topics, userData, ownedPartitions }
      const metadata = encodeVersioned(consumerProtocolSubscription, SUBSCRIPTION_VERSION, subscription)
      return { name: PROTOCOL, metadata }
    },
    assign: async ({ members }) => {
      const { topic } = this.#options
      const partitions = cluster.findTopicPartitionMetadata(topic).map(({ partitionId }) => partitionId)
      const claims = members.map(({ memberId, memberMetadata }) => {
        const { ownedPartitions, userData } = decodeSubscription(memberMetadata)
        const owned = ownedPartitions.filter((claim) => claim.topic === topic).flatMap((claim) => claim.partitions)
        return { memberId, owned, settings: userData?.toString() }
      })
      const { sharing, apart } = agree(claims)
      const assignments = new Map<string, readonly number[]>([
        ...assignPartitions(sharing, partitions),
        ...apart.map(({ memberId }) => [memberId, []] as const),
      ])
      return [...assignments].map(([memberId, assigned]) => ({
        memberId,
        memberAssignment: encodeVersioned(consumerProtocolAssignment, ASSIGNMENT_VERSION, {
          assignedPartitions: [{ topic, partitions: assigned }],
        }),
      }))
    },
  })
}
