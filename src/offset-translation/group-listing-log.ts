// Tells whether all brokers of a cluster list their groups: said once, not at every pass, until it changes.
import type { Logger } from '../platform/platform.ts'
import type { GroupListing } from './group-offsets.ts'

export class GroupListingLog {
  readonly #log: Logger
  readonly #cluster: string
  #complaint = ''

  constructor(log: Logger, cluster: 'source' | 'target') {
    this.#log = log
    this.#cluster = cluster
  }

  note({ failures }: Pick<GroupListing, 'failures'>): void {
    const cluster = this.#cluster
    const complaint =
      failures.length === 0 ? '' : `not every broker of the ${cluster} lists its groups: ${failures.join('; ')}`
    if (complaint === this.#complaint) return
    this.#complaint = complaint
    if (complaint === '') this.#log.info('groups.complete', `every broker of the ${cluster} lists its groups`)
    else this.#log.warn('groups.incomplete', complaint, { cluster })
  }
}
