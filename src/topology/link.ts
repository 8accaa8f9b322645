// The link between two datacenters: the two ways, and the connections that are on them.

import { HeliostatError } from '../platform/errors.ts'
import type { Platform, Socket, SocketHandler } from '../platform/platform.ts'
import { Crossing, type CrossingOptions } from './crossing.ts'
import { type LinkFaultControls, LinkFaults } from './link-faults.ts'
import { RoomPool } from './rooms.ts'
import type { Stream } from './stream.ts'
import { type Speed, Way } from './way.ts'

/** What a link is like; what is left out is without delay or limit. */
export interface LinkSpeed {
  /** One way. */
  readonly latencyMs?: number
  /** The latency is off by up to so much, earlier or later. */
  readonly jitterMs?: number
  /** Each way, for all connections together. */
  readonly bitsPerSecond?: number
}

/** Both ways, or only from the first datacenter to the second. */
export type LinkDirection = 'both' | 'one-way'

/** The link between two datacenters as one of them sees it, and what can go wrong with it. */
export interface Link {
  readonly from: string
  readonly to: string
  /**
   * Nothing passes until it is healed, and nobody is told: connections hang, new ones too. What was under way arrives after that, as TCP
   * sends again, if its connection was not given up.
   */
  cut(direction?: LinkDirection): void
  /** The connections that are open carry nothing until it is healed; new ones are not affected. */
  stall(direction?: LinkDirection): void
  /** Breaks the connections that are open, for both ends; how many there were. */
  reset(): number
  /** Changes what is named, for what is sent from then on. */
  slow(speed: LinkSpeed, direction?: LinkDirection): void
  /** Ends cuts and stalls, and gives it the speed back that it was planned with. Faults of messages stay. */
  heal(): void
  /** Faults of single messages of Kafka, in either direction. */
  readonly faults: LinkFaultControls
  status(): LinkStatus
}

export interface LinkStatus {
  /** `oregon<->virginia`. */
  readonly name: string
  /** Connections that are open over it. */
  readonly connections: number
  readonly ways: readonly WayStatus[]
}

export interface WayStatus {
  readonly from: string
  readonly to: string
  readonly state: 'open' | 'slowed' | 'stalled' | 'cut'
  readonly latencyMs: number
  readonly jitterMs: number
  /** null: no limit. */
  readonly bitsPerSecond: number | null
  /** That were sent so far. */
  readonly bytes: number
  /** That wait or are under way. */
  readonly bytesHeld: number
}

const LATENCY_MS_MAX = 3_600_000
const BITS_PER_SECOND_MIN = 1_000
const FREE_ROOM_BYTES_MAX = 4 * 1024 * 1024

/** Where a crossing of this link leads. */
export type Entrance = Pick<CrossingOptions, 'cluster' | 'target' | 'isEncrypted'>

export interface TwoWayLinkOptions {
  /** The names of its ends, the lesser first. */
  readonly ends: readonly [string, string]
  /** There and back. */
  readonly speeds: readonly [Speed, Speed]
  /** The clusters at its ends. */
  readonly clusters: readonly string[]
}

/** A link with its two ways. */
export class TwoWayLink {
  readonly name: string
  readonly ends: readonly [string, string]
  readonly faults: LinkFaults
  readonly #platform: Platform
  readonly #ways: readonly [Way, Way]
  readonly #crossings = new Set<Crossing>()
  readonly #rooms = new RoomPool(FREE_ROOM_BYTES_MAX)

  constructor(platform: Platform, { ends, speeds, clusters }: TwoWayLinkOptions) {
    const [one, other] = ends
    this.name = `${one}<->${other}`
    this.ends = ends
    this.faults = new LinkFaults(`${one}-${other}`, clusters)
    this.#platform = platform
    this.#ways = [new Way(one, other, speeds[0]), new Way(other, one, speeds[1])]
  }

