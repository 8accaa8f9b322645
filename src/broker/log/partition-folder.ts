// The folder of one partition's log, and Kafka's `partition.metadata` in it: whose folder it is, so that a topic made anew under an
// old name does not take up the old one's records.
import { HeliostatError } from '../../platform/errors.ts'
import type { Disk } from '../../platform/platform.ts'

const FILE = 'partition.metadata'

// Invariants:
// 1. There is no folder before the log has something to keep: ten thousand quiet partitions cost the disk nothing. One that is
//    missing at the start therefore means an empty log.
// 2. `sync` comes before anything in the folder is promised to last. So a folder whose metadata a loss of power took, or left empty,
//    is that of the topic that has the name now: the folder of one before it was renamed, durably, before this one was made.
export class PartitionFolder {
  readonly path: string
  readonly #disk: Disk
  #topicId: string | undefined
  #isMade: boolean
  #isDurable: boolean

  /** `isDurable`: what is there was synced, as after a clean stop. */
  constructor(disk: Disk, path: string, isDurable: boolean) {
    this.#disk = disk
    this.path = path
    this.#isMade = disk.exists(path)
    this.#isDurable = isDurable
    if (this.#isMade) this.#topicId = this.#read()
  }

  get isMade(): boolean {
    return this.#isMade
  }

  get topicId(): string | undefined {
    return this.#topicId
  }

  /** Says whose folder it is. */
  assign(topicId: string): void {
    if (topicId === this.#topicId) return
    this.#topicId = topicId
    if (this.#isMade) this.#write(topicId)
  }

  make(): void {
    if (this.#isMade) return
    this.#disk.makeDirectory(this.path)
    if (this.#topicId !== undefined) this.#write(this.#topicId)
    this.#isMade = true
  }

  /** Returns when the metadata would survive a loss of power. */
  sync(): void {
    if (this.#isDurable || this.#topicId === undefined) return
    this.#disk.replace(`${this.path}/${FILE}`, contentOf(this.#topicId))
    this.#isDurable = true
  }

  #write(topicId: string): void {
    this.#isDurable = false
    this.#disk.put(`${this.path}/${FILE}`, contentOf(topicId))
  }

  #read(): string | undefined {
    const path = `${this.path}/${FILE}`
    if (!this.#disk.exists(path)) return undefined
    const text = this.#disk.read(path).toString('utf8')
    if (text === '') return undefined
    const match = /^version: 0\ntopic_id: ([\w-]{22})\n?$/.exec(text)
    if (match !== null) return match[1]
    throw new HeliostatError('HEL_STORAGE', `${path} is damaged; it should name the topic id`, {
      where: { directory: this.path },
    })
  }
}

function contentOf(topicId: string): Buffer {
  return Buffer.from(`version: 0\ntopic_id: ${topicId}`)
}
