import { servedApis } from '../broker/apis/index.ts'
import { wholeString } from '../broker/faults/fault.ts'
import { HeliostatError } from '../platform/errors.ts'
import { checkedLinkFault, type LinkFaultSpec } from './link-fault.ts'

/** A fault that was added to a link. */
export interface LinkFault {
  /** Of the link's name and a number. */
  readonly id: string
  readonly spec: LinkFaultSpec
  /** The messages that it met so far. */
  readonly hits: number
  /** Whether it met as many as it should: it is still listed and meets no more. */
  readonly isSpent: boolean
  /** Takes it away; what it has delayed stays delayed. */
  remove(): void
}

/** The faults of a link, for those who test what they run over it. */
export interface LinkFaultControls {
  /** Throws FaultError with every field that is wrong. */
  add(spec: LinkFaultSpec): LinkFault
  /** In the order in which they were added. */
  list(): readonly LinkFault[]
  /** Removes all. */
  clear(): void
}

/** A message that comes to the link. */
export interface Message {
  readonly apiKey: number
  readonly direction: 'request' | 'answer'
  readonly clientId: string
  readonly cluster: string
}

/** What becomes of a message: `drop` and `close`, or how much later it arrives. */
export type Fate = 'drop' | 'close' | number

const FAULTS_MAX = 1000

const nameOf: ReadonlyMap<number, string> = new Map(servedApis.map(({ api }) => [api.key, api.name]))

/**
 * The faults of a link and what they make of a message. Several may meet the same one: delays add up, and after the first that drops
 * it or closes its connection no other is asked.
 *
 * 1. `#armed` has exactly those that are not removed and not spent.
 */
export class LinkFaults implements LinkFaultControls {
  readonly #link: string
  /** Of the clusters at its ends. */
  readonly #clusters: readonly string[]
  readonly #all = new Set<PlannedFault>()
  readonly #armed = new Set<PlannedFault>()
  #added = 0

  constructor(link: string, clusters: readonly string[]) {
    this.#link = link
    this.#clusters = clusters
  }

  add(spec: LinkFaultSpec): LinkFault {
    const checked = checkedLinkFault(spec, this.#clusters)
    if (this.#all.size >= FAULTS_MAX) {
      throw new HeliostatError('HEL_FAULT', `a link has at most ${FAULTS_MAX} faults; remove some first`)
    }
    const fault = new PlannedFault(`${this.#link}-${++this.#added}`, checked, () => {
      this.#all.delete(fault)
      this.#armed.delete(fault)
    })
    this.#all.add(fault)
    this.#armed.add(fault)
    return fault
  }

  list(): readonly LinkFault[] {
    return [...this.#all]
  }

  clear(): void {
    this.#all.clear()
    this.#armed.clear()
  }

  judge(message: Message): Fate {
    let delayMs = 0
    for (const fault of this.#armed) {
      if (!fault.meets(message)) continue
      if (fault.isSpent) this.#armed.delete(fault)
      if (fault.spec.drop) return 'drop'
      if (fault.spec.close) return 'close'
      delayMs += fault.spec.delayMs!
    }
    return delayMs
  }
}

class PlannedFault implements LinkFault {
  readonly id: string
  readonly spec: LinkFaultSpec
  readonly remove: () => void
  readonly #apis: readonly string[] | undefined
  readonly #clientId: RegExp | undefined
  #toPass: number
  #hits = 0

  constructor(id: string, spec: LinkFaultSpec, remove: () => void) {
    const { api, clientId, nth = 1 } = spec
    this.id = id
    this.spec = spec
    this.remove = remove
    this.#apis = typeof api === 'string' ? [api] : api
    this.#clientId = clientId === undefined ? undefined : wholeString(clientId)
    this.#toPass = nth - 1
  }

  get hits(): number {
    return this.#hits
  }

  get isSpent(): boolean {
    const { times = 1 } = this.spec
    return times !== 'all' && this.#hits >= times
  }

  /** Counts a message that it matches; whether this is one that it meets. */
  meets({ apiKey, direction, clientId, cluster }: Message): boolean {
    if (direction !== (this.spec.direction ?? 'request')) return false
    if (this.spec.cluster !== undefined && this.spec.cluster !== cluster) return false
    if (this.#apis && !this.#apis.includes(nameOf.get(apiKey) ?? '')) return false
    if (this.#clientId && !this.#clientId.test(clientId)) return false
    if (this.#toPass > 0) {
      this.#toPass--
      return false
    }
    this.#hits++
    return true
  }
}
