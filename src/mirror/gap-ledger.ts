// The gap ledger, `heliostat.<source>.gaps.internal`: one record for each range of source records known to be missing at the
// target. Its key is topic, partition and first offset, so a gap that is met again after a restart is the same entry.
import type { ClusterClient } from '../client/cluster-client.ts'
import { HeliostatError } from '../platform/errors.ts'
import type { Platform } from '../platform/platform.ts'
import { ErrorCode, errorOf } from '../protocol/errors.ts'
import { produce } from '../protocol/messages/produce.ts'
import { buildBatch } from '../records/batch-builder.ts'
import type { Gap } from './status.ts'

const TIMEOUT_MS = 30_000
const PRODUCE_VERSION_MAX = 12

export class GapLedger {
  readonly #platform: Platform
  readonly #client: ClusterClient
  readonly #topic: string

  constructor(platform: Platform, client: ClusterClient, topic: string) {
    this.#platform = platform
    this.#client = client
    this.#topic = topic
  }

  /** Durable when it resolves. */
  async write(gap: Gap): Promise<void> {
    const key = JSON.stringify([gap.topic, gap.partition, gap.from])
    const value = JSON.stringify({ version: 1, ...gap })
    const batch = buildBatch([{ timestamp: this.#platform.clock.now(), key, value }])
    const leader = this.#client.leaderOf(this.#topic, 0)
    if (!leader)
      throw new HeliostatError('HEL_NO_LEADER', `${this.#topic} has no leader at the moment`, { retriable: true })
    const connection = await this.#client.node(leader.nodeId, 'control')
    const response = await connection.send(
      produce,
      {
        acks: -1,
        timeoutMs: TIMEOUT_MS,
        topicData: [{ name: this.#topic, partitionData: [{ index: 0, records: [batch] }] }],
      },
      { version: Math.min(PRODUCE_VERSION_MAX, connection.versionOf(produce)) },
    )
    const { errorCode } = response.responses[0]!.partitionResponses[0]!
    if (errorCode === ErrorCode.NONE) return
    const { name, retriable, message } = errorOf(errorCode)
    throw new HeliostatError('HEL_GAP_LEDGER', `the gap ledger cannot be written: ${name} (${message})`, { retriable })
  }
}
