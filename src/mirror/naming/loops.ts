// What a configuration's flows do to names, before there is a topic: whether a name could go round for ever, and whether two flows
// could write to one topic. Both are asked of sets of names, so the answer holds for every topic that there will ever be.
//
// Flows that prefix with one separator end every ring by themselves, since they take nothing that came from their target. Any other
// ring is proven to end, or named.

import { internalTopicPatterns, isKafkasOwn } from './internal-topics.ts'
import { type JavaPattern, javaPattern, parseReplacement, quotePattern } from './java-pattern.ts'
import { isRegular, NameSet, TooLarge } from './name-language.ts'

export interface NamedFlow {
  readonly from: string
  readonly to: string
  readonly naming: 'prefix' | 'identity' | { readonly rename: { readonly match: string; readonly replace: string } }
  readonly separator: string
  readonly topics: { readonly include: readonly string[]; readonly exclude: readonly string[] }
}

export interface Ring {
  /** Where the flow that was found in the ring stands in the list. */
  readonly index: number
  /** The clusters, first and last the same. */
  readonly clusters: readonly string[]
  /** A name that would go round; undefined where that could not be told. */
  readonly example: string | undefined
}

export interface Overlap {
  readonly indexes: readonly [number, number]
  /** A target topic that both would write. */
  readonly example: string
  /** False where an expression was taken for a larger set of names than it matches. */
  readonly isCertain: boolean
}

const HEARTBEATS = 'heartbeats'
/** Walks that are looked at before the question is given up. */
const STEPS_MAX = 2_000

interface Node extends NamedFlow {
  readonly index: number
  /** Names of the source that it takes. */
  readonly takes: NameSet
  readonly isExact: boolean
}

export function findRing(flows: readonly NamedFlow[]): Ring | undefined {
  const isMixed = new Set(flows.map(({ separator }) => separator)).size > 1
  const isSuspect = (flow: NamedFlow) => isMixed || !isPrefix(flow) || hidesItsTarget(flow)
  const suspects = flows.filter((flow) => isSuspect(flow) && isInRing(flow, flows))
  if (suspects.length === 0) return undefined
  const nodes = flows.map((flow, index) => nodeOf(flow, index))
  const clusters = new Set(flows.flatMap(({ from, to }) => [from, to])).size
  const search = new RingSearch(nodes, 3 * clusters)
  for (const suspect of suspects) {
    const ring = search.from(nodes[flows.indexOf(suspect)]!)
    if (ring) return ring
  }
  return undefined
}

/** Pairs of flows into one cluster whose target topics may meet. */
export function findOverlaps(flows: readonly NamedFlow[]): Overlap[] {
  const found: Overlap[] = []
  for (const [index, flow] of flows.entries()) {
    for (const [before, other] of flows.slice(0, index).entries()) {
      // With the source in front, names of different sources are different.
      if (flow.to !== other.to || (flow.from !== other.from && (isPrefix(flow) || isPrefix(other)))) continue
      const [a, b] = [nodeOf(other, before), nodeOf(flow, index)]
      const example = orUndefined(() => remoteNames(a).and(remoteNames(b)).example())
      if (example !== undefined) found.push({ indexes: [before, index], example, isCertain: a.isExact && b.isExact })
    }
  }
  return found
}

const isPrefix = ({ naming }: NamedFlow) => naming === 'prefix'

/** A cluster's name that holds the separator is not found again in the names of topics. */
const hidesItsTarget = ({ to, separator }: NamedFlow) => to.includes(separator)

/** The names, without heartbeats: those have their own names under every policy, and one flow a pair that carries them. */
function remoteNames(node: Node): NameSet {
  return passed(node, node.takes.without(heartbeatNames(node)))
}

/** A way back from its target to its source. */
function isInRing(flow: NamedFlow, flows: readonly NamedFlow[]): boolean {
  const reached = new Set([flow.to])
  for (const cluster of reached) for (const next of flows) if (next.from === cluster) reached.add(next.to)
  return reached.has(flow.from)
}

class RingSearch {
  readonly #nodes: readonly Node[]
  readonly #lengthMax: number
  #steps = 0

  constructor(nodes: readonly Node[], lengthMax: number) {
    this.#nodes = nodes
    this.#lengthMax = lengthMax
  }

