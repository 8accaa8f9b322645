// One remote cluster: finds its nodes from the bootstrap list, follows leaders and coordinators, and hands out connections.
//
// Invariants:
// 1. At most one refresh of the metadata is under way, and they begin at least `refreshIntervalMs` apart.
// 2. The cluster's id never changes: the same address leading to another cluster is an error, not new metadata.
// 3. A coordinator is remembered only while its node can be reached.
import { HeliostatError } from '../platform/errors.ts'
import { type Address, type Platform, sleep, type TlsSource } from '../platform/platform.ts'
import { ErrorCode } from '../protocol/errors.ts'
import { FramePool } from '../protocol/frame-pool.ts'
import { findCoordinator } from '../protocol/messages/find-coordinator.ts'
import { metadata } from '../protocol/messages/metadata.ts'
import type { Api, RequestInput, Response } from '../protocol/schema.ts'
import { retry } from './backoff.ts'
import type { Connection } from './connection.ts'
import { ConnectionPool, type Purpose } from './connection-pool.ts'
import { type ClusterMetadata, mergeMetadata, NO_METADATA, type NodeMetadata, type TopicMetadata } from './metadata.ts'
import { refusal } from './refusal.ts'
import type { SaslOptions } from './sasl/sasl.ts'

export interface ClusterClientOptions {
  readonly bootstrap: readonly Address[]
  readonly clientId: string
  /** What to call the cluster in messages. */
  readonly name?: string
  readonly tls?: TlsSource
  readonly sasl?: SaslOptions
  readonly rack?: string
  readonly requestTimeoutMs?: number
  readonly refreshIntervalMs?: number
  /** How long to look for a coordinator that is being elected or is loading. */
  readonly coordinatorTimeoutMs?: number
  readonly maxFrameBytes?: number
}

export type CoordinatorType = 'group' | 'transaction'

const KEY_TYPE: Readonly<Record<CoordinatorType, number>> = { group: 0, transaction: 1 }
const FIRST_VERSION_WITH_KEYS = 4
// As much as a mirror has in use at its fullest: what is let go waits for the collector, and counts as ours until then.
const FREE_FRAME_BYTES_MAX = 48 * 1024 * 1024

export class ClusterClient {
  readonly name: string
  readonly rack: string | undefined
  /** The memory of large answers: whoever is done with one may give it back. */
  readonly frames = new FramePool({ freeBytesMax: FREE_FRAME_BYTES_MAX })
  readonly #platform: Platform
  readonly #options: ClusterClientOptions
  readonly #pool: ConnectionPool
  readonly #coordinators = new Map<string, Address & { nodeId: number }>()
  readonly #closing = new AbortController()
  #metadata: ClusterMetadata = NO_METADATA
  #refresh: Promise<void> | undefined
  #refreshedAt = Number.NEGATIVE_INFINITY

