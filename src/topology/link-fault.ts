// A fault that a link makes on purpose of one of Kafka's messages: which ones it meets, what becomes of them, how often.

import { servedApis } from '../broker/apis/index.ts'
import { FaultError, type FaultProblem, wholeString } from '../broker/faults/fault.ts'
import { nearName } from '../config/near-name.ts'

/**
 * What is absent matches anything. One of `drop`, `close` and `delayMs` says what happens: "drop the answer to the third EndTxn" is
 * `{ api: 'EndTxn', direction: 'answer', nth: 3, drop: true }`.
 */
export interface LinkFaultSpec {
  /** Kafka's names: `Produce`, `Fetch`, … */
  readonly api?: string | readonly string[]
  /** Whether it meets requests on their way to the cluster, which is the default, or the answers to such requests. */
  readonly direction?: 'request' | 'answer'
  /** A regular expression for the whole client id. */
  readonly clientId?: string
  /** Only what is for or from this cluster. */
  readonly cluster?: string
  /** The first that it meets of those that match; 1. */
  readonly nth?: number
  /** How many it meets, from there on; 1. */
  readonly times?: number | 'all'

  /** It does not arrive, nor does anything after it in that direction of its connection: TCP has no holes. */
  readonly drop?: true
  /** It does not arrive, and its connection is broken for both ends. */
  readonly close?: true
  /** It arrives so much later, and all that is behind it on its connection with it. At most an hour. */
  readonly delayMs?: number
}

const EFFECTS = ['drop', 'close', 'delayMs'] as const
const DELAY_MS_MAX = 3_600_000
const PATTERN_LENGTH_MAX = 1000

type Check = (value: unknown, clusters: readonly string[]) => string | undefined

const isWhole = (value: unknown, most = Number.MAX_SAFE_INTEGER) =>
  Number.isSafeInteger(value) && (value as number) >= 1 && (value as number) <= most

const mark: Check = (value) => (value === true ? undefined : `must be true, or left out, not ${shown(value)}`)

const CHECKS: Readonly<Record<keyof LinkFaultSpec, Check>> = {
  api: (value) => {
    const known = servedApis.map(({ api }) => api.name)
    const names = Array.isArray(value) ? value : [value]
    if (names.length === 0) return 'must name an API; leave it out to mean any'
    for (const name of names) {
      if (typeof name !== 'string') return `must be the name of an API, not ${shown(name)}`
      if (!known.includes(name)) return `no API ${shown(name)} is served${orNear(name, known)}`
    }
    return undefined
  },
  direction: (value) =>
    value === 'request' || value === 'answer' ? undefined : `must be request or answer, not ${shown(value)}`,
  clientId: (value) => {
    if (typeof value !== 'string' || value === '') return 'must be a pattern, a text that is not empty'
    if (value.length > PATTERN_LENGTH_MAX) return `must be a pattern of at most ${PATTERN_LENGTH_MAX} characters`
    try {
      wholeString(value)
      return undefined
    } catch (error) {
      return `is no regular expression: ${(error as Error).message}`
    }
  },
  cluster: (value, clusters) => {
    if (typeof value === 'string' && clusters.includes(value)) return undefined
    const hint = (typeof value === 'string' && orNear(value, clusters)) || `; there are ${clusters.join(', ')}`
    return `there is no cluster ${shown(value)} beyond this link${hint}`
  },
  nth: (value) => (isWhole(value) ? undefined : `must be a whole number from 1 on, not ${shown(value)}`),
  times: (value) =>
    value === 'all' || isWhole(value) ? undefined : `must be a whole number from 1 on, or all, not ${shown(value)}`,
  drop: mark,
  close: mark,
  delayMs: (value) =>
    isWhole(value, DELAY_MS_MAX)
      ? undefined
      : `must be a whole number of milliseconds from 1 to ${DELAY_MS_MAX}, not ${shown(value)}`,
}

/** What somebody, perhaps over HTTP, says is a fault; throws FaultError with all that is wrong with it. */
export function checkedLinkFault(spec: unknown, clusters: readonly string[]): LinkFaultSpec {
  if (typeof spec !== 'object' || spec === null || Array.isArray(spec)) {
    throw new FaultError([{ field: 'fault', message: `must be an object, not ${shown(spec)}` }])
  }
  const problems: FaultProblem[] = []
  for (const [field, value] of Object.entries(spec)) {
    if (value === undefined) continue
    const check = Object.hasOwn(CHECKS, field) ? CHECKS[field as keyof LinkFaultSpec] : undefined
    const unknown = `a fault of a link has no such field${orNear(field, Object.keys(CHECKS))}`
    const message = check ? check(value, clusters) : unknown
    if (message !== undefined) problems.push({ field, message })
  }
  const effects = EFFECTS.filter((name) => (spec as LinkFaultSpec)[name] !== undefined)
  if (effects.length === 0)
    problems.push({ field: 'drop', message: `one of ${EFFECTS.join(', ')} must say what happens` })
  if (effects.length > 1) problems.push({ field: effects[1]!, message: `excludes ${effects[0]}` })
  if (problems.length > 0) throw new FaultError(problems)
  return Object.freeze({ ...(spec as LinkFaultSpec) })
}

function orNear(name: string, names: Iterable<string>): string {
  const near = nearName(name, names)
  return near === undefined ? '' : `; did you mean ${near}?`
}

function shown(value: unknown): string {
  const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? String(value))
  return text.length > 60 ? `${text.slice(0, 60)}…` : text
}
