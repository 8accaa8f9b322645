// The file `quorum-state` beside the metadata log, in Kafka's JSON: what a voter must not forget, or it would vote twice in an epoch.
import { HeliostatError } from '../../platform/errors.ts'
import type { Disk } from '../../platform/platform.ts'
import { ZERO_UUID } from '../../protocol/schema.ts'
import { NOBODY } from './message.ts'

export interface ElectionState {
  readonly leaderId: number
  readonly leaderEpoch: number
  readonly votedId: number
}

const FILE = 'quorum-state'
/** Of voters who are in the log (KIP-853). Version 0 named them, as given by the configuration. */
const VERSION = 1

export class QuorumStateFile {
  readonly #disk: Disk
  readonly #folder: string
  readonly #path: string

  /** In the folder of the metadata log. */
  constructor(disk: Disk, folder: string) {
    this.#disk = disk
    this.#folder = folder
    this.#path = `${folder}/${FILE}`
  }

  /** undefined: there is none. Throws HEL_DATA when it cannot be read, or names other voters than `bootstrap`; absent: the log names them. */
  read(bootstrap?: readonly number[]): ElectionState | undefined {
    if (!this.#disk.exists(this.#path)) return undefined
    const state = parse(this.#disk.read(this.#path).toString())
    if (state === undefined) throw this.#refused('is damaged; without it this voter could vote twice')
    const { voters } = state
    if (voters && bootstrap && !isSame(voters, bootstrap)) {
      throw this.#refused(
        `is of a quorum of the voters ${voters.join(', ')}, not ${bootstrap.join(', ')}; start the cluster with those`,
      )
    }
    return state
  }

  /** Durable when it returns. */
  write({ leaderId, leaderEpoch, votedId }: ElectionState): void {
    const body = { leaderId, leaderEpoch, votedId, votedDirectoryId: ZERO_UUID }
    // A log without a record has none yet.
    this.#disk.makeDirectory(this.#folder)
    this.#disk.replace(this.#path, Buffer.from(JSON.stringify({ ...body, data_version: VERSION })))
  }

  #refused(why: string): HeliostatError {
    return new HeliostatError('HEL_DATA', `${this.#path} ${why}`, { where: { path: this.#path } })
  }
}

function parse(text: string): (ElectionState & { voters?: number[] }) | undefined {
  try {
    const { leaderId = NOBODY, leaderEpoch, votedId = NOBODY, currentVoters } = JSON.parse(text)
    const voters = (currentVoters as { voterId: number }[] | undefined)?.map(({ voterId }) => voterId)
    const isWhole = [leaderId, leaderEpoch, votedId, ...(voters ?? [])].every((value) => Number.isSafeInteger(value))
    return isWhole ? { leaderId, leaderEpoch, votedId, ...(voters && { voters }) } : undefined
  } catch {
    return undefined
  }
}

function isSame(some: readonly number[], others: readonly number[]): boolean {
  return some.length === others.length && some.every((id) => others.includes(id))
}