  /** A walk that names can go so far that clusters repeat again and again; it needs no end. */
  from(start: Node): Ring | undefined {
    try {
      return this.#walk([start], passed(start, start.takes))
    } catch (error) {
      if (!(error instanceof TooLarge)) throw error
      return { index: start.index, clusters: this.#wayBack(start), example: undefined }
    }
  }

  #walk(trail: readonly Node[], names: NameSet): Ring | undefined {
    const example = names.example()
    if (example === undefined) return undefined
    if (trail.length >= this.#lengthMax) return ringOf(trail, example)
    for (const next of this.#nodes) {
      if (next.from !== trail.at(-1)!.to) continue
      if (this.#steps++ >= STEPS_MAX) throw new TooLarge()
      const ring = this.#walk([...trail, next], passed(next, names))
      if (ring) return ring
    }
    return undefined
  }

  #wayBack(start: Node): string[] {
    const trails = [[start.from, start.to]]
    for (const trail of trails) {
      if (trail.at(-1) === start.from) return trail
      for (const { from, to } of this.#nodes)
        if (from === trail.at(-1) && !trail.slice(1).includes(to)) trails.push([...trail, to])
    }
    return [start.from, start.to]
  }
}

/** The last round of the walk. */
function ringOf(trail: readonly Node[], example: string): Ring {
  const clusters = [...trail.map(({ from }) => from), trail.at(-1)!.to]
  const last = clusters.length - 1
  const before = clusters.lastIndexOf(clusters[last]!, last - 1)
  const round = trail.slice(before)
  // Told from the flow that stands first in the file, which is where the eye falls.
  const first = round.reduce((least, node, at) => (node.index < round[least]!.index ? at : least), 0)
  const turned = [...round.slice(first), ...round.slice(0, first)]
  const suspect = turned.find(({ naming }) => naming !== 'prefix') ?? turned[0]!
  return { index: suspect.index, clusters: [...turned.map(({ from }) => from), turned[0]!.from], example }
}

function nodeOf(flow: NamedFlow, index: number): Node {
  const include = flow.topics.include.map(javaPattern)
  const exclude = flow.topics.exclude.map(javaPattern)
  const regular = ({ parsed }: JavaPattern) => isRegular(parsed.node)
  const takes = orUndefined(() => takenNames(flow, include, exclude.filter(regular)))
  const isExact = takes !== undefined && [...include, ...exclude].every(regular)
  // An answer that is too large to have stands for every name.
  return { ...flow, index, takes: takes ?? NameSet.all, isExact }
}

/** As the topic filter decides, but larger where an expression is no regular set. */
function takenNames(flow: NamedFlow, include: readonly JavaPattern[], exclude: readonly JavaPattern[]): NameSet {
  const internal = matching(internalTopicPatterns(flow.separator))
  const byPattern = setOf(include).without(setOf(exclude)).without(internal)
  const exact = flow.topics.include.filter((name) => /^[\w.-]+$/.test(name) && !isKafkasOwn(name))
  return byPattern
    .or(matching(exact.map(quotePattern)))
    .or(heartbeatNames(flow))
    .without(cameFrom(flow))
}

/** What of these names arrives at the flow's target, as it is called there. */
function passed(flow: Node, names: NameSet): NameSet {
  const taken = names.and(flow.takes)
  const prefix = flow.from + flow.separator
  if (flow.naming === 'prefix') return taken.after(prefix)
  const beats = matching([`.*${HEARTBEATS}`])
  const heartbeats = taken.and(beats).after(prefix)
  const others = taken.without(beats)
  return heartbeats.or(flow.naming === 'identity' ? others : renamed(others, flow.naming.rename))
}

/** Any text may stand for a group. */
function renamed(names: NameSet, { match, replace }: { match: string; replace: string }): NameSet {
  const pattern = javaPattern(match)
  const set = setOf([pattern])
  const left = isRegular(pattern.parsed.node) ? names.without(set) : names
  if (names.and(set).example() === undefined) return left
  const parts = parseReplacement(replace, pattern.parsed)
  const given = parts.map((part) => (typeof part === 'string' ? quotePattern(part) : '.*')).join('')
  return left.or(matching([given]))
}

function heartbeatNames({ separator }: NamedFlow): NameSet {
  return matching([`(?:.*${quotePattern(separator)})?${HEARTBEATS}`])
}

/** What prefixed flows, and heartbeats in all flows, leave out: it came from the target at some hop. */
function cameFrom(flow: NamedFlow): NameSet {
  const { naming, to, separator } = flow
  if (hidesItsTarget(flow)) return NameSet.none
  const dot = quotePattern(separator)
  const names = matching([`(?:.*${dot})?${quotePattern(to)}${dot}.*[A-Za-z0-9].*`])
  return naming === 'prefix' ? names : names.and(matching([`.*${HEARTBEATS}`]))
}

const setOf = (patterns: readonly JavaPattern[]) => NameSet.matching(patterns.map(({ parsed }) => parsed.node))
const matching = (sources: readonly string[]) => setOf(sources.map(javaPattern))

function orUndefined<T>(answer: () => T): T | undefined {
  try {
    return answer()
  } catch (error) {
    if (error instanceof TooLarge) return undefined
    throw error
  }
}
