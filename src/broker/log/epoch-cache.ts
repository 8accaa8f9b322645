// Which leader epoch began at which offset, kept in Kafka's `leader-epoch-checkpoint` file. A follower finds by it where its log
// and the leader's parted (KIP-101), a consumer whether its position is still of the same history.
import type { Disk } from '../../platform/platform.ts'

const FILE = 'leader-epoch-checkpoint'
const VERSION = 0
const UNDEFINED_EPOCH = -1
const UNDEFINED_OFFSET = -1

export interface EpochEntry {
  readonly epoch: number
  readonly startOffset: number
}

export interface EpochEndOffset {
  readonly leaderEpoch: number
  readonly endOffset: number
}

// Invariants:
// 1. Epochs and start offsets both rise strictly from entry to entry.
// 2. The file never misses an entry of the cache (it is written before a record of the new epoch is); it may hold more, which
//    truncation to the log's end at opening removes.
// 3. A loss of power may take what the file learnt since the last `sync`. What is scanned after it, from the recovery point on,
//    tells it again; a file that was damaged on the way is built anew from all batches.
export class EpochCache {
  readonly #disk: Disk
  readonly #path: string
  #entries: EpochEntry[] = []
  #isDurable: boolean

  /** `isDurable`: what the file holds was synced, as after a clean stop. */
  constructor(disk: Disk, directory: string, isDurable: boolean) {
    this.#disk = disk
    this.#path = `${directory}/${FILE}`
    this.#isDurable = isDurable
  }

  /** Reads the file; false when there is none or it is damaged, and the entries must come from the batches themselves. */
  load(): boolean {
    if (!this.#disk.exists(this.#path)) return false
    const entries = parseEpochs(this.#disk.read(this.#path).toString('utf8'))
    this.#entries = entries ?? []
    return entries !== undefined
  }

  get entries(): readonly EpochEntry[] {
    return this.#entries
  }

  get latestEpoch(): number | undefined {
    return this.#entries.at(-1)?.epoch
  }

  /** The epoch of the log's first record, if that is known. */
  earliestEpochAt(logStartOffset: number): number | undefined {
    const first = this.#entries[0]
    return first !== undefined && first.startOffset <= logStartOffset ? first.epoch : undefined
  }

  epochFor(offset: number): number | undefined {
    return this.#entries.findLast((entry) => entry.startOffset <= offset)?.epoch
  }

  /** Notes the first offset of an epoch; entries that contradict it are of a history that did not happen. */
  assign(epoch: number, startOffset: number): void {
    const last = this.#entries.at(-1)
    if (last !== undefined && last.epoch === epoch && last.startOffset <= startOffset) return
    while (this.#entries.length > 0 && contradicts(this.#entries.at(-1)!, epoch, startOffset)) this.#entries.pop()
    this.#entries.push({ epoch, startOffset })
    this.#write()
  }

  /** Where `epoch` ended, by Kafka's rules for epochs that this log has never seen. */
  endOffsetFor(epoch: number, logEndOffset: number): EpochEndOffset {
    if (epoch === UNDEFINED_EPOCH) return { leaderEpoch: UNDEFINED_EPOCH, endOffset: UNDEFINED_OFFSET }
    if (epoch === this.latestEpoch) return { leaderEpoch: epoch, endOffset: logEndOffset }
    const higher = this.#entries.find((entry) => entry.epoch > epoch)
    if (higher === undefined) return { leaderEpoch: UNDEFINED_EPOCH, endOffset: UNDEFINED_OFFSET }
    const floor = this.#entries.findLast((entry) => entry.epoch <= epoch)
    return { leaderEpoch: floor?.epoch ?? epoch, endOffset: higher.startOffset }
  }

  truncateFromEnd(endOffset: number): void {
    this.#keep(this.#entries.filter((entry) => entry.startOffset < endOffset))
  }

  /** The epoch that holds the new start begins there from now on. */
  truncateFromStart(startOffset: number): void {
    const held = this.#entries.findLast((entry) => entry.startOffset <= startOffset)
    if (held === undefined || (held === this.#entries[0] && held.startOffset === startOffset)) return
    const later = this.#entries.filter((entry) => entry.startOffset > startOffset)
    this.#keep([{ epoch: held.epoch, startOffset }, ...later])
  }

  clear(): void {
    this.#keep([])
  }

  /** Returns when the file would survive a loss of power. */
  sync(): void {
    if (this.#isDurable) return
    this.#disk.replace(this.#path, this.#content())
    this.#isDurable = true
  }

  #keep(entries: EpochEntry[]): void {
    const isSame = entries.length === this.#entries.length && entries[0]?.startOffset === this.#entries[0]?.startOffset
    this.#entries = entries
    if (!isSame) this.#write()
  }

  #write(): void {
    this.#isDurable = false
    this.#disk.put(this.#path, this.#content())
  }

  #content(): Buffer {
    const lines = this.#entries.map((entry) => `${entry.epoch} ${entry.startOffset}`)
    return Buffer.from([VERSION, lines.length, ...lines, ''].join('\n'))
  }
}

function contradicts(entry: EpochEntry, epoch: number, startOffset: number): boolean {
  return entry.epoch >= epoch || entry.startOffset >= startOffset
}

function parseEpochs(text: string): EpochEntry[] | undefined {
  const [version, count, ...lines] = text.split('\n')
  if (version !== String(VERSION) || lines.pop() !== '' || String(lines.length) !== count) return undefined
  const entries: EpochEntry[] = []
  for (const line of lines) {
    const match = /^(\d+) (\d+)$/.exec(line)
    if (match === null) return undefined
    const entry = { epoch: Number(match[1]), startOffset: Number(match[2]) }
    const last = entries.at(-1)
    if (last !== undefined && contradicts(last, entry.epoch, entry.startOffset)) return undefined
    entries.push(entry)
  }
  return entries
}
