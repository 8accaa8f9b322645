// How a link between datacenters is named: `virginia<->oregon` for both ways, `virginia->oregon` for one.
import { nearName } from './near-name.ts'

const FORM = /^\s*([^\s<>]+?)\s*(<?->)\s*([^\s<>]+)\s*$/

/** What is wrong with the name of a link between these datacenters; undefined when nothing is. */
export function linkNameProblem(name: string, datacenters: readonly string[]): string | undefined {
  const [, from, , to] = FORM.exec(name) ?? []
  if (from === undefined || to === undefined) return 'a link is named a<->b, or a->b for one way'
  for (const end of [from, to]) {
    const problem = datacenterProblem(end, datacenters)
    if (problem !== undefined) return problem
  }
  return from === to ? 'a link joins two datacenters' : undefined
}

/** The ways that a link of this name has, as `a->b`. */
export function waysOf(name: string): string[] {
  const [, from, arrow, to] = FORM.exec(name)!
  return arrow === '->' ? [`${from}->${to}`] : [`${from}->${to}`, `${to}->${from}`]
}

export function datacenterProblem(name: string, datacenters: readonly string[]): string | undefined {
  if (datacenters.includes(name)) return undefined
  const near = nearName(name, datacenters)
  const known = datacenters.length > 0 ? `there are ${datacenters.join(', ')}` : 'no cluster has a datacenter'
  return `there is no datacenter ${name}; ${near === undefined ? known : `did you mean ${near}?`}`
}
