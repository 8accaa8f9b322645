// Text → configuration, or every problem of it at once.
import type { z } from 'zod'
import { type ConfigDocument, type Path, parseDocument } from './document.ts'
import { nearName } from './near-name.ts'
import { ConfigError, type Problem, problemsMax } from './problem.ts'

export type Environment = Readonly<Record<string, string | undefined>>

export interface Loaded<T> {
  readonly config: T
  readonly warnings: readonly Problem[]
}

/** What a whole-file rule says of a parsed configuration, by path. */
export interface Finding {
  readonly severity?: 'error' | 'warning'
  readonly rule: string
  readonly message: string
  readonly path: Path
  /** The key at fault in the mapping at `path`; absent: the value there. */
  readonly key?: string
}

/** Parses `text` against `schema`, then against the rules that span fields. Throws ConfigError with all problems. */
export function load<S extends z.ZodType>(
  schema: S,
  rules: (config: z.output<S>) => Iterable<Finding>,
  text: string,
  file: string,
  env: Environment,
): Loaded<z.output<S>> {
  const document = parseDocument(text, env)
  const problems = [...document.problems]
  if (document.value === undefined) throw new ConfigError(file, problems)
  const parsed = schema.safeParse(document.value)
  if (!parsed.success) problems.push(...parsed.error.issues.flatMap((issue) => describe(issue, [], document, schema)))
  else {
    for (const { severity = 'error', rule, message, path, key } of rules(parsed.data)) {
      problems.push({ severity, rule, message, ...document.position(path, key) })
    }
  }
  problems.sort((a, b) => a.line - b.line || a.column - b.column)
  if (!parsed.success || problems.some((problem) => problem.severity === 'error')) {
    throw new ConfigError(file, cap(problems))
  }
  return { config: parsed.data, warnings: problems }
}

function cap(problems: readonly Problem[]): readonly Problem[] {
  if (problems.length <= problemsMax) return problems
  const shown = problems.slice(0, problemsMax)
  const last = shown[problemsMax - 1]!
  return [...shown, { ...last, rule: 'more', message: `and ${problems.length - problemsMax} more problems` }]
}

type Issue = z.core.$ZodIssue

function describe(issue: Issue, prefix: Path, document: ConfigDocument, schema: z.ZodType): Problem[] {
  const path = [...prefix, ...issue.path]
  const problem = (rule: string, message: string, key?: string, offset?: number): Problem => ({
    severity: 'error',
    rule,
    message:
      path.length > 0 || key !== undefined
        ? `${pathText(key === undefined ? path : [...path, key])}: ${message}`
        : message,
    ...document.position(path, key, offset),
  })
  switch (issue.code) {
    case 'unrecognized_keys': {
      const allowed = keysAt(schema, path)
      return issue.keys.map((key) => problem('unknown-key', unknownKey(key, allowed, path, schema), key))
    }
    case 'invalid_type':
      if (issue.input === undefined && valueAt(document.value, path) === undefined)
        return [problem('missing', 'is required')]
      return [
        problem(
          'wrong-type',
          `expected ${article(issue.expected)}${keysText(issue.expected, keysAt(schema, path))}, found ${found(valueAt(document.value, path))}`,
        ),
      ]
    case 'invalid_value':
      if (valueAt(document.value, path) !== undefined && !isDefaultMessage(issue.message))
        return [problem('wrong-value', issue.message)]
      return [choice(issue.values.map(String), valueAt(document.value, path), problem)]
    case 'invalid_union':
      // Of alternatives that a key tells apart, that key is at fault.
      if ('options' in issue && issue.discriminator !== undefined)
        return [choice(issue.options!.map(String), valueAt(document.value, path), problem)]
      return union(issue, path, document, schema, problem)
    case 'invalid_key':
      return issue.issues.map((inner) => problem('wrong-name', inner.message))
    case 'custom':
      return [problem('wrong-value', issue.message, undefined, issue.params?.['offset'] as number | undefined)]
    default:
      return [problem('wrong-value', issue.message)]
  }
}

function choice(
  values: readonly string[],
  value: unknown,
  problem: (rule: string, message: string) => Problem,
): Problem {
  if (value === undefined) return problem('missing', `is required: ${values.join(' | ')}`)
  const near = typeof value === 'string' ? nearName(value, values) : undefined
  const hint = near ? `; did you mean ${near}?` : ''
  return problem('wrong-value', `expected ${values.join(' | ')}, found ${found(value)}${hint}`)
}

