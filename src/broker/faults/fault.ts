// A fault on purpose: which requests it meets, what it does to them, and how often. For people who test their own clients.

import { nearName } from '../../config/near-name.ts'
import { HeliostatError } from '../../platform/errors.ts'
import { ErrorCode, type ErrorName } from '../../protocol/errors.ts'

/**
 * What to match, what to do, how often. What is absent matches anything. Patterns are regular expressions for the whole
 * string, so `orders` means that topic alone.
 */
export interface FaultSpec {
  /** Kafka's names: `Produce`, `Fetch`, … */
  readonly api?: string | readonly string[]
  /** A pattern. Requests that ask for all topics match any; those that name none match only where this is absent. */
  readonly topic?: string
  readonly partition?: number
  /** A pattern. */
  readonly clientId?: string
  /** A pattern, for the form `User:alice`. */
  readonly principal?: string
  /** A pattern, for the name of the listener that the client came through, in upper case. */
  readonly listener?: string

  /**
   * Answers with this error what matches, and does not carry it out; what else the request asks for is carried out. An error
   * about topics and partitions stands at those, any other at the top level where the API has one.
   */
  readonly error?: ErrorName
  /** `request`: not carried out and never answered. `response`: carried out and never answered. */
  readonly drop?: 'request' | 'response'
  /** Closes the connection before or after the request is carried out; it is not answered. */
  readonly close?: 'before' | 'after'
  /** The answer, or whatever stands for it, comes so much later; goes with any of the others. At most an hour. */
  readonly delayMs?: number

  /** How many requests it meets; absent: all, until it is removed. */
  readonly times?: number
  /** Lets so many matching requests pass first. */
  readonly skip?: number
  /** 0 < p ≤ 1: whether it meets a matching request is drawn each time. */
  readonly probability?: number
}

export interface FaultProblem {
  readonly field: string
  readonly message: string
}

/** A fault that cannot be: `problems` has all that is wrong with it, by field. */
export class FaultError extends HeliostatError {
  readonly problems: readonly FaultProblem[]

  constructor(problems: readonly FaultProblem[]) {
    super('HEL_FAULT', problems.map(({ field, message }) => `${field}: ${message}`).join('; '), {
      where: { field: problems[0]!.field },
    })
    this.problems = problems
  }
}

const DELAY_MS_MAX = 3_600_000
const PATTERN_LENGTH_MAX = 1000
const EFFECTS = ['error', 'drop', 'close', 'delayMs'] as const

type Check = (value: unknown, apiNames: readonly string[]) => string | undefined

const pattern: Check = (value) => {
  if (typeof value !== 'string' || value === '') return 'must be a pattern, a text that is not empty'
  if (value.length > PATTERN_LENGTH_MAX) return `must be a pattern of at most ${PATTERN_LENGTH_MAX} characters`
  try {
    wholeString(value)
    return undefined
  } catch (error) {
    return `is no regular expression: ${(error as Error).message}`
  }
}

const whole =
  (least: number, most = Number.MAX_SAFE_INTEGER): Check =>
  (value) => {
    if (Number.isSafeInteger(value) && (value as number) >= least && (value as number) <= most) return undefined
    const upTo = most === Number.MAX_SAFE_INTEGER ? `from ${least} on` : `from ${least} to ${most}`
    return `must be a whole number ${upTo}, not ${shown(value)}`
  }

const oneOf =
  (...choices: readonly string[]): Check =>
  (value) =>
    choices.includes(value as string) ? undefined : `must be ${choices.join(' or ')}, not ${shown(value)}`

const CHECKS: Readonly<Record<keyof FaultSpec, Check>> = {
  api: (value, apiNames) => {
    const names = Array.isArray(value) ? value : [value]
    if (names.length === 0) return 'must name an API; leave it out to mean any'
    for (const name of names) {
      if (typeof name !== 'string') return `must be the name of an API, not ${shown(name)}`
      if (!apiNames.includes(name)) return `this broker serves no API ${shown(name)}${orNear(name, apiNames)}`
    }
    return undefined
  },
  topic: pattern,
  partition: whole(0, 2_147_483_647),
  clientId: pattern,
  principal: pattern,
  listener: pattern,
  error: (value) => {
    if (value === 'NONE') return 'NONE is no error'
    if (typeof value === 'string' && Object.hasOwn(ErrorCode, value)) return undefined
    const near = typeof value === 'string' ? orNear(value, Object.keys(ErrorCode)) : ''
    return `Kafka has no error ${shown(value)}${near}`
  },
  drop: oneOf('request', 'response'),
  close: oneOf('before', 'after'),
  delayMs: whole(1, DELAY_MS_MAX),
  times: whole(1),
  skip: whole(0),
  probability: (value) =>
    typeof value === 'number' && value > 0 && value <= 1
      ? undefined
      : `must be above 0 and at most 1, not ${shown(value)}`,
}

/** All that is wrong with what somebody, perhaps over HTTP, says is a fault. */
export function faultProblems(spec: unknown, apiNames: readonly string[]): FaultProblem[] {
  if (typeof spec !== 'object' || spec === null || Array.isArray(spec)) {
    return [{ field: 'fault', message: `must be an object, not ${shown(spec)}` }]
  }
  const problems: FaultProblem[] = []
  for (const [field, value] of Object.entries(spec)) {
    if (value === undefined) continue
    const check = Object.hasOwn(CHECKS, field) ? CHECKS[field as keyof FaultSpec] : undefined
    const message = check ? check(value, apiNames) : `a fault has no such field${orNear(field, Object.keys(CHECKS))}`
    if (message !== undefined) problems.push({ field, message })
  }
  const effects = EFFECTS.filter((name) => (spec as FaultSpec)[name] !== undefined)
  if (effects.length === 0)
    problems.push({ field: 'error', message: `one of ${EFFECTS.join(', ')} must say what happens` })
  const ends = effects.filter((name) => name !== 'delayMs')
  if (ends.length > 1) problems.push({ field: ends[1]!, message: `excludes ${ends[0]}: a request ends in one way` })
  return problems
}

/** A pattern matches whole strings only. */
export function wholeString(text: string): RegExp {
  return new RegExp(`^(?:${text})$`, 'u')
}

function orNear(name: string, names: Iterable<string>): string {
  const near = nearName(name, names)
  return near === undefined ? '' : `; did you mean ${near}?`
}

function shown(value: unknown): string {
  const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? String(value))
  return text.length > 60 ? `${text.slice(0, 60)}…` : text
}