  constructor(platform: Platform, options: ClusterClientOptions) {
    if (options.bootstrap.length === 0) throw new RangeError('a cluster needs at least one bootstrap address')
    this.name = options.name ?? options.bootstrap.map(textOf).join(',')
    this.rack = options.rack
    this.#platform = platform
    this.#options = options
    const { clientId, tls, sasl, requestTimeoutMs, maxFrameBytes } = options
    this.#pool = new ConnectionPool(platform, {
      clientId,
      tls,
      sasl,
      requestTimeoutMs,
      maxFrameBytes,
      frames: this.frames,
    })
  }

  /** Known after the first metadata. */
  get clusterId(): string | null {
    return this.#metadata.clusterId
  }

  nodes(): ReadonlyMap<number, NodeMetadata> {
    return this.#metadata.nodes
  }

  topics(): ReadonlyMap<string, TopicMetadata> {
    return this.#metadata.topics
  }

  topicById(topicId: string): TopicMetadata | undefined {
    const name = this.#metadata.topicNames.get(topicId)
    return name === undefined ? undefined : this.#metadata.topics.get(name)
  }

  /** Undefined when the partition is unknown or has no leader at the moment. */
  leaderOf(topic: string, partition: number): { nodeId: number; leaderEpoch: number } | undefined {
    const known = this.#metadata.topics.get(topic)?.partitions[partition]
    if (!known || known.leaderId < 0) return undefined
    return { nodeId: known.leaderId, leaderEpoch: known.leaderEpoch }
  }

  /** Asks for these topics, or for all; what the cluster answers is remembered. Topics are never made by asking. */
  async metadata(topics?: readonly string[]): Promise<Response<typeof metadata>> {
    const connection = await this.anyNode()
    const answer = await connection.send(metadata, {
      topics: topics?.map((name) => ({ name })) ?? null,
      allowAutoTopicCreation: false,
    })
    if (answer.errorCode !== ErrorCode.NONE) throw this.#failure('HEL_METADATA', 'its metadata', answer.errorCode)
    this.#checkCluster(connection.remote, answer.clusterId)
    this.#metadata = mergeMetadata(this.#metadata, answer, topics === undefined)
    if (answer.brokers.length > 0) this.#pool.keepOnly(answer.brokers)
    return answer
  }

  /** Brings the metadata of all topics up to date. Callers at the same time share one request. */
  refresh(): Promise<void> {
    this.#refresh ??= this.#refreshNow().finally(() => {
      this.#refresh = undefined
    })
    return this.#refresh
  }

  /** The connection to a node for a purpose; it is shared by all who ask for the same. */
  async node(nodeId: number, purpose: Purpose = 'control'): Promise<Connection> {
    if (!this.#metadata.nodes.has(nodeId)) await this.refresh()
    const node = this.#metadata.nodes.get(nodeId)
    if (node) return this.#pool.get(node, purpose, nodeId)
    const message = `${this.name} has no node ${nodeId} at the moment`
    throw new HeliostatError('HEL_UNKNOWN_NODE', message, { retriable: true, where: { cluster: this.name, nodeId } })
  }

  /** A connection to whichever node answers first in turn: those already connected, then known nodes, then the bootstrap list. */
  async anyNode(): Promise<Connection> {
    const failures: HeliostatError[] = []
    for (const address of this.#candidates()) {
      try {
        return await this.#pool.get(address, 'control', 'nodeId' in address ? address.nodeId : undefined)
      } catch (error) {
        if (!(error instanceof HeliostatError) || this.#closing.signal.aborted) throw error
        failures.push(error)
      }
    }
    throw this.#unreachable(failures)
  }

  /** The node that takes changes to the cluster; any node of a KRaft cluster passes them on. */
  async controller(): Promise<Connection> {
    if (!this.#metadata.nodes.has(this.#metadata.controllerId)) await this.refresh()
    const { controllerId, nodes } = this.#metadata
    return nodes.has(controllerId) ? this.node(controllerId) : this.anyNode()
  }

  /** The node that coordinates a group or a transactional id. */
  async coordinator(type: CoordinatorType, key: string): Promise<Connection> {
    const cacheKey = `${type} ${key}`
    const found = this.#coordinators.get(cacheKey) ?? (await this.#findCoordinator(type, key))
    this.#coordinators.set(cacheKey, found)
    try {
      return await this.#pool.get(found, 'control', found.nodeId)
    } catch (error) {
      this.#coordinators.delete(cacheKey) // invariant 3
      throw error
    }
  }

  /** To be called when a coordinator says that it is none (NOT_COORDINATOR); the next `coordinator` looks anew. */
  forgetCoordinator(type: CoordinatorType, key: string): void {
    this.#coordinators.delete(`${type} ${key}`)
  }

  /** Asks any node. */
  async send<A extends Api>(api: A, request: RequestInput<A>): Promise<Response<A>> {
    const connection = await this.anyNode()
    return connection.send(api, request)
  }

  close(): void {
    this.#closing.abort()
    this.#pool.close()
    this.#coordinators.clear()
  }

  async #refreshNow(): Promise<void> {
    const { clock } = this.#platform
    const earliest = this.#refreshedAt + (this.#options.refreshIntervalMs ?? 100)
    const waitMs = earliest - clock.monotonic()
    if (waitMs > 0) await sleep(clock, waitMs, this.#closing.signal)
    this.#refreshedAt = clock.monotonic()
    await this.metadata()
  }

  #checkCluster(remote: Address, clusterId: string | null): void {
    const known = this.#metadata.clusterId
    if (known === null || clusterId === null || clusterId === known) return
    const message = `${textOf(remote)} belongs to cluster ${clusterId}, but ${this.name} is cluster ${known}`
    throw new HeliostatError('HEL_CLUSTER_CHANGED', message, { where: { cluster: this.name, ...remote } })
  }

  /** Each address once: connected ones first, then those whose back-off is shortest. */
  #candidates(): (Address | NodeMetadata)[] {
    const nodes = [...this.#metadata.nodes.values()]
    const known = new Set(nodes.map(textOf))
    const all = [...nodes, ...this.#options.bootstrap.filter((address) => !known.has(textOf(address)))]
    const ranked = all.map((address) => ({ address, rank: this.#rank(address) }))
    return ranked.sort((a, b) => a.rank - b.rank).map(({ address }) => address)
  }

  #rank(address: Address): number {
    return this.#pool.peek(address, 'control') ? -1 : this.#pool.waitMs(address, 'control')
  }

  async #findCoordinator(type: CoordinatorType, key: string): Promise<Address & { nodeId: number }> {
    const timeoutMs = this.#options.coordinatorTimeoutMs ?? 30_000
    const options = { initialMs: 50, maxMs: 1_000, timeoutMs, signal: this.#closing.signal }
    return retry(this.#platform.clock, this.#platform.random, options, async () => {
      const connection = await this.anyNode()
      const manyKeys = connection.versionOf(findCoordinator) >= FIRST_VERSION_WITH_KEYS
      const request = manyKeys ? { coordinatorKeys: [key] } : { key }
      const answer = await connection.send(findCoordinator, { key: '', ...request, keyType: KEY_TYPE[type] })
      const { nodeId, host, port, errorCode } = (manyKeys ? answer.coordinators[0] : undefined) ?? answer
      if (errorCode !== ErrorCode.NONE) {
        throw this.#failure('HEL_NO_COORDINATOR', `the coordinator of ${type} ${key}`, errorCode)
      }
      return { nodeId, host, port }
    })
  }

  #failure(code: `HEL_${string}`, what: string, errorCode: number): HeliostatError {
    return refusal(code, `${this.name} does not tell ${what}`, errorCode, { where: { cluster: this.name } })
  }

  /** Not worth trying again only when no address gave a reason to. */
  #unreachable(failures: readonly HeliostatError[]): HeliostatError {
    const reasons = [...new Set(failures.map(({ message }) => message))].join('; ')
    const first = failures[0]
    const retriable = failures.some((failure) => failure.retriable)
    const code = retriable || !first ? 'HEL_UNREACHABLE' : (first.code as `HEL_${string}`)
    const message = `no node of ${this.name} can be used: ${reasons}`
    return new HeliostatError(code, message, { retriable, cause: first, where: { cluster: this.name } })
  }
}

function textOf({ host, port }: Address): string {
  return `${host}:${port}`
}