  /** A client of a datacenter has come; what becomes of its socket. */
  cross(client: Socket, from: string, entrance: Entrance): SocketHandler {
    const [there, back] = this.#from(from)
    const crossing = new Crossing(client, {
      ...entrance,
      platform: this.#platform,
      there,
      back,
      faults: this.faults,
      rooms: this.#rooms,
      onOver: (over) => this.#crossings.delete(over),
    })
    this.#crossings.add(crossing)
    return crossing.handler
  }

  /** As it is seen from one of its ends. */
  seenFrom(from: string): Link {
    const [way, back] = this.#from(from)
    const some = (direction: LinkDirection) => (direction === 'both' ? [way, back] : [way])
    return {
      from,
      to: way.to,
      cut: (direction = 'both') => {
        for (const one of some(direction)) one.isCut = true
        this.#each((stream) => some(direction).includes(stream.lane.way) && stream.interrupt())
      },
      stall: (direction = 'both') => {
        this.#each((stream) => some(direction).includes(stream.lane.way) && stream.stall())
      },
      reset: () => {
        const open = [...this.#crossings]
        for (const crossing of open) crossing.reset()
        return open.length
      },
      slow: (speed, direction = 'both') => {
        const changed = checkedSpeed(speed)
        for (const one of some(direction)) one.speed = { ...one.speed, ...changed }
        this.#goOn()
      },
      heal: () => {
        for (const one of this.#ways) {
          one.isCut = false
          one.speed = one.planned
        }
        this.#each(({ lane }) => {
          lane.isStalled = false
        })
        this.#goOn()
      },
      faults: this.faults,
      status: () => this.status(),
    }
  }

  status(): LinkStatus {
    return {
      name: this.name,
      connections: this.#crossings.size,
      ways: this.#ways.map((way) => {
        const lanes = this.#streams().flatMap(({ lane }) => (lane.way === way ? [lane] : []))
        const { latencyMs, jitterMs, bitsPerSecond } = way.speed
        const isSlowed = way.speed !== way.planned
        const isStalled = lanes.some((lane) => lane.isStalled)
        return {
          from: way.from,
          to: way.to,
          state: way.isCut ? 'cut' : isStalled ? 'stalled' : isSlowed ? 'slowed' : 'open',
          latencyMs,
          jitterMs,
          bitsPerSecond: Number.isFinite(bitsPerSecond) ? bitsPerSecond : null,
          bytes: way.bytes,
          bytesHeld: lanes.reduce((sum, lane) => sum + lane.heldBytes, 0),
        }
      }),
    }
  }

  /** Breaks what is open: the topology stops. */
  close(): void {
    for (const crossing of [...this.#crossings]) crossing.reset()
  }

  #from(from: string): readonly [Way, Way] {
    const [one, other] = this.#ways
    return from === one.from ? [one, other] : [other, one]
  }

  #streams() {
    return [...this.#crossings].flatMap(({ there, back }) => [there, back])
  }

  #each(act: (stream: Stream) => void): void {
    for (const stream of this.#streams()) act(stream)
  }

  #goOn(): void {
    for (const crossing of [...this.#crossings]) crossing.goOn()
  }
}

/** Only what was named; throws HEL_LINK. */
export function checkedSpeed(speed: LinkSpeed): Partial<Speed> {
  const { latencyMs, jitterMs, bitsPerSecond } = speed
  for (const [field, value] of Object.entries({ latencyMs, jitterMs })) {
    if (value !== undefined && !(value >= 0 && value <= LATENCY_MS_MAX)) {
      throw wrong(field, `must be a number of milliseconds from 0 to ${LATENCY_MS_MAX}, not ${value}`)
    }
  }
  if (bitsPerSecond !== undefined && !(bitsPerSecond >= BITS_PER_SECOND_MIN)) {
    throw wrong(
      'bitsPerSecond',
      `must be a number from ${BITS_PER_SECOND_MIN} on, not ${bitsPerSecond}; a cut lets nothing pass`,
    )
  }
  const all = Object.entries({ latencyMs, jitterMs, bitsPerSecond })
  return Object.fromEntries(all.filter(([, value]) => value !== undefined))
}

function wrong(field: string, message: string): HeliostatError {
  return new HeliostatError('HEL_LINK', `a link's ${field} ${message}`, { where: { field } })
}