/** Of a union's alternatives, the one of the right shape is the one that was meant. */
function union(
  issue: Extract<Issue, { code: 'invalid_union' }>,
  path: Path,
  document: ConfigDocument,
  schema: z.ZodType,
  problem: (rule: string, message: string) => Problem,
): Problem[] {
  const value = valueAt(document.value, path)
  if (value === undefined) return [problem('missing', 'is required')]
  const rightShape = issue.errors.filter(
    (errors) => !errors.some((e) => e.path.length === 0 && e.code === 'invalid_type'),
  )
  const hasOwnWords = !isDefaultMessage(issue.message)
  const isWrongWord = rightShape.every((errors) =>
    errors.every((e) => e.path.length === 0 && e.code === 'invalid_value'),
  )
  if (hasOwnWords && isWrongWord) return [problem('wrong-value', issue.message)]
  if (rightShape.length === 1) return rightShape[0]!.flatMap((inner) => describe(inner, path, document, schema))
  if (hasOwnWords) return [problem('wrong-value', issue.message)]
  const allowed = issue.errors.flatMap((errors) =>
    errors.flatMap((e) =>
      e.code === 'invalid_value' ? e.values.map(String) : e.code === 'invalid_type' ? [article(e.expected)] : [],
    ),
  )
  return [problem('wrong-value', `expected ${[...new Set(allowed)].join(' | ')}, found ${found(value)}`)]
}

function unknownKey(key: string, allowed: readonly string[], path: Path, schema: z.ZodType): string {
  if (allowed.includes(key)) return 'does not go with what else stands here'
  const near = nearName(key, allowed)
  if (near) return `unknown key; did you mean ${near}?`
  const home = homeOf(key, schema)
  const here = allowed.length <= KEYS_SHOWN ? `; allowed here: ${[...allowed].sort().join(', ')}` : ''
  if (home && home !== pathText(path)) return `unknown key; ${key} belongs under ${home}${here}`
  return `unknown key; allowed here: ${[...allowed].sort().join(', ')}`
}

const KEYS_SHOWN = 6

/** What a mapping that was expected may hold, where that is soon said. */
const keysText = (expected: string, keys: readonly string[]) =>
  expected === 'object' && keys.length > 0 && keys.length <= KEYS_SHOWN ? ` with ${keys.join(', ')}` : ''

interface Shaped {
  shape?: Record<string, z.ZodType>
  element?: z.ZodType
  valueType?: z.ZodType
  options?: readonly z.ZodType[]
  unwrap?: () => z.ZodType
}

function inner(schema: z.ZodType): Shaped {
  let bare = schema as Shaped & z.ZodType
  while (bare.unwrap && !bare.shape && !bare.element) bare = bare.unwrap() as Shaped & z.ZodType
  return bare
}

function keysAt(schema: z.ZodType, path: Path): string[] {
  let levels = [inner(schema)]
  for (const step of path) {
    levels = levels.flatMap((level) => {
      const next = level.shape?.[String(step)] ?? level.element ?? level.valueType
      return next ? alternatives(next) : []
    })
  }
  return [...new Set(levels.flatMap((level) => Object.keys(level.shape ?? {})))]
}

function alternatives(schema: z.ZodType): Shaped[] {
  const bare = inner(schema)
  return bare.options ? bare.options.flatMap(alternatives) : [bare]
}

/** Where `key` would be right: the first place of the schema that has it. */
function homeOf(key: string, schema: z.ZodType, at = ''): string | undefined {
  for (const level of alternatives(schema)) {
    if (level.shape && Object.hasOwn(level.shape, key) && at !== '') return at
    for (const [name, field] of Object.entries(level.shape ?? {})) {
      const found = homeOf(key, field, at === '' ? name : `${at}.${name}`)
      if (found) return found
    }
    if (level.element) {
      const found = homeOf(key, level.element, `${at}[]`)
      if (found) return found
    }
    if (level.valueType) {
      const found = homeOf(key, level.valueType, `${at}.<name>`)
      if (found) return found
    }
  }
  return undefined
}

function pathText(path: Path): string {
  return path
    .map((step, index) => (typeof step === 'number' ? `[${step}]` : `${index > 0 ? '.' : ''}${String(step)}`))
    .join('')
}

function valueAt(value: unknown, path: Path): unknown {
  let at = value
  for (const step of path)
    at = at !== null && typeof at === 'object' ? (at as Record<PropertyKey, unknown>)[step] : undefined
  return at
}

const isDefaultMessage = (message: string) => message.startsWith('Invalid ')

function article(type: string): string {
  const names: Record<string, string> = {
    array: 'a list',
    object: 'a mapping',
    record: 'a mapping',
    string: 'text',
    int: 'a whole number',
  }
  return names[type] ?? `a ${type}`
}

/** The kind of a value, never the value: it may be a secret in the wrong place. Plain words and numbers are safe enough to show. */
function found(value: unknown): string {
  if (value === null) return 'nothing'
  if (Array.isArray(value)) return 'a list'
  if (typeof value === 'object') return 'a mapping'
  if (typeof value === 'string' && /^[A-Za-z_-]{1,24}$/.test(value)) return JSON.stringify(value)
  return typeof value === 'string' ? 'text' : `the ${typeof value} ${String(value)}`
}
