// The places of a flow's copies are kept in one topic of the target. Who deletes it takes them all away, which nobody would notice before
// the next start: so it is looked for, and missed aloud.
import type { ClusterClient } from '../client/cluster-client.ts'
import { HeliostatError } from '../platform/errors.ts'
import { ErrorCode } from '../protocol/errors.ts'
import type { ErrorCounts } from './error-counts.ts'

export class ProgressWatch {
  readonly #target: ClusterClient
  readonly #topic: string
  readonly #errors: ErrorCounts
  #isMissed = false

  constructor(target: ClusterClient, topic: string, errors: ErrorCounts) {
    this.#target = target
    this.#topic = topic
    this.#errors = errors
  }

  /** With the target's metadata as they are; told once, counted at every look. */
  async look(): Promise<void> {
    if (this.#target.topics().has(this.#topic) || !(await this.#isGone())) {
      this.#isMissed = false
      return
    }
    const message = `${this.#topic} is gone from ${this.#target.name}: the places of all copies are in memory alone, and what needs a new one waits. After a restart the copies are left as they are, until they are deleted and made anew`
    if (this.#isMissed) this.#errors.count('HEL_PROGRESS_GONE')
    else this.#errors.tell(new HeliostatError('HEL_PROGRESS_GONE', message))
    this.#isMissed = true
  }

  /** Asked for by its name: in a list of all topics those are missing, too, that we may not describe. */
  async #isGone(): Promise<boolean> {
    const { topics } = await this.#target.metadata([this.#topic])
    return topics[0]?.errorCode === ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
  }
}
