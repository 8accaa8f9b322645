import { HeliostatError } from '../../platform/errors.ts'
import { ErrorCode, errorOf } from '../../protocol/errors.ts'
import { fetchSnapshot } from '../../protocol/messages/fetch-snapshot.ts'
import { splitBatches } from '../../records/record-batch.ts'
import { CLUSTER_METADATA } from '../coordinator/controller/topic-name.ts'
import type { OffsetAndEpoch } from './message.ts'
import type { Peer } from './peer.ts'
import type { SnapshotStore } from './snapshot-store.ts'

export interface SnapshotDownloadOptions {
  readonly peer: () => Peer
  readonly clusterId: string
  readonly replicaId: number
  readonly leaderEpoch: number
  readonly snapshotId: OffsetAndEpoch
  readonly store: SnapshotStore
  /** A piece has come. */
  readonly onProgress: () => void
}

const PIECE_BYTES = 1024 * 1024

/** Reads one snapshot from the leader, piece by piece, into a file that has its name only when it is whole (KIP-630). */
export class SnapshotDownload {
  readonly #options: SnapshotDownloadOptions
  #isAbandoned = false

  constructor(options: SnapshotDownloadOptions) {
    this.#options = options
  }

  abandon(): void {
    this.#isAbandoned = true
  }

  /** Resolves when the snapshot is in the store. */
  async run(): Promise<void> {
    const { store, snapshotId, onProgress } = this.#options
    if (store.has(snapshotId)) return
    const file = store.receive(snapshotId)
    try {
      let position = 0
      for (let size = Number.POSITIVE_INFINITY; position < size; ) {
        const piece = await this.#piece(position)
        file.write(piece.bytes, position)
        position += piece.bytes.length
        size = piece.size
        onProgress()
      }
      // The leader's own may be damaged, and must not take the place of a log that is not.
      if (!isSound(file.read())) throw unfinished('it is damaged')
    } catch (error) {
      file.abandon()
      throw error
    }
    file.finish()
  }

  async #piece(position: number): Promise<{ bytes: Buffer; size: number }> {
    const { peer, clusterId, replicaId, leaderEpoch, snapshotId } = this.#options
    const wanted = { endOffset: snapshotId.offset, epoch: snapshotId.epoch }
    const partitions = [{ partition: 0, currentLeaderEpoch: leaderEpoch, snapshotId: wanted, position }]
    const topics = [{ name: CLUSTER_METADATA, partitions }]
    const response = await peer().ask(fetchSnapshot, { clusterId, replicaId, maxBytes: PIECE_BYTES, topics })
    const partition = response.topics[0]?.partitions[0]
    const errorCode = response.errorCode === ErrorCode.NONE ? partition?.errorCode : response.errorCode
    const bytes = Buffer.concat(partition?.unalignedRecords ?? [])
    if (this.#isAbandoned) throw unfinished('it is not wanted any more')
    if (!partition || errorCode !== ErrorCode.NONE) throw unfinished(errorOf(errorCode ?? ErrorCode.NONE).name)
    if (partition.position !== position || bytes.length === 0) throw unfinished(`nothing came at ${position}`)
    return { bytes, size: partition.size }
  }
}

function isSound(content: Buffer): boolean {
  const { batches, incompleteBytes } = splitBatches(content)
  return incompleteBytes === 0 && batches.length > 0 && batches.every((batch) => batch.crcIsValid())
}

function unfinished(why: string): HeliostatError {
  return new HeliostatError('HEL_PROTOCOL', `the snapshot did not arrive: ${why}`, { retriable: true })
}
