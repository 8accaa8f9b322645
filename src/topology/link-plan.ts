// Which datacenters there are, and what the links between them are like.

import { linkNameProblem, waysOf } from '../config/link-name.ts'
import { HeliostatError } from '../platform/errors.ts'
import { checkedSpeed, type LinkSpeed } from './link.ts'
import { type Speed, UNLIMITED } from './way.ts'

interface Placed {
  readonly datacenter?: string | undefined
}

/** One link between each two datacenters: those that were named, and the others without delay or limit. */
export interface PlannedLink {
  /** The lesser name first. */
  readonly ends: readonly [string, string]
  /** From the first to the second, and back. */
  readonly speeds: readonly [Speed, Speed]
}

/** It becomes part of the names of listeners, which do not tell upper from lower case. */
const DATACENTER_NAME = /^[A-Za-z0-9][\w.-]*$/

/** Throws HEL_TOPOLOGY for a name that cannot be. */
export function datacentersOf(clusters: Readonly<Record<string, Placed>>): string[] {
  const datacenters = new Map<string, string>()
  for (const { datacenter: name } of Object.values(clusters)) {
    if (name === undefined) continue
    const known = datacenters.get(name.toUpperCase()) ?? name
    if (!DATACENTER_NAME.test(name) || known !== name) {
      const rule = known === name ? 'is letters, digits, ., - and _' : `differs from ${known} by more than case`
      throw new HeliostatError('HEL_TOPOLOGY', `datacenter ${name}: a name ${rule}`, { where: { datacenter: name } })
    }
    datacenters.set(name.toUpperCase(), name)
  }
  return [...datacenters.values()]
}

/** Throws HEL_TOPOLOGY for a link that cannot be. */
export function plannedLinks(
  clusters: Readonly<Record<string, Placed>>,
  links: Readonly<Record<string, LinkSpeed>> = {},
): PlannedLink[] {
  const datacenters = datacentersOf(clusters)
  const speeds = new Map<string, Speed>()
  for (const [name, speed] of Object.entries(links)) {
    const problem = linkNameProblem(name, datacenters)
    if (problem !== undefined)
      throw new HeliostatError('HEL_TOPOLOGY', `link ${name}: ${problem}`, { where: { link: name } })
    for (const way of waysOf(name)) {
      if (speeds.has(way)) {
        throw new HeliostatError('HEL_TOPOLOGY', `link ${name}: ${way} is said twice`, { where: { link: name } })
      }
      speeds.set(way, { ...UNLIMITED, ...checkedSpeed(speed) })
    }
  }
  return datacenters.flatMap((one, index) =>
    datacenters.slice(index + 1).map((other): PlannedLink => {
      const ends: [string, string] = one < other ? [one, other] : [other, one]
      const speedOf = (from: string, to: string) => speeds.get(`${from}->${to}`) ?? UNLIMITED
      return { ends, speeds: [speedOf(...ends), speedOf(ends[1], ends[0])] }
    }),
  )
}
